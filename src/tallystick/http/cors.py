"""Cross-origin requests (the Fetch standard, 3.2): which other sites' pages may call this server from a browser.

Stands before the front, and only where origins are allowed at all. No cookie counts here, so credentials mode is
never allowed: a page sends its token in the Authorization header.
"""

from collections.abc import Sequence
from typing import Final

from .hot import ASGI, Headers, Message, Receive, Reply, Scope, Send, send_reply

ALLOWED: Final = "Authorization, Content-Type, Idempotency-Key, X-App, X-Account, Accept"
"""Headers that a page may send."""
EXPOSED: Final = "Idempotent-Replayed, Retry-After, WWW-Authenticate"
"""Headers of an answer that a page may read."""
METHODS: Final = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
"""Methods that a page may use: which of them an address has, its own 405 says, that the page may read."""
MAX_AGE: Final = 3600
"""Seconds for which a browser need not ask again."""
_ASKED: Final = b"access-control-request-method"
_VARY: Final[Headers] = ((b"vary", b"Origin"),)
_READABLE: Final[Headers] = ((b"access-control-expose-headers", EXPOSED.encode()),)
_PREFLIGHT: Final[Headers] = (
    (b"access-control-allow-methods", METHODS.encode()),
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
        if scope["type"] != "http" or self._is_closed(scope["path"]):
            await self._app(scope, receive, send)
            return
        allowed = self._allowed(next((value for name, value in scope["headers"] if name == b"origin"), b""))
        if allowed is None:
            await self._app(scope, receive, _adding(_VARY, send))
        elif scope["method"] == "OPTIONS" and any(name == _ASKED for name, _ in scope["headers"]):
            # whatever the address: of one that is not there the page shall read the 404
            await send_reply(send, Reply(204, b"", (*allowed, *_PREFLIGHT)))
        else:
            await self._app(scope, receive, _adding((*allowed, *_READABLE), send))

    def _is_closed(self, path: str) -> bool:
        return any(
            path.startswith(start) and path[len(start) : len(start) + 1] in ("", "/")
            for start in self._closed
        )

    def _allowed(self, origin: bytes) -> Headers | None:
        """What a listed origin is told, None of one that is not."""
        if self._any:
            return ((b"access-control-allow-origin", b"*"),)
        if origin.lower() in self._origins:
            return (*_VARY, (b"access-control-allow-origin", origin))
        return None


def _adding(more: Headers, send: Send) -> Send:
    """Send on, with more headers."""

    async def told(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], *more]}
        await send(message)

    return told
