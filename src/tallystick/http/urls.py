"""Where a customer may be sent: pure."""

import re
from collections.abc import Collection
from typing import Final
from urllib.parse import urlsplit

from tallystick.kernel.actor import Mode
from tallystick.kernel.errors import Invalid

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_PORTS = {"http": 80, "https": 443}
_AUTHORITY: Final = re.compile(r"(\[[^\[\]@]+\]|[^\[\]@:]+)(:[0-9]*)?")
"""A host, and perhaps a port: nothing stands around an address in brackets."""


def check_url(
    field: str, url: str | None, mode: Mode, public_url: str, origins: Collection[str] | None = None
) -> str:
    """The address, '' for none. Raises Invalid for one that is neither https nor of this server, nor, in test mode,
    of this machine.

    With ``origins`` (in lower case, ``*`` is any), https is not enough: it must be of one of those.
    """
    if url is None:
        return ""
    listed = origins is not None and "*" not in origins
    if _plain(url):
        if _origin(url) == _origin(public_url):
            return url
        scheme, host, _ = _origin(url)
        if scheme in _PORTS and mode is Mode.TEST and host in _LOOPBACK:
            return url
        if _is_listed(url, origins or ()) if listed else scheme == "https":
            return url
    raise Invalid(
        field,
        "must be of an origin of CORS_ALLOWED_ORIGINS, or one of this server's; in test mode also of this machine"
        if listed
        else "must be an https address, or one of this server's; in test mode also http to this machine",
    )


def _plain(url: str) -> bool:
    """Whether it is a whole address that a browser reads as we do, without a name and password."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return False
    # a gateway may fill its own name for the page in between braces
    text = url.replace("{CHECKOUT_SESSION_ID}", "")
    plain = text.isascii() and text.isprintable() and not set(text) & set(' \\<>"`{|}^')
    return bool(host) and plain and port != 0 and _AUTHORITY.fullmatch(parts.netloc) is not None


def _is_listed(url: str, origins: Collection[str]) -> bool:
    return any(_origin(url) == _origin(one) for one in origins)


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)
