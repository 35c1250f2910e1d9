"""What the worker does for app stores. Safe to run twice, late, at once with itself, and killed at any point.

Tracked apps, those that somebody asked for in the last 90 days, are fetched once a day, so that their history has no
holes. It costs nobody anything.
"""

import asyncio
from dataclasses import dataclass
from typing import Any, Final

import structlog

from tallystick.db.pool import Database, all_rows, run
from tallystick.domain.identity import views as identity
from tallystick.kernel.errors import Unavailable

from .fetching import Fetching, free
from .port import AppUnknown, Platform, StoreFailed, Stores
from .views import Name, q

log = structlog.get_logger()

CHUNK: Final = 20
"""Apps claimed at once: what is claimed and not done is left alone for an hour."""
AT_ONCE: Final = 3
"""Apps of one chunk fetched beside each other: whoever asks for one now comes before those that can wait."""


@dataclass(slots=True)
class _Tenant:
    id: int


@dataclass(slots=True)
class _Due:
    id: int
    platform: Platform
    app_id: str
    country: str
    language: str


async def refresh_due(db: Database, stores: Stores, *, most: int = 200) -> int:
    """Fetch up to ``most`` tracked apps that are due, by each tenant's own time; give how many were tried.

    One that cannot be fetched is tried again after an hour, and ever later up to a day, and holds up no other.
    """
    async with db.connection() as conn:
        tenants = [row.id for row in await all_rows(conn, _Tenant, q.tenants_due)]
    fetching = Fetching(db, stores)
    done = 0
    while tenants and done < most:  # in turns: one with many apps keeps nobody waiting
        for tenant in tuple(tenants):
            claimed = await _claim(db, tenant, min(CHUNK, most - done))
            await _refresh(db, fetching, tenant, claimed)
            done += len(claimed)
            if len(claimed) < CHUNK:
                tenants.remove(tenant)
    return done


async def purge_fetches(db: Database) -> int:
    """Forget who was fetching an app when they died."""
    async with db.tx() as tx:
        return await run(tx, q.purge_fetches)


async def _claim(db: Database, tenant: int, limit: int) -> list[_Due]:
    async with db.tx() as tx:
        values = {"tenant": tenant, "now": await identity.now(tx, tenant)}
        await run(tx, q.forget, values)
        return await all_rows(tx, _Due, q.claim, values | {"limit": limit})


async def _refresh(db: Database, fetching: Fetching, tenant: int, claimed: list[_Due]) -> None:
    places = asyncio.Semaphore(AT_ONCE)
    results = await asyncio.gather(
        *(_fetch(db, fetching, tenant, due, places) for due in claimed), return_exceptions=True
    )
    for result in results:
        if isinstance(result, BaseException):
            raise result


async def _fetch(db: Database, fetching: Fetching, tenant: int, due: _Due, places: asyncio.Semaphore) -> None:
    name = Name(tenant, due.platform, due.app_id, due.country, due.language)
    query = None
    async with places:
        try:
            await fetching.get(name, "both", free, force=True, asked=False)
        except Unavailable:
            raise
        except AppUnknown:
            query = q.put_off
        except StoreFailed as failed:
            log.info("a tracked app was not fetched", app=due.app_id, reason=str(failed))
            query = q.again_soon if failed.fault == "busy" else q.put_off
        except Exception:  # a fault in one app must not hold up the others
            log.exception("fetching a tracked app failed", app=due.app_id)
            query = q.put_off
    if query is not None:
        async with db.tx() as tx:
            values: dict[str, Any] = {"tenant": tenant, "id": due.id, "now": await identity.now(tx, tenant)}
            await run(tx, query, values)
