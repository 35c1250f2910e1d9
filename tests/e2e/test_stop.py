"""Stopping: requests under way are answered first, and then nothing is left running."""

import asyncio
import os
import signal
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import psycopg
import pytest

from tests.chaos.load import Load
from tests.chaos.proof import rows_by_key

from .running import Home, Serving, alive, within

SIGNALS = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])


def everyone(serving: Serving) -> list[int]:
    home = serving.home
    named = [serving.pid, *serving.children("worker"), home.supervisor(), home.postmaster()]
    assert len(named) == 4
    assert set(named) <= set(home.family())
    return home.family()


@SIGNALS
def test_nothing_is_left(home: Home, number: signal.Signals) -> None:
    serving = home.serve()
    pids = everyone(serving)
    began = time.monotonic()
    assert serving.stop(number) == 0
    assert time.monotonic() - began < 10
    assert not [pid for pid in pids if alive(pid)]
    assert home.family() == []
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(serving.address + "/healthz")
    assert "starting it again" not in serving.err
    assert "Traceback" not in serving.err


def test_a_request_under_way_is_answered(home: Home) -> None:
    serving = home.serve()
    with serving.client(serving.key) as client:
        account = client.post("/v2/accounts", json={}).json()["id"]
        client.post("/v2/grants", json={"account": account, "amount": 10})
        idle = socket.create_connection(("127.0.0.1", serving.port))  # one that asks nothing must not delay
        with (
            psycopg.connect(home.database_url()) as other,
            ThreadPoolExecutor() as pool,
        ):
            # somebody else holds the account, so that the debit is under way when the signal comes
            other.execute("select * from account_head for update")
            debit = pool.submit(client.post, "/v2/debits", json={"account": account, "amount": 4})
            time.sleep(0.5)
            assert not debit.done()
            os.killpg(serving.pid, signal.SIGINT)
            time.sleep(2)  # longer than a worker that ended by itself would wait to come back
            assert not debit.done()
            other.rollback()
            assert debit.result(10).status_code == 201
            assert debit.result().json()["available"] == "6"
        assert serving.process.wait(15) == 0
        idle.close()
    assert "starting it again" not in serving.err
    assert within(5, lambda: home.family() == [])


def test_a_body_that_is_still_coming_is_waited_for(home: Home) -> None:
    serving = home.serve()
    body = b'{"external_id": "late"}'
    head = (
        f"POST /v2/accounts HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {serving.key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", serving.port), timeout=10) as conn:
        conn.sendall(head.encode() + body[:5])
        time.sleep(0.3)
        os.kill(serving.pid, signal.SIGTERM)
        time.sleep(0.5)
        conn.sendall(body[5:])
        assert conn.recv(65536).startswith(b"HTTP/1.1 201")
    assert serving.process.wait(15) == 0


def test_under_load_whoever_is_not_answered_changed_nothing(home: Home, tmp_path: Path) -> None:
    serving = home.serve()
    seed = int.from_bytes(os.urandom(4))
    load = Load(serving.port, serving.key, seed, tmp_path)

    async def run() -> None:
        await load.prepare()
        async with load.running():
            await load.progress(300)
            os.kill(serving.pid, signal.SIGTERM)
            await asyncio.to_thread(serving.process.wait, 20)

    asyncio.run(run())
    assert serving.process.returncode == 0
    home.serve()
    rows = rows_by_key(load, home.database_url())
    asks = [*load.asks]
    assert [ask for ask in asks if ask.answer is None], "some came too late"
    wrong = [ask.told() for ask in asks if rows[ask.key] != (ask.answer is not None)]
    assert not wrong, f"seed {seed}: {wrong[:20]}"


def test_a_second_signal_hurries(home: Home) -> None:
    serving = home.serve()
    with socket.create_connection(("127.0.0.1", serving.port)) as conn:
        conn.sendall(b"POST /v2/accounts HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{")
        time.sleep(0.3)
        os.kill(serving.pid, signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            serving.process.wait(1)
        os.kill(serving.pid, signal.SIGTERM)
        serving.process.wait(10)
    assert within(5, lambda: home.family() == [])
