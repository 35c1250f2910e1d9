"""What is no longer needed goes. Each job gives the number of rows it deleted."""

from datetime import datetime, timedelta
from typing import Any, Final

from tallystick.db.pool import Database, run

from .views import q

_CHUNK: Final = 1000


async def purge_refresh_families(db: Database, now: datetime) -> int:
    """Delete sign-ins whose last refresh token has expired."""
    return await _purge(db, q.purge_refresh_families, {"before": now})


async def purge_sign_in_failures(db: Database, now: datetime) -> int:
    """Forget failed sign-ins of addresses that were left alone for a day."""
    return await _purge(db, q.purge_sign_in_failures, {"before": now - timedelta(days=1), "now": now})


async def purge_password_links(db: Database, now: datetime) -> int:
    """Delete links that were good for the last time a day ago."""
    return await _purge(db, q.purge_password_links, {"before": now - timedelta(days=1)})


async def purge_request_keys(db: Database, now: datetime) -> int:
    """Delete answers of more than 30 days ago."""
    return await _purge(db, q.purge_request_keys, {"before": now - timedelta(days=30)})


async def _purge(db: Database, query: str, values: dict[str, Any]) -> int:
    total = 0
    while True:
        async with db.tx() as tx:
            gone = await run(tx, query, values)
        total += gone
        if gone < _CHUNK:
            return total
