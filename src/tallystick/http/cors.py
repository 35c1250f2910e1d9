"""Cross-origin requests (the Fetch standard, 3.2): which other sites' pages may call this server from a browser.

Stands before the front, and only where origins are allowed at all. No cookie counts here, so credentials mode is
never allowed: a page sends its token in the Authorization header.
"""

from collections.abc import Sequence
from typing import Final

from .hot import ASGI, Headers, Message, Receive, Scope, Send

ALLOWED: Final = "Authorization, Content-Type, Idempotency-Key, X-App, X-Account, Accept"
"""Headers that a page may send."""
EXPOSED: Final = "Idempotent-Replayed, Retry-After, WWW-Authenticate"
"""Headers of an answer that a page may read."""
MAX_AGE: Final = 3600
"""Seconds for which a browser need not ask again."""
_ASKED: Final = b"access-control-request-method"
_VARY: Final[Headers] = ((b"vary", b"Origin"),)
_READABLE: Final[Headers] = ((b"access-control-expose-headers", EXPOSED.encode()),)
_PREFLIGHT: Final[Headers] = (
    (b"access-control-allow-headers", ALLOWED.encode()),
    (b"access-control-max-age", b"%d" % MAX_AGE),
)


class Cors:
    """The application, with what browsers want to be told about it.

    ``origins`` are in lower case, ``*`` is any. Addresses under a prefix of ``closed`` are for no other site's pages.
    """

    def __init__(self, app: ASGI, origins: Sequence[str], closed: Sequence[str]) -> None:
        self._app = app
        self._any = "*" in origins
        self._origins = frozenset(origin.encode() for origin in origins)
        self._closed = tuple(closed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not self._is_closed(scope["path"]):
            origin = next((value for name, value in scope["headers"] if name == b"origin"), b"")
            send = self._telling(scope, origin, send)
        await self._app(scope, receive, send)

    def _is_closed(self, path: str) -> bool:
        return any(
            path.startswith(start) and path[len(start) : len(start) + 1] in ("", "/")
            for start in self._closed
        )

    def _telling(self, scope: Scope, origin: bytes, send: Send) -> Send:
        if self._any:
            allowed: Headers = ((b"access-control-allow-origin", b"*"),)
        elif origin.lower() in self._origins:
            allowed = (*_VARY, (b"access-control-allow-origin", origin))
        else:
            return _adding(_VARY, send)
        if scope["method"] == "OPTIONS" and any(name == _ASKED for name, _ in scope["headers"]):
            return _adding((*allowed, *_PREFLIGHT), send, methods=True)
        return _adding((*allowed, *_READABLE), send)


def _adding(more: Headers, send: Send, *, methods: bool = False) -> Send:
    """Send on, with more headers; ``methods``: those of the answer's Allow are the methods that a page may use."""

    async def told(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [*message["headers"], *more]
            if methods:
                headers += [
                    (b"access-control-allow-methods", value) for name, value in headers if name == b"allow"
                ]
            message = {**message, "headers": headers}
        await send(message)

    return told
