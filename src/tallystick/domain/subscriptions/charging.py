"""What of a subscription's usage is to be billed now: the running window, and what came late for earlier ones."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from tallystick.db.pool import Tx, all_rows
from tallystick.domain.invoicing.model import ONE, NewLine
from tallystick.domain.metering import views as metering
from tallystick.kernel.credits import format_credits
from tallystick.kernel.errors import NotFound

from .lines import LATE, correction_line, usage_lines, usage_of
from .model import Subscription, UsageBilled
from .periods import Frame
from .statements import q

Usage = tuple[list[NewLine], list[UsageBilled]]
"""Lines to charge, and what is then billed."""
MOST: Final = 2**63 - 1
"""The largest quantity that a line shows as one."""


async def usage(
    conn: Tx, subscription: Subscription, frame: Frame, end: datetime, pending: Sequence[UsageBilled] = ()
) -> Usage:
    """The lines of usage up to ``end``, and what is then billed (to be stored with the invoice).

    Corrections are for windows whose usage could still come when the last of them was billed, those of the
    account's earlier subscriptions in this currency too. ``pending`` is what was billed in this transaction and is
    not stored yet: what changes of it is changed there.
    """
    lines: list[NewLine] = []
    stored: list[UsageBilled] = []
    if subscription.terms.usages and subscription.usage_since < end:
        found = await _quantities(
            conn, subscription, sorted(subscription.terms.meters()), subscription.usage_since, end
        )
        stored = usage_of(subscription, frame, end, found)
        lines = [_shown(line) for line in usage_lines(stored)]
    for row, quantity in await _late(conn, subscription, pending):
        line = correction_line(row, quantity)
        if line is not None:
            lines.append(line)
        row.quantity = quantity
        if not any(row is one for one in pending):
            stored.append(row)
    return lines, stored


def _shown(line: NewLine) -> NewLine:
    """The same; a quantity beyond what a line shows as one stands in its description."""
    if line.quantity <= MOST:
        return line
    said = f"{line.description}: {format_credits(line.quantity)}"
    return replace(line, description=said, quantity=ONE, unit_price=None)


async def _late(
    conn: Tx, subscription: Subscription, pending: Sequence[UsageBilled]
) -> list[tuple[UsageBilled, int]]:
    """The windows billed before whose quantity is another now."""
    stored = await all_rows(
        conn,
        UsageBilled,
        q.usage_billed,
        {
            "account": subscription.account,
            "currency": subscription.terms.currency,
            "since": subscription.usage_since,
            "late": LATE,
        },
    )
    newest = {_window(row): row for row in (*stored, *pending)}
    rows = sorted(newest.values(), key=lambda row: (row.window_start, row.component))
    changed = []
    spans = sorted({(row.window_start, row.window_end) for row in rows})
    for start, stop in spans:
        inside = [row for row in rows if (row.window_start, row.window_end) == (start, stop)]
        meters = sorted({row.terms.meter for row in inside if row.terms.meter})
        found = await _quantities(conn, subscription, meters, start, stop)
        for row in inside:
            now = found.get(row.terms.meter or "", 0)
            if now != row.quantity:
                changed.append((row, now))
    return changed


def _window(row: UsageBilled) -> tuple[object, ...]:
    return row.subscription, row.component, row.window_start


async def _quantities(
    conn: Tx, subscription: Subscription, meters: list[str], start: datetime, end: datetime
) -> dict[str, int]:
    """What each meter says. One that never was made measured nothing."""
    tenant, account = subscription.tenant, subscription.account
    try:
        return await metering.quantities(conn, tenant, account, meters, start, end)
    except NotFound:
        if len(meters) == 1:
            return {}
    found: dict[str, int] = {}
    for meter in meters:
        found |= await _quantities(conn, subscription, [meter], start, end)
    return found
