"""Reading usage, meters and request statistics. An account of another tenant looks like one that never did anything."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from tallystick.db.pool import Tx, all_rows, one_row, value
from tallystick.db.sql import Queries
from tallystick.domain.identity.model import check_time_zone, storable
from tallystick.kernel.errors import Invalid, NotFound
from tallystick.kernel.ids import owner_of

from .items import USAGE, received_at
from .measuring import measure, read, rolled
from .model import Change, Event, Meter, Readings, RequestUsage, Slot, window
from .windows import cut

QUERIES: Final = Queries(__package__ or "")


async def quantities(
    conn: Tx, tenant: int, account: int, meter_keys: Sequence[str], start: datetime, end: datetime
) -> dict[str, int]:
    """What each meter says of [start, end), to the microsecond, in micro: what an invoice bills.

    A deleted meter measures on for the plans that name it. Raises NotFound for a key that never was a meter's.
    """
    keys = sorted(set(meter_keys))
    if not keys:
        return {}
    found = {one.key: one for one in await meters_by_key(conn, tenant, keys)}
    if len(found) < len(keys):
        raise NotFound("meter")
    if start >= end:
        return dict.fromkeys(keys, 0)
    result = dict.fromkeys(keys, 0)
    cheap = [meter for meter in found.values() if meter.rolled_up]
    if cheap:
        metrics = sorted({meter.metric for meter in cheap})
        sums = await rolled(conn, tenant, account, metrics, [(start, end)])
        for meter in cheap:
            counted, summed = sums.get((meter.metric, 0), (0, 0))
            result[meter.key] = counted if meter.aggregation == "count" else summed
    for meter in found.values():
        if not meter.rolled_up:
            values = await measure(conn, tenant, meter, account, [(start, end)])
            result[meter.key] = values.get((0, ()), 0)
    return result


async def query(
    conn: Tx,
    tenant: int,
    meter: Meter,
    account: int,
    start: datetime,
    end: datetime,
    slot: Slot,
    time_zone: str = "UTC",
    group_by: Sequence[str] = (),
) -> Readings:
    """The meter's values in [start, end), cut into the hours, days or months of ``time_zone``.

    Raises Invalid (``time_zone``, ``from``, ``to``, ``group_by``).
    """
    if start >= end:
        raise Invalid("to", "must be after from")
    zone = ZoneInfo(check_time_zone(time_zone))
    try:
        windows = cut(start, end, slot, zone)
    except OverflowError:
        raise Invalid("from", "is out of range") from None
    return await read(conn, tenant, meter, account, windows, group_by)


async def events(
    conn: Tx,
    tenant: int,
    account: int,
    *,
    subscription: UUID | None = None,
    metric: str | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    limit: int = 100,
    before: UUID | None = None,
) -> list[Event]:
    """The account's events that are not deleted, the newest received first, before the event ``before``.

    ``start`` (inclusive) and ``end`` bound when they happened.
    """
    params: dict[str, Any] = {
        "tenant": tenant,
        "account": account,
        "subscription": subscription,
        "metric": metric,
        "start": start,
        "end": end,
        "limit": limit,
        "before": before,
    }
    return await all_rows(conn, Event, USAGE.events, params)


async def event(conn: Tx, tenant: int, id: UUID) -> Event:
    """An event, also a deleted one. Raises NotFound."""
    params = {"tenant": tenant, "account": owner_of(id), "id": id, "received": received_at(id)}
    found = await one_row(conn, Event, USAGE.event, params)
    if found is None:
        raise NotFound("usage event")
    return found


async def changes(conn: Tx, event: Event) -> list[Change]:
    """What was corrected in an event that was read for its tenant, the oldest first."""
    if not event.changes:
        return []
    return await all_rows(conn, Change, USAGE.changes_of, {"account": event.account, "id": event.id})


async def meter(conn: Tx, tenant: int, id: UUID) -> Meter:
    """A meter that is not deleted. Raises NotFound."""
    found = await one_row(conn, Meter, USAGE.meter, {"tenant": tenant, "id": id})
    if found is None or found.deleted_at is not None:
        raise NotFound("meter")
    return found


async def meter_by_key(conn: Tx, tenant: int, key: str) -> Meter:
    """The meter of this key, if it is not deleted. Raises NotFound."""
    found = await meters_by_key(conn, tenant, [key]) if storable(key) else []
    if not found or found[0].deleted_at is not None:
        raise NotFound("meter")
    return found[0]


async def meters(
    conn: Tx, tenant: int, *, metric: str | None = None, after: str = "", limit: int = 1000
) -> list[Meter]:
    """The meters that are not deleted, by key, after the key ``after``."""
    params = {"tenant": tenant, "metric": metric, "after": after, "limit": limit}
    return await all_rows(conn, Meter, USAGE.meters, params)


async def meters_by_key(conn: Tx, tenant: int, keys: Sequence[str]) -> list[Meter]:
    """The meters of these keys that there are, deleted ones too."""
    return await all_rows(conn, Meter, USAGE.meters_by_key, {"tenant": tenant, "keys": list(keys)})


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
