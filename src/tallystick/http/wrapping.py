"""What wraps an ASGI application's two ends: messages that are watched, replayed, or left out."""

from .hot import Message, Receive, Scope, Send


class Watched:
    """Passes messages on and remembers the status."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)


def replayed(body: bytes, receive: Receive) -> Receive:
    """A receive that gives the body that was read, then what else there is."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def without_body(send: Send) -> Send:
    """A send that leaves bodies out: what HEAD asks for."""

    async def head(message: Message) -> None:
        if message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await send(message)

    return head


async def not_http(scope: Scope, receive: Receive, send: Send) -> None:
    """The server's start and stop, which `wiring.system` sees to; and websockets, which nobody serves."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1000})
        return
    while scope["type"] == "lifespan":
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return
