"""The README's receiver, as it is printed there."""

import asyncio
import re
import socket
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from tallystick.domain.webhooks import jobs
from tallystick.gateways.deliver import HttpSender

from .conftest import Post, until

pytestmark = pytest.mark.anyio

README = Path(__file__).parents[3] / "README.md"


def printed() -> str:
    """The receiver, with dots for the endpoint's secret."""
    [code] = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert '"whsec_..."' in code
    return str(code)


async def test_it_verifies_what_we_send(post: Post, capsys: pytest.CaptureFixture[str]) -> None:
    code = printed()
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{sock.getsockname()[1]}/hook"
    issued = await post.issue(url, allow_private=True)
    there: dict[str, Any] = {}
    exec(compile(code.replace("whsec_...", issued.secret), "README.md", "exec", dont_inherit=True), there)
    server = uvicorn.Server(uvicorn.Config(there["app"], lifespan="off", log_level="critical"))
    serving = asyncio.create_task(server._serve(sockets=[sock]))
    await until(lambda: server.started)
    async with HttpSender(allow_private=True) as sender:
        await post.happen("hello")
        await jobs.fan_out(post.db)
        await jobs.deliver_due(post.db, sender, post.vault)
        forged = await sender.send(url, [("webhook-id", "x")], b"{}")
    server.should_exit = True
    await serving
    sock.close()
    [row] = await post.deliveries()
    assert (row.status, row.last_status) == ("succeeded", 200)
    assert capsys.readouterr().out == "invoice.paid {'n': 'hello'}\n"
    assert forged.status == 400
