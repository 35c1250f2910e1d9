"""How a clock is shown, and what happened when it was moved."""

from datetime import timedelta
from typing import Literal

import msgspec

from tallystick.dialects.native.answers import Time
from tallystick.dialects.native.names import account_id, entry_id
from tallystick.domain.clocks import model
from tallystick.kernel.clock import iso
from tallystick.kernel.ids import typeid


class TestClock(msgspec.Struct):
    """``ahead_seconds``: how far the app's time is ahead of the server's, always 0 in live mode."""

    now: Time
    ahead_seconds: int
    mode: Literal["live", "test"]


class Happening(msgspec.Struct):
    """``kind`` is subscription.<change>, invoice.issued, payment.<status> or credits.expired."""

    at: Time
    kind: str
    account: str
    subscription: str | None
    invoice: str | None
    entry: str | None


class Advanced(msgspec.Struct):
    """``counts`` has by kind how often subscriptions changed, invoices were issued, payments were tried by themselves
    (as they stand now: `payment.succeeded`, `payment.failed`) and credits expired; ``happened`` the first hundred, in
    order. Reminders and whatever else happened: `GET /v2/events`.

    ``unfinished``: something due could not be done yet, and is tried again.
    """

    before: Time
    now: Time
    counts: dict[str, int]
    happened: list[Happening]
    unfinished: bool


def test_clock(found: model.Clock) -> TestClock:
    return TestClock(iso(found.now), found.ahead // timedelta(seconds=1), found.mode.value)


def advanced(done: model.Advanced) -> Advanced:
    return Advanced(
        iso(done.before),
        iso(done.after),
        done.counts,
        [_happening(row) for row in done.happened],
        done.unfinished,
    )


def _happening(row: model.Happening) -> Happening:
    return Happening(
        iso(row.at),
        row.kind,
        account_id(row.account),
        None if row.subscription is None else typeid("sub", row.subscription),
        None if row.invoice is None else typeid("inv", row.invoice),
        None if row.entry is None else entry_id(row.account_id, row.entry),
    )
