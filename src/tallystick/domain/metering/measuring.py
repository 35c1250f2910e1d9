"""What meters say of an account's events, in windows of time.

Counts and sums without a filter come from the hourly rollups, with the events themselves at the edges that are no
whole hours; everything else comes from the events.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from tallystick.db import arrays
from tallystick.db.pool import Tx
from tallystick.kernel.errors import Invalid

from .items import USAGE
from .model import MICRO, Measured, Meter, Readings
from .weighing import Group, weigh
from .windows import Span, hours_inside

Values = dict[tuple[int, Group], int]
"""The quantity in each window (by its place from 0) and group."""


async def read(
    conn: Tx, tenant: int, meter: Meter, account: int, windows: Sequence[Span], group_by: Sequence[str]
) -> Readings:
    """The meter's values in windows that follow each other, and in all of them together.

    Ungrouped, every window has a row; grouped, those in which the group has events. Raises Invalid (``group_by``).
    """
    for name in group_by:
        if name not in meter.group_by:
            raise Invalid(
                "group_by", f"must be of the meter's group_by: {', '.join(meter.group_by) or 'none'}"
            )
    if not windows:
        return Readings([], [])
    whole = [(windows[0][0], windows[-1][1])]
    values = await measure(conn, tenant, meter, account, windows, group_by)
    totals = values if len(windows) == 1 else await measure(conn, tenant, meter, account, whole, group_by)
    return Readings(_rows(values, windows, group_by), _rows(totals, whole, group_by))


def _rows(values: Values, windows: Sequence[Span], group_by: Sequence[str]) -> list[Measured]:
    if not group_by:
        return [Measured(*span, {}, values.get((n, ()), 0)) for n, span in enumerate(windows)]
    keys = sorted(values, key=lambda key: (key[0], [(part is None, part or "") for part in key[1]]))
    return [
        Measured(*windows[n], dict(zip(group_by, group, strict=True)), values[n, group]) for n, group in keys
    ]


async def measure(
    conn: Tx, tenant: int, meter: Meter, account: int, windows: Sequence[Span], group_by: Sequence[str] = ()
) -> Values:
    """The meter's value in each window and group that has events."""
    if meter.rolled_up and not group_by:
        sums = await rolled(conn, tenant, account, [meter.metric], windows)
        place = 0 if meter.aggregation == "count" else 1
        return {(n, ()): found[place] for (_, n), found in sums.items()}
    params: dict[str, Any] = {
        "tenant": tenant,
        "account": account,
        "metric": meter.metric,
        "field": meter.field,
        "filters": msgspec.json.encode(meter.filters).decode(),
        "group_by": list(group_by),
    }
    if meter.aggregation == "time_weighted":
        params |= {"start": windows[0][0], "end": windows[-1][1]}
        rows = await _fetch(conn, USAGE.levels, params)
        return weigh([(tuple(group), int(level), at) for group, level, at in rows], windows)
    params |= {
        "starts": arrays.moments([start for start, _ in windows]),
        "ends": arrays.moments([end for _, end in windows]),
    }
    if meter.aggregation == "unique":
        rows = await _fetch(conn, USAGE.distinct_values, params)
        return {(n - 1, tuple(group)): count * MICRO for n, group, count in rows}
    if meter.aggregation == "latest":
        rows = await _fetch(conn, USAGE.latest, params)
        return {(n - 1, tuple(group)): int(value) for n, group, value in rows}
    rows = await _fetch(conn, USAGE.tallied, params)
    place = {"count": 2, "sum": 3, "max": 4}[meter.aggregation]
    unit = MICRO if meter.aggregation == "count" else 1
    return {(row[0] - 1, tuple(row[1])): int(row[place]) * unit for row in rows}


async def rolled(
    conn: Tx, tenant: int, account: int, metrics: Sequence[str], windows: Sequence[Span]
) -> dict[tuple[str, int], tuple[int, int]]:
    """How many events (in micro) and their sum, by metric and window; absent where there are none."""
    inner = [hours_inside(*span) for span in windows]
    params = {
        "tenant": tenant,
        "account": account,
        "metrics": list(metrics),
        "starts": arrays.moments([start for start, _ in windows]),
        "firsts": arrays.moments([first for first, _ in inner]),
        "lasts": arrays.moments([last for _, last in inner]),
        "ends": arrays.moments([end for _, end in windows]),
    }
    rows = await _fetch(conn, USAGE.rolled, params)
    return {(metric, n - 1): (int(count) * MICRO, int(total)) for metric, n, count, total in rows}


async def _fetch(conn: Tx, query: str, params: dict[str, Any]) -> list[Any]:
    cursor = await conn.execute(query.encode(), params)
    return list(await cursor.fetchall())
