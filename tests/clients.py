"""HTTP clients of the servers that tests start.

Those speak plain HTTP. A client of httpx's own reads the machine's certificates first, which takes longer than most
tests do: these trust nobody instead.
"""

import ssl
from collections.abc import Mapping
from typing import Final

import httpx2

_NOBODY: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
_WAITS: Final = 60.0
"""Seconds: generous, since no test may depend on how busy the machine is."""


def http_client(
    url: str = "", *, headers: Mapping[str, str] | None = None, follow_redirects: bool = False
) -> httpx2.Client:
    """A client of the server at ``url``, or of any."""
    return httpx2.Client(
        base_url=url, headers=headers, timeout=_WAITS, verify=_NOBODY, follow_redirects=follow_redirects
    )


def async_client(url: str, *, headers: Mapping[str, str] | None = None) -> httpx2.AsyncClient:
    """One that sends up to 128 requests at once."""
    limits = httpx2.Limits(max_connections=128)
    return httpx2.AsyncClient(base_url=url, headers=headers, timeout=_WAITS, verify=_NOBODY, limits=limits)
