"""The processes of one `serve`: several servers on one socket, children that die, and a parent that does."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from tests.chaos.client import Connection

from .running import Home, Serving, alive, within


@contextmanager
def asleep(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def two_servers(home: Home) -> tuple[Serving, list[int]]:
    serving = home.serve("--workers", "2")
    assert within(10, lambda: len(serving.children("serve-on")) == 2)
    servers = serving.children("serve-on")
    # each answers while the other cannot
    for other in servers:
        with asleep(other):
            assert within(20, serving.ready)
    return serving, servers


async def spend(port: int, key: str, *, clients: int, each: int) -> tuple[str, Counter[int]]:
    """64 clients want 20,000 of a wallet's 10,000, at once."""
    connection = Connection(port, key)
    account = (await connection.ask("POST", "/v2/accounts", {})).json()["id"]
    await connection.ask("POST", "/v2/grants", {"account": account, "amount": 10_000})
    connection.close()
    statuses: Counter[int] = Counter()

    async def client() -> None:
        mine = Connection(port, key)
        for _ in range(each):
            answer = await mine.ask("POST", "/v2/debits", {"account": account, "amount": 10})
            statuses[answer.status] += 1
        mine.close()

    async with asyncio.TaskGroup() as tasks:
        for _ in range(clients):
            tasks.create_task(client())
    return account, statuses


def test_two_processes_are_as_exact_as_one(home: Home) -> None:
    serving, _ = two_servers(home)
    account, statuses = asyncio.run(spend(serving.port, serving.key, clients=64, each=32))
    assert statuses == {201: 1000, 402: 64 * 32 - 1000}
    with serving.client(serving.key) as client:
        [wallet] = client.get(f"/v2/accounts/{account}/balance").json()["balances"]
    assert (wallet["posted"], wallet["available"]) == ("0", "0")
    assert home.json("verify", "--json")["ok"]
    assert serving.stop(signal.SIGINT) == 0
    assert home.family() == []
    assert "died" not in serving.err


def gone(pid: int) -> bool:
    return not alive(pid)


def has(serving: Serving, word: str, count: int) -> bool:
    return len(serving.children(word)) == count


def test_children_that_die_are_started_again(home: Home) -> None:
    serving, servers = two_servers(home)
    [worker] = serving.children("worker")
    for killed, word, count in ((servers[0], "serve-on", 2), (worker, "worker", 1)):
        os.kill(killed, signal.SIGKILL)
        assert within(2, partial(gone, killed))
        assert serving.ready(), "the other goes on"
        assert within(15, partial(has, serving, word, count))
    assert "process died, starting it again" in serving.err
    [new] = set(serving.children("serve-on")) - set(servers)
    with asleep(servers[1]):
        assert within(20, serving.ready), f"{new} answers"


def test_children_end_with_their_parent(home: Home) -> None:
    serving, servers = two_servers(home)
    [worker] = serving.children("worker")
    serving.kill()
    assert within(10, lambda: not any(alive(pid) for pid in (*servers, worker)))
    assert within(10, lambda: home.family() == []), "the database too"
    again = home.serve("--workers", "2", port=serving.port)
    assert again.stop() == 0


def test_a_server_without_a_worker(home: Home) -> None:
    serving = home.serve("--no-worker")
    assert serving.children("worker") == []
    assert serving.stop() == 0
