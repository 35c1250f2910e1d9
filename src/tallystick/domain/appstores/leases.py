"""Who of several processes fetches an app: a row, held for as long as it is renewed, and no lock while the store is
asked. Who dies holding it is succeeded when it is over."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final
from uuid import UUID

import structlog

from tallystick.db.pool import Database, run, value
from tallystick.kernel.errors import Unavailable
from tallystick.kernel.ids import uuid7

from .views import Name, q

log = structlog.get_logger()

LEASE: Final = 15
"""Seconds, by the machine's time: renewed each third of it."""


@contextlib.asynccontextmanager
async def lease(db: Database, name: Name, *, seconds: int = LEASE) -> AsyncIterator[bool]:
    """Whether fetching this app is the caller's for as long as the context lasts. Raises Unavailable."""
    holder = uuid7()
    values = {**name._asdict(), "holder": holder, "seconds": seconds}
    async with db.connection() as conn:
        taken: UUID | None = await value(conn, q.take_fetch, values)
    if taken != holder:
        yield False
        return
    renewing = asyncio.create_task(_renewed(db, values, seconds / 3), name="store lease")
    try:
        yield True
    finally:
        renewing.cancel()
        await asyncio.wait([renewing])
        await _run(db, q.drop_fetch, values)


async def _renewed(db: Database, values: dict[str, object], pause: float) -> None:
    while True:
        await asyncio.sleep(pause)
        await _run(db, q.keep_fetch, values)


async def _run(db: Database, query: str, values: dict[str, object]) -> None:
    try:
        async with db.connection() as conn:
            await run(conn, query, values)
    except Unavailable as fact:  # nobody waits for it longer than the lease is long
        log.warning("a store lease is left as it is", reason=fact.message)
