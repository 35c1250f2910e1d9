"""Load that remembers: many clients, each request under a key of its own, each answer kept.

What a client does is drawn from the run's seed; what it meets is up to the machine, so a failure shows the
seed and the history.
"""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from .client import Answer, Connection, Unanswered

CLIENTS: Final = 32
ACCOUNTS: Final = 20
_DEFINITE: Final = 60.0  # seconds in which a request that is sent again and again must be answered


@dataclass(slots=True)
class Ask:
    """One write, as often as it was sent."""

    key: str
    kind: str
    path: str
    body: dict[str, Any]
    account: str
    hold: str | None = None
    tries: list[Answer | str] = field(default_factory=list)
    """Each try's answer, or why there was none."""

    @property
    def answer(self) -> Answer | None:
        """The first definite answer: not a 503, which says that nothing was recorded as far as is known."""
        for one in self.tries:
            if isinstance(one, Answer) and one.status != 503:
                return one
        return None

    @property
    def done(self) -> bool:
        return self.answer is not None and 200 <= self.answer.status < 300

    def told(self) -> str:
        tries = [
            one if isinstance(one, str) else f"{one.status} {one.body.decode(errors='replace')}"
            for one in self.tries
        ]
        return json.dumps({"key": self.key, "path": self.path, "body": self.body, "tries": tries})


@dataclass(slots=True)
class OpenHold:
    id: str
    account: str
    left: int


class Load:
    """Clients on accounts that it makes. ``asks`` is the history."""

    def __init__(
        self, port: int, credential: str, seed: int, folder: Path, *, clients: int = CLIENTS
    ) -> None:
        self.port = port
        self.credential = credential
        self.seed = seed
        self.history = folder / f"history-{seed}.jsonl"
        self.asks: list[Ask] = []
        self.accounts: list[str] = []
        self.answered = 0
        """Definite answers so far."""
        self.slowest = 0.0
        """Seconds of the slowest answer, and the longest time without a definite one."""
        self.pause = 0.0
        self._last_at = 0.0
        self._clients = clients
        self._stop = asyncio.Event()

    async def prepare(self) -> None:
        """The accounts, with credits for a while."""
        connection = Connection(self.port, self.credential)
        for n in range(ACCOUNTS):
            made = await connection.ask("POST", "/v2/accounts", {"external_id": f"load-{self.seed}-{n}"})
            assert made.status == 201, made.body
            self.accounts.append(made.json()["id"])
        for n, account in enumerate(self.accounts):
            await self.send(connection, self._grant(f"{self.seed}-first-{n}", account, 100))
        connection.close()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Load for as long as the block lasts; every client then ends its request."""
        self._stop.clear()
        async with asyncio.TaskGroup() as tasks:
            for number in range(self._clients):
                tasks.create_task(self._client(number))
            try:
                yield
            finally:
                self._stop.set()

    def watch(self) -> None:
        """Measure ``slowest`` and ``pause`` from now on."""
        self.slowest = self.pause = 0.0
        self._last_at = asyncio.get_running_loop().time()

    async def progress(self, more: int, seconds: float = 60) -> None:
        """Wait for so many more answers."""
        loop = asyncio.get_running_loop()
        began, before = loop.time(), self.answered
        while self.answered - before < more:
            assert loop.time() - began < seconds, (
                f"seed {self.seed}: {self.answered - before} answers in {seconds} s; last: {self.last()}"
            )
            await asyncio.sleep(0.01)

    def last(self) -> list[str]:
        return [ask.told() for ask in self.asks[-5:]]

    async def send(self, connection: Connection, ask: Ask) -> Answer | None:
        """Send once more; the answer, if it is a definite one."""
        if not ask.tries:
            self.asks.append(ask)
        try:
            answer = await connection.ask("POST", ask.path, ask.body, ask.key)
        except Unanswered as error:
            ask.tries.append(str(error))
            return None
        ask.tries.append(answer)
        self.slowest = max(self.slowest, answer.seconds)
        if answer.status == 503:
            return None
        self.answered += 1
        now = asyncio.get_running_loop().time()
        self.pause, self._last_at = max(self.pause, now - self._last_at), now
        return answer

    async def insist(self, connection: Connection, ask: Ask) -> Answer:
        """Send until there is a definite answer."""
        deadline = asyncio.get_running_loop().time() + _DEFINITE
        while (answer := await self.send(connection, ask)) is None:
            assert asyncio.get_running_loop().time() < deadline, f"seed {self.seed}: no answer: {ask.told()}"
            await asyncio.sleep(0.05)
        return answer

    async def settle(self) -> list[Ask]:
        """Send what has no definite answer again, by many at once; those asks."""
        open_asks = [ask for ask in self.asks if ask.answer is None]
        random.Random(self.seed).shuffle(open_asks)
        await self._each(open_asks, lambda connection, ask: self.insist(connection, ask))
        return open_asks

    async def replay(self, most: int = 20_000) -> list[tuple[Ask, Answer]]:
        """Send what was answered once more; each ask with what it answers now."""
        asks = [ask for ask in self.asks if ask.answer is not None]
        asks = random.Random(self.seed).sample(asks, min(most, len(asks)))
        again: list[tuple[Ask, Answer]] = []

        async def once(connection: Connection, ask: Ask) -> None:
            again.append((ask, await connection.ask("POST", ask.path, ask.body, ask.key)))

        await self._each(asks, once)
        return again

    async def _each(self, asks: Sequence[Ask], act: Any) -> None:
        waiting = list(asks)

        async def work() -> None:
            connection = Connection(self.port, self.credential)
            while waiting:
                await act(connection, waiting.pop())
            connection.close()

        async with asyncio.TaskGroup() as tasks:
            for _ in range(16):
                tasks.create_task(work())

    def write_history(self) -> Path:
        self.history.write_text("".join(ask.told() + "\n" for ask in self.asks))
        return self.history

    # What a client does ----------------------------------------------------------------------------------

    async def _client(self, number: int) -> None:
        dice = random.Random(f"{self.seed} {number}")
        connection = Connection(self.port, self.credential)
        holds: list[OpenHold] = []
        turn = 0
        try:
            while not self._stop.is_set():
                turn += 1
                ask = self._next(dice, f"{self.seed}-{number}-{turn}", holds)
                answer = await self.send(connection, ask)
                # half of the clients' retries come at once, half are left for the end
                if answer is None and dice.random() < 0.5:
                    while answer is None and not self._stop.is_set():
                        await asyncio.sleep(dice.uniform(0.02, 0.3))
                        answer = await self.send(connection, ask)
                if answer is None:
                    await asyncio.sleep(dice.uniform(0.02, 0.3))
                _note(ask, answer, holds)
        finally:
            connection.close()

    def _next(self, dice: random.Random, key: str, holds: list[OpenHold]) -> Ask:
        account, kind = dice.choice(self.accounts), dice.random()
        if kind < 0.1:
            return self._grant(key, account, dice.randint(1, 60))
        if kind < 0.5:
            body = {"account": account, "amount": dice.choice([dice.randint(1, 20), "0.25", "1.5"])}
            return Ask(key, "debit", "/v2/debits", body, account)
        if kind < 0.6:
            to = dice.choice([one for one in self.accounts if one != account])
            body = {"from": account, "to": to, "amount": dice.randint(1, 20)}
            return Ask(key, "transfer", "/v2/transfers", body, account)
        if kind < 0.75 or not holds:
            body = {"account": account, "amount": dice.randint(2, 30), "expires_in": 86_400}
            return Ask(key, "hold", "/v2/holds", body, account)
        hold = dice.choice(holds)
        if kind < 0.92:
            body = {"amount": dice.randint(1, hold.left), "final": dice.random() < 0.5}
            return Ask(key, "capture", f"/v2/holds/{hold.id}/capture", body, hold.account, hold.id)
        return Ask(key, "release", f"/v2/holds/{hold.id}/release", {}, hold.account, hold.id)

    def _grant(self, key: str, account: str, amount: int) -> Ask:
        body = {"account": account, "amount": amount, "source": "purchase"}
        return Ask(key, "grant", "/v2/grants", body, account)


def _note(ask: Ask, answer: Answer | None, holds: list[OpenHold]) -> None:
    """Keep the client's own holds: one of which it does not know enough is not used again."""
    if ask.kind == "hold" and ask.done and answer is not None:
        holds.append(OpenHold(answer.json()["id"], ask.account, int(ask.body["amount"])))
    if ask.kind in ("capture", "release"):
        [hold] = [one for one in holds if one.id == ask.hold]
        hold.left -= ask.body.get("amount", 0)
        if not ask.done or ask.kind == "release" or ask.body["final"] or hold.left <= 0:
            holds.remove(hold)
