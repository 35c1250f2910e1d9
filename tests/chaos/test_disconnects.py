"""Clients that go away in mid-request, under load: what they asked is done once or not at all."""

import asyncio
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.running import Serving

from .client import Connection
from .load import Ask, Load
from .proof import Broken, prove, rows_by_key

RUDE = 8


async def be_rude(load: Load, number: int, times: int) -> list[Ask]:
    """Send halves and wholes, and never wait for the answer; those of which only a half was sent."""
    dice = random.Random(f"{load.seed} rude {number}")
    halves = []
    for turn in range(times):
        account = dice.choice(load.accounts)
        kind, path = dice.choice([("debit", "/v2/debits"), ("grant", "/v2/grants")])
        ask = Ask(f"{load.seed}-rude-{number}-{turn}", kind, path, {"account": account, "amount": 3}, account)
        whole = dice.random() < 0.6
        await Connection(load.port, load.credential).abandon(
            "POST", path, ask.body, ask.key,
            part=1 if whole else dice.uniform(0, 0.9), reset=dice.random() < 0.5,
            pause=dice.choice([0, 0, 0.002, 0.02]),
        )  # fmt: skip
        ask.tries.append("went away")
        load.asks.append(ask)
        if not whole:
            halves.append(ask)
    return halves


@pytest.mark.timeout(120)
def test_exact_though_clients_go_away(serve: Callable[..., Serving], seed: int, tmp_path: Path) -> None:
    serving = serve()
    load = Load(serving.port, serving.key, seed, tmp_path, clients=16)

    async def act() -> None:
        await load.prepare()
        async with load.running():
            halves = await asyncio.gather(*(be_rude(load, number, 60) for number in range(RUDE)))
            await load.progress(200)
        rows = rows_by_key(load, serving.home.database_url())
        if done := [ask for group in halves for ask in group if rows[ask.key]]:
            raise Broken(load, "done though only half was sent", done)
        figures = await prove(load, serving.home)
        assert figures["of them done before"], "some were done though nobody waited for the answer"
        assert "Traceback" not in serving.err, serving.err[-3000:]
        print(f"seed {seed}: {figures}")  # noqa: T201 - figures for who runs it with -s

    asyncio.run(act())
