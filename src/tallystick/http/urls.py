"""Where a customer may be sent: pure."""

from urllib.parse import urlsplit

from tallystick.kernel.actor import Mode
from tallystick.kernel.errors import Invalid

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def check_url(field: str, url: str | None, mode: Mode, public_url: str) -> str:
    """The address, '' for none. Raises Invalid for one that is neither https nor of this server, nor, in test mode,
    of this machine."""
    if url is None:
        return ""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    # a gateway may fill its own name for the page in between braces
    text = url.replace("{CHECKOUT_SESSION_ID}", "")
    plain = text.isascii() and text.isprintable() and not set(text) & set(' \\<>"`{|}^')
    if host and plain and parts.username is None and parts.password is None:
        if parts.scheme == "https" or _origin(url) == _origin(public_url):
            return url
        if parts.scheme == "http" and mode is Mode.TEST and host in _LOOPBACK:
            return url
    raise Invalid(
        field,
        "must be an https address, or one of this server's; in test mode also http to this machine",
    )


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, parts.hostname, port
