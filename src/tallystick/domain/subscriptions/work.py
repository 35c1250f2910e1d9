"""One subscription under its account's lock: what was read, what is changed, and writing it.

work = await open_work(tx, tenant, account, subscription, rates=rates, by=by)
...
await save(work)
"""

from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from tallystick.db.pool import Tx, all_rows, one_row
from tallystick.domain.events import actions as events
from tallystick.domain.events.model import Event
from tallystick.domain.identity import actions as identity_actions
from tallystick.domain.identity import views as identity
from tallystick.domain.invoicing import actions as invoicing
from tallystick.domain.invoicing import views as invoices
from tallystick.domain.invoicing.model import Desk, Draft, Invoice
from tallystick.domain.ledger import actions as ledger
from tallystick.domain.ledger.model import Head
from tallystick.domain.ledger.port import Rates
from tallystick.kernel.errors import NotFound
from tallystick.kernel.ids import owner_of, typeid

from .events import happened
from .model import AllowancePeriod, Change, Lot, Subscription, UsageBilled
from .periods import next_due
from .statements import q

_COLUMNS: Final = {"account": "account_id", "tenant": "tenant_id", "plan": "plan_id"}


@dataclass(slots=True)
class Work:
    """``periods`` are the open ones by credit type. ``by`` is the actor of what is done now.

    ``events`` are told by `save`, and where the caller numbers the invoices, by the caller.
    """

    tx: Tx
    tenant: int
    heads: dict[int, Head]
    rates: Rates
    desk: Desk
    by: str
    subscription: Subscription
    number_now: bool = True
    fresh: bool = False
    periods: dict[str, AllowancePeriod] = field(default_factory=dict)
    closed: list[AllowancePeriod] = field(default_factory=list)
    lots: list[Lot] = field(default_factory=list)
    log: list[Change] = field(default_factory=list)
    billed: list[UsageBilled] = field(default_factory=list)
    invoices: list[Invoice] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    untold: list[Change] = field(default_factory=list)
    touched: set[int] = field(default_factory=set)

    @property
    def account(self) -> int:
        return self.subscription.account

    @property
    def dead(self) -> bool:
        """The account takes no credits any more."""
        return self.heads[self.account].status == "closed"

    def note(self, kind: str, at: datetime, **details: Any) -> None:
        """Write a row of the subscription's log."""
        row = self.subscription
        row.changes += 1
        row.updated_at = max(row.updated_at, at)
        change = Change(row.account, row.id, row.changes, at, kind, self.by, details)
        self.log.append(change)
        self.untold.append(change)

    def tell(self, updated: datetime | None = None) -> None:
        """Make events of what was noted since, by what the subscription is now; see `events.happened`."""
        row = self.subscription
        self.events += happened(row, self.heads[row.account].uuid, self.untold, updated)
        self.untold = []

    def end_period(self, credit_type: str) -> None:
        """Close the running period of an allowance."""
        period = self.periods.pop(credit_type)
        period.open = False
        self.closed.append(period)

    async def issue(self, draft: Draft | None, at: datetime) -> Invoice | None:
        """Issue an invoice, if there is one to issue."""
        if draft is None:
            return None
        made = await invoicing.issue(self.tx, self.tenant, draft, at=at, number_now=False, desk=self.desk)
        self.invoices.append(made)
        return made


async def lock(tx: Tx, tenant: int, account: int) -> dict[int, Head]:
    """Lock the account's head. Raises NotFound for another tenant's."""
    heads = await ledger.lock(tx, [account])
    if account not in heads or heads[account].tenant != tenant:
        raise NotFound("account")
    return heads


async def open_work(
    tx: Tx,
    tenant: int,
    account: int,
    subscription: UUID,
    *,
    rates: Rates,
    by: str,
    heads: dict[int, Head] | None = None,
    desk: Desk | None = None,
    number_now: bool = True,
) -> Work:
    """Lock the account's head (unless ``heads`` has it locked) and read its subscription. Raises NotFound."""
    if owner_of(subscription) != account:
        raise NotFound("subscription")
    if heads is None:
        try:
            heads = await lock(tx, tenant, account)
        except NotFound:
            raise NotFound("subscription") from None
    row = await one_row(
        tx, Subscription, q.subscription, {"tenant": tenant, "account": account, "id": subscription}
    )
    if row is None:
        raise NotFound("subscription")
    work = Work(
        tx, tenant, heads, rates, desk or await invoices.desk(tx, tenant), by, row, number_now=number_now
    )
    of = {"account": account, "subscription": subscription}
    for period in await all_rows(tx, AllowancePeriod, q.allowance_periods, of | {"open": True}):
        work.periods[period.credit_type] = period
    work.lots = await all_rows(tx, Lot, q.lots, of)
    return work


async def now_of(tx: Tx, tenant: int) -> datetime:
    """The tenant's moment; read after the lock."""
    return await identity.now(tx, tenant)


async def save(work: Work) -> None:
    """Write what changed, with when it is due next. Tells events and numbers invoices unless the caller will."""
    row = work.subscription
    due = next_due(row, work.periods.values())
    row.due_at = None if due is None else due[0]
    then = next_due(row, work.periods.values(), waiting=False)
    # one that ended at the moment it began was never there
    periods = {(one.credit_type, one.period_start): one for one in [*work.closed, *work.periods.values()]}
    values: dict[str, Any] = _row(row) | {
        "next_at": None if then is None else then[0],
        "failures": 0,
        "retry_at": None,
    }
    writes = [
        (q.insert_subscription if work.fresh else q.update_subscription, {"row": _text(values)}),
        *(
            (query, {"rows": _text([_row(one) for one in rows])})
            for query, rows in (
                (q.insert_changes, work.log),
                (q.put_periods, list(periods.values())),
                (q.put_lots, work.lots),
                (q.put_usage, work.billed),
            )
            if rows
        ),
    ]
    work.tell()
    async with work.tx.pipeline():
        for query, params in writes:
            await work.tx.execute(query.encode(), params)
        if work.number_now:
            await events.emit(work.tx, work.tenant, *work.events)
            work.events = []
    work.fresh = False
    work.log, work.closed, work.billed = [], [], []
    work.lots = [lot for lot in work.lots if not lot.closed]
    if work.number_now and work.invoices:
        await invoicing.give_numbers(work.tx, work.tenant, work.invoices)


async def audit(work: Work, action: str, *, reason: str = "", **details: Any) -> None:
    """A manual act stands in the audit log, with who did it and why."""
    await identity_actions.audit(
        work.tx,
        work.tenant,
        actor=work.by,
        action=action,
        target=typeid("sub", work.subscription.id),
        reason=reason or None,
        details=details,
    )


def _row(thing: Any) -> dict[str, Any]:
    return {_COLUMNS.get(one.name, one.name): getattr(thing, one.name) for one in fields(thing)}


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()
