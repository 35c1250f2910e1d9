"""Request statistics and the last use of API keys, added up in memory and written each second.

A process that is killed loses that second; one that is stopped loses nothing. While the database is away the
counts wait, up to a bound; what is dropped beyond it is counted and logged. A commit whose answer got lost is
written again, so such a second may count twice: these are statistics, the books are elsewhere.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

import structlog

from tallystick.db.pool import LOSABLE, Database, Rejected, classified, run
from tallystick.domain.identity.keys import write_last_used
from tallystick.kernel.errors import Fact

from .actions import add
from .model import Key

log = structlog.get_logger()

INTERVAL: Final = 1.0  # seconds between flushes
CHUNK: Final = 1000  # rows a transaction: a few milliseconds, so that the lanes' batches pass between
MOST_KEYS: Final = 100_000  # kinds of counts that wait at most, some 30 MB


class UsedKeys(Protocol):
    """Tells when API keys were used since it was last asked (identity's `Credentials`)."""

    def seen_keys(self) -> Mapping[UUID, datetime]: ...


class RequestCounter:
    """Counts requests. `start` before use; `stop` writes what is left."""

    def __init__(
        self,
        db: Database,
        credentials: UsedKeys,
        *,
        now: Callable[[], float] = time.time,
        most_keys: int = MOST_KEYS,
    ) -> None:
        self._db = db
        self._credentials = credentials
        self._now = now
        self._most_keys = most_keys
        self._counts: dict[Key, int] = {}
        self._seen: dict[UUID, datetime] = {}
        self._dropped = 0
        self._failing = False
        self._task: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._flushing = asyncio.Lock()

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="request counter")

    async def stop(self) -> None:
        """Write what is left, in one try, and count no more in the background."""
        self._stopping.set()
        if self._task is not None:
            await self._task
        await self._flush_quietly()

    def count(self, account: int, route: str, ok: bool) -> None:
        """Count one answered request of the account (internal number). ``route`` is a template."""
        counts = self._counts
        key = (account, int(self._now()) // 60, route, ok)
        if key in counts:
            counts[key] += 1
        elif len(counts) < self._most_keys:
            counts[key] = 1
        else:
            self._dropped += 1

    async def flush(self) -> bool:
        """Write what was counted until now; give whether all of it is in the database."""
        async with self._flushing:
            done = await self._flush_counts() and await self._flush_seen()
        if done is self._failing:
            self._failing = not done
            log.warning(
                "request statistics wait for the database" if not done else "request statistics written"
            )
        if self._dropped:
            log.warning("request statistics dropped: too many kinds wait", dropped=self._dropped)
            self._dropped = 0
        return done

    async def _run(self) -> None:
        while not self._stopping.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), INTERVAL)
                return
            await self._flush_quietly()

    async def _flush_quietly(self) -> None:
        try:
            await self.flush()
        except Exception:  # a fault of ours must end neither the counting nor an orderly stop
            log.exception("request statistics cannot be written")

    async def _flush_counts(self) -> bool:
        """Write the counts, a chunk a transaction; those that could not be written wait on."""
        if not self._counts:
            return True
        counts, self._counts = self._counts, {}
        keys = list(counts)
        written = 0
        try:
            while written < len(keys):
                chunk = keys[written : written + CHUNK]
                await self._write({key: counts[key] for key in chunk})
                written += len(chunk)
        except Fact:
            return False
        finally:
            self._take_back({key: counts[key] for key in keys[written:]})
        return True

    async def _write(self, chunk: dict[Key, int]) -> None:
        try:
            with classified():
                async with self._db.tx() as tx:
                    await run(tx, LOSABLE)
                    await add(tx, chunk)
        except (Rejected, UnicodeError):
            # what PostgreSQL will never take must not keep the rest waiting
            self._dropped += sum(chunk.values())
            log.exception("request statistics refused")

    def _take_back(self, counts: Mapping[Key, int]) -> None:
        waiting = self._counts
        for key, count in counts.items():
            if key in waiting:
                waiting[key] += count
            elif len(waiting) < self._most_keys:
                waiting[key] = count
            else:
                self._dropped += count

    async def _flush_seen(self) -> bool:
        self._seen.update(self._credentials.seen_keys())
        if not self._seen:
            return True
        seen, self._seen = self._seen, {}
        try:
            async with self._db.tx() as tx:
                await run(tx, LOSABLE)
                await write_last_used(tx, dict(sorted(seen.items())))
        except Fact:
            self._seen = seen | self._seen
            return False
        return True
