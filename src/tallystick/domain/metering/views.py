"""Reading request statistics. An account of another tenant looks like one that was never answered."""

from dataclasses import asdict
from datetime import datetime

from tallystick.db.pool import Tx, value

from .actions import QUERIES
from .model import RequestUsage, window


async def usage(conn: Tx, tenant: int, account: int, start: datetime, end: datetime) -> RequestUsage:
    """The account's requests in [start, end), both with their zone.

    Minutes are the grain: a minute counts whole when it begins in [start's minute, end). So the minute that
    is running counts up to now, and two spans that meet inside a minute both have it.
    """
    cursor = await conn.execute(
        QUERIES.usage.encode(), {"tenant": tenant, "account": account} | asdict(window(start, end))
    )
    successful = failed = 0
    by_endpoint: dict[str, int] = {}
    for route, ok, count in await cursor.fetchall():
        by_endpoint[route] = by_endpoint.get(route, 0) + count
        if ok:
            successful += count
        else:
            failed += count
    return RequestUsage(successful + failed, successful, failed, by_endpoint)


async def total(conn: Tx, tenant: int, account: int) -> int:
    """All requests ever counted for the account."""
    count: int | None = await value(conn, QUERIES.total, {"tenant": tenant, "account": account})
    return count or 0
