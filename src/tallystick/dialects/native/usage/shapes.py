"""What answers about usage events and meters look like."""

from typing import Any

import msgspec

from tallystick.dialects.native.answers import Quantity, Time
from tallystick.dialects.native.names import account_id, actor_id, entry_id
from tallystick.domain.identity.model import Account
from tallystick.domain.metering import model
from tallystick.kernel.clock import iso
from tallystick.kernel.credits import format_credits
from tallystick.kernel.ids import typeid


class UsageRecorded(msgspec.Struct):
    """``duplicate``: it had been recorded before, and counts once. ``entry``: the debit, if it debited credits."""

    id: str
    duplicate: bool
    entry: str | None


class UsageResult(msgspec.Struct):
    """What became of one event: the status and body that its own request would have had."""

    status: int
    body: Any


class UsageResults(msgspec.Struct):
    results: list[UsageResult]


class UsageEventRow(msgspec.Struct):
    """``changes``: how often it was corrected or deleted.

    ``received_at`` is the server's time, also where the app's is ahead of it in test mode.
    """

    id: str
    account: str
    metric: str
    quantity: Quantity
    timestamp: Time
    event_id: str | None
    subscription: str | None
    metadata: dict[str, Any] | None
    entry: str | None
    received_at: Time
    changes: int
    deleted_at: Time | None


class UsageChange(msgspec.Struct):
    """``quantity`` and ``entry`` are what the event said before."""

    kind: str
    at: Time
    quantity: Quantity
    entry: str | None
    by: str
    reason: str


class UsageEventWhole(UsageEventRow):
    history: list[UsageChange]


class MeterFilter(msgspec.Struct, rename={"in_": "in"}):
    field: str
    in_: list[str]


class Meter(msgspec.Struct):
    id: str
    key: str
    name: str
    metric: str
    aggregation: str
    field: str | None
    filters: list[MeterFilter]
    group_by: list[str]
    created_at: Time
    updated_at: Time


class Reading(msgspec.Struct):
    """A meter's value in [start, end), of a group when the query has ``group_by``."""

    start: Time
    end: Time
    group: dict[str, str | None]
    quantity: Quantity


class Readings(msgspec.Struct):
    """``totals`` are of the whole span, which is not the sum of the windows for every kind of meter."""

    meter: str
    account: str
    window: str
    time_zone: str
    data: list[Reading]
    totals: list[Reading]


def event(row: model.Event, account: Account) -> UsageEventRow:
    return UsageEventRow(*_event(row, account))


def whole(row: model.Event, account: Account, history: list[model.Change]) -> UsageEventWhole:
    changes = [
        UsageChange(
            one.kind,
            iso(one.at),
            format_credits(one.quantity),
            None if one.entry is None else entry_id(row.account, one.entry),
            actor_id(one.actor),
            one.reason,
        )
        for one in history
    ]
    return UsageEventWhole(*(*_event(row, account), changes))


def _event(row: model.Event, account: Account) -> tuple[Any, ...]:
    return (
        typeid("usage", row.id),
        account_id(account.uuid),
        row.metric,
        format_credits(row.quantity),
        iso(row.at),
        row.event_id,
        None if row.subscription is None else typeid("sub", row.subscription),
        row.metadata,
        None if row.entry is None else entry_id(row.account, row.entry),
        iso(row.received_at),
        row.changes,
        None if row.deleted_at is None else iso(row.deleted_at),
    )


def meter(row: model.Meter) -> Meter:
    return Meter(
        typeid("meter", row.id),
        row.key,
        row.name,
        row.metric,
        row.aggregation,
        row.field,
        [MeterFilter(one["field"], one["in"]) for one in row.filters],
        row.group_by,
        iso(row.created_at),
        iso(row.updated_at),
    )


def readings(
    row: model.Meter, account: Account, window: str, time_zone: str, found: model.Readings
) -> Readings:
    return Readings(
        typeid("meter", row.id),
        account_id(account.uuid),
        window,
        time_zone,
        [_reading(one) for one in found.rows],
        [_reading(one) for one in found.totals],
    )


def _reading(one: model.Measured) -> Reading:
    return Reading(iso(one.start), iso(one.end), one.group, format_credits(one.quantity))
