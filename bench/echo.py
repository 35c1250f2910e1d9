"""The least that a server can do with the same bodies: read, decode, answer.

``python -m bench.echo PORT``. No credential, no routing, a made-up answer: what uvicorn and msgspec cost alone.
"""

import sys
from typing import Any

import msgspec
import uvicorn


class Debit(msgspec.Struct, forbid_unknown_fields=True):
    account: str
    amount: int | str


class Debited(msgspec.Struct):
    id: str
    account: str
    credit_type: str
    amount: int | str
    available: str
    posted: str
    held: str
    entry: str


_decode = msgspec.json.Decoder(Debit).decode
_encode = msgspec.json.Encoder().encode


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    body: bytes = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    asked = _decode(body)
    answer = _encode(
        Debited(
            id="debit_00041061050r3gg28a1c60t3gf",
            account=asked.account,
            credit_type="credits",
            amount=asked.amount,
            available="999999.999",
            posted="999999.999",
            held="0",
            entry="entry_00041061050r3gg28a1c60t3gf",
        )
    )
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
    await send({"type": "http.response.start", "status": 201, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


if __name__ == "__main__":
    uvicorn.run(
        app, port=int(sys.argv[1]), loop="uvloop", http="httptools", lifespan="off", access_log=False,
        log_level="warning", server_header=False, proxy_headers=False,
    )  # fmt: skip
