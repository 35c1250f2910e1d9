"""What meters must say, as a plain fold over a list of events."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any
from uuid import UUID

from tallystick.domain.metering.model import MICRO, Meter

Group = tuple[str | None, ...]


@dataclass
class Said:
    """An event as a caller said it, and as it was corrected."""

    id: UUID
    account: int
    metric: str
    quantity: int
    at: datetime
    metadata: dict[str, Any]
    deleted: bool = False


def text(value: Any) -> str | None:
    """A metadata value as the filters and groups see it."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def fold(
    meter: Meter,
    events: Sequence[Said],
    account: int,
    start: datetime,
    end: datetime,
    group_by: Sequence[str] = (),
) -> dict[Group, int]:
    passing: dict[Group, list[tuple[datetime, UUID, int, Said]]] = {}
    for one in events:
        if one.deleted or one.account != account or one.metric != meter.metric or one.at >= end:
            continue
        if any(text(one.metadata.get(rule["field"])) not in rule["in"] for rule in meter.filters):
            continue
        value = one.quantity
        if meter.aggregation == "unique":
            if text(one.metadata.get(meter.field or "")) is None:
                continue
        elif meter.field is not None:
            given = one.metadata.get(meter.field)
            if isinstance(given, bool) or not isinstance(given, int | float | str):
                continue
            try:
                value = int(Fraction(str(given)) * MICRO)
            except ValueError:
                continue
            if value < 0:
                continue
        group = tuple(text(one.metadata.get(name)) for name in group_by)
        passing.setdefault(group, []).append((one.at, one.id, value, one))
    found = {}
    for group, rows in passing.items():
        rows.sort(key=lambda row: row[:2])
        inside = [row for row in rows if row[0] >= start]
        if meter.aggregation == "time_weighted":
            found[group] = weighted([(row[0], row[2]) for row in rows], start, end)
        elif inside:
            values = [row[2] for row in inside]
            found[group] = {
                "count": len(values) * MICRO,
                "sum": sum(values),
                "max": max(values),
                "latest": values[-1],
                "unique": len({text(row[3].metadata.get(meter.field or "")) for row in inside}) * MICRO,
            }[meter.aggregation]
    return found


def weighted(levels: list[tuple[datetime, int]], start: datetime, end: datetime) -> int:
    us = timedelta(microseconds=1)
    area = Fraction(0)
    for n, (at, level) in enumerate(levels):
        until = levels[n + 1][0] if n + 1 < len(levels) else end
        since, until = max(at, start), min(until, end)
        if since < until:
            area += level * ((until - since) // us)
    return round(area / ((end - start) // us))
