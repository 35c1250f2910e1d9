"""Sending what is due, many at once: an endpoint that is slow or dead takes its own places and no other's."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, Self
from uuid import UUID

import structlog
from standardwebhooks import Webhook

from tallystick.db.pool import Database
from tallystick.domain.events import views as events
from tallystick.domain.events.views import Text
from tallystick.domain.identity import views as identity
from tallystick.domain.identity.vault import Vault
from tallystick.kernel.errors import Conflict, Unavailable

from . import recording, signing
from .model import Claimed
from .port import Headers, Outcome, Sender
from .recording import Tried

log = structlog.get_logger()

AT_ONCE: Final = 64
"""Deliveries of a worker on their way at once,"""
EACH: Final = 16
"""and of them to one endpoint."""
TURN: Final = 1.0
"""Seconds that one `Courier.run` goes on while there is more to do."""
LAST: Final = 5.0
"""Seconds for which what is on its way may still come back when it is time to stop."""

_GATHER: Final = 0.004  # seconds in which others that come back share a transaction
_GLANCE: Final = 0.05
_MOST_KNOWN: Final = 10_000


class Courier:
    """Has deliveries on their way. Any number of them, in any process, share the work without sending twice."""

    def __init__(
        self,
        db: Database,
        sender: Sender,
        vault: Vault,
        *,
        last: float = LAST,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """``last`` is in seconds. ``chance`` gives a number from 0 to 1, for the jitter of retries."""
        self._db = db
        self._sender = sender
        self._vault = vault
        self._last = last
        self._chance = chance
        self._on_way: dict[asyncio.Task[Tried], UUID] = {}
        self._back: list[Tried] = []
        self._signers: dict[tuple[UUID, bytes], Webhook] = {}
        self._apps: dict[int, UUID] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait a little for what is on its way. What does not come back in time is sent again after its lease."""
        if self._on_way:
            await asyncio.wait(self._on_way, timeout=self._last)
        self._collect()
        late = list(self._on_way)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        self._on_way.clear()
        try:
            await self._record_only()
        except Unavailable as fact:
            log.warning(
                "webhooks are sent again: what came of them is lost",
                count=len(self._back),
                reason=fact.message,
            )

    @property
    def busy(self) -> bool:
        """Whether anything is on its way, or came back and is not recorded."""
        return bool(self._on_way or self._back)

    async def run(self) -> int:
        """Record what came back and send what is due, until there is no more of either or the turn is over.

        Gives how many tries were recorded. What is on its way stays so. Raises Unavailable.
        """
        total, end = 0, time.monotonic() + TURN
        while True:
            recorded, claimed = await self._step()
            total += recorded
            if not (recorded or claimed) or time.monotonic() > end:
                return total
            await self.wait(_GLANCE)

    async def wait(self, seconds: float) -> None:
        """Wait until something came back, at most so long."""
        if self._on_way:
            await asyncio.wait(self._on_way, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.sleep(_GATHER)

    async def _step(self) -> tuple[int, int]:
        """One transaction: record what came back, and claim as much as there is room for."""
        self._collect()
        back = list(self._back)
        room = AT_ONCE - len(self._on_way)
        texts: dict[tuple[int, int], Text] = {}
        claimed: list[Claimed] = []
        if not (room or back):
            return 0, 0
        async with self._db.tx() as tx:
            await recording.record(tx, back)
            if room:
                busy = Counter(self._on_way.values())
                claimed = await recording.claim(tx, room=room, each=EACH, busy=busy)
                texts = await events.texts(tx, [(one.tenant, one.event_place) for one in claimed])
                for tenant in {one.tenant for one in claimed} - set(self._apps):
                    self._apps[tenant] = (await identity.tenant(tx, tenant)).app_id
        del self._back[: len(back)]
        for one in sorted(claimed, key=lambda one: one.event_place):
            task = asyncio.create_task(self._send(one, texts.get((one.tenant, one.event_place))))
            self._on_way[task] = one.endpoint
        return len(back), len(claimed)

    async def _record_only(self) -> None:
        if self._back:
            async with self._db.tx() as tx:
                await recording.record(tx, self._back)
            self._back.clear()

    def _collect(self) -> None:
        for task in [task for task in self._on_way if task.done()]:
            del self._on_way[task]
            self._back.append(task.result())

    async def _send(self, one: Claimed, text: Text | None) -> Tried:
        at = datetime.now(UTC)
        headers: Headers = ()
        try:
            if text is None:
                raise Conflict("event_forgotten", "The event is no longer kept.")
            body = signing.body(one.event_type, text.at, text.data, self._apps[one.tenant])
            headers = signing.headers(one.event, one.event_type, one.attempt, body, self._signers_of(one), at)
            outcome = await self._sender.send(one.url, headers, body)
        except Conflict as fact:
            outcome = Outcome(None, error="not_signed", detail=fact.message)
        except Exception:  # a fault in one delivery must not stop the others
            log.exception("a webhook could not be sent", delivery=str(one.id))
            outcome = Outcome(None, error="fault", detail="A fault of this server.")
        return Tried(one, at, headers, outcome, self._chance())

    def _signers_of(self, one: Claimed) -> Sequence[Webhook]:
        """What signs for the receiver: the new secret first. Raises Conflict("sealed_elsewhere")."""
        return [self._signer(one.endpoint, sealed) for sealed in (one.secret, one.previous_secret) if sealed]

    def _signer(self, endpoint: UUID, sealed: bytes) -> Webhook:
        known = self._signers.get((endpoint, sealed))
        if known is None:
            if len(self._signers) >= _MOST_KNOWN:
                self._signers.clear()
            known = self._signers[endpoint, sealed] = signing.signer(self._vault, endpoint, sealed)
        return known
