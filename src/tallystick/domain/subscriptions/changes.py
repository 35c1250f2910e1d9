"""Changing what a subscription is to: what applies now, what waits, and what it costs. Pure but for the catalog."""

from copy import copy
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from tallystick.db.pool import Tx
from tallystick.domain.catalog import actions as catalog_actions
from tallystick.domain.catalog import views as catalog
from tallystick.domain.catalog.model import Plan
from tallystick.domain.catalog.terms import Terms, merge
from tallystick.domain.invoicing.model import Draft, NewLine
from tallystick.kernel.errors import Conflict

from .adopting import restart, take_terms
from .lines import draft_of, flat_lines, rest_lines, unused_lines
from .model import Scheduled, Subscription
from .periods import MONTHS, frame_of

Direction = Literal["up", "down", "across"]

CHANGEABLE: Final = ("trialing", "active")


async def offered(
    conn: Tx, tenant: int, plan: UUID, version: int | None, overrides: dict[str, Any] | None,
    *, keep: bool,
) -> tuple[Plan, Terms]:  # fmt: skip
    """A plan that may be subscribed to, and its terms for one customer.

    With ``keep`` nobody deletes it until the transaction ends: for who is about to hold it. Raises NotFound,
    Conflict("plan_archived"), Invalid for overrides that do not fit.
    """
    found = await (catalog_actions.keep_plan if keep else catalog.plan)(conn, tenant, plan)
    if found.status != "active":
        raise Conflict("plan_archived", "The plan is archived.")
    if version is not None and version != found.version:
        found = await catalog.plan_version(conn, tenant, plan, version)
    if not overrides:
        return found, found.terms
    terms = merge(found.terms, overrides)
    await catalog_actions.check_defined(conn, tenant, terms)
    return found, terms


async def target(
    conn: Tx, row: Subscription, plan: UUID, overrides: dict[str, Any] | None,
    *, version: int | None = None, keep: bool,
) -> tuple[Scheduled, Direction]:  # fmt: skip
    """What a change would make of the subscription, and which way it goes. ``version`` and ``keep`` as in `offered`.

    Without ``overrides`` those of another plan are left behind. Raises Conflict("same_plan"),
    Conflict("not_recurring"), Conflict("currency_mismatch") and what `offered` does.
    """
    if overrides is None:
        overrides = row.overrides if plan == row.plan else {}
    found, terms = await offered(conn, row.tenant, plan, version, overrides, keep=keep)
    if not row.recurring or terms.interval == "one_time":
        raise Conflict("not_recurring", "A plan that is paid once cannot be changed to or from.")
    if terms.currency != row.terms.currency:
        raise Conflict("currency_mismatch", "The plan is in another currency.")
    if (plan, found.version, overrides) == (row.plan, row.version, row.overrides):
        raise Conflict("same_plan", "The subscription is to this plan already.")
    old = (await catalog.plans_of(conn, row.tenant, [row.plan])).get(row.plan)
    change = Scheduled(
        plan=plan, version=found.version, plan_name=found.name, terms=terms, overrides=overrides
    )
    return change, direction(None if old is None else old.rank, row.terms, found.rank, terms)


def direction(old_rank: int | None, old: Terms, rank: int | None, new: Terms) -> Direction:
    """Ranks decide; without two different ones, the price a year. Only the interval is another: across."""
    if old_rank is not None and rank is not None and old_rank != rank:
        return "up" if rank > old_rank else "down"
    if old_rank is not None and old_rank == rank and old.interval != new.interval:
        return "across"
    before, after = _a_year(old), _a_year(new)
    if before == after:
        return "across"
    return "up" if after > before else "down"


def _a_year(terms: Terms) -> int:
    return terms.base_amount * 12 // MONTHS[terms.interval]


def change_draft(row: Subscription, change: Scheduled, usage: list[NewLine], at: datetime) -> Draft | None:
    """What a change that applies at ``at`` (a whole second) costs.

    With the same interval the period stays: a credit for the unused time and a charge for the rest of it on the
    new terms, by the second. With another it begins anew: the credit, and the new price.
    """
    assert row.period_end is not None
    frame = frame_of(row)
    lines = [*usage, *unused_lines(row.plan_name, row.terms, frame, at, row.period_end)]
    after = copy(row)
    take_terms(after, change)
    if change.terms.interval == row.terms.interval:
        lines += rest_lines(after.plan_name, after.terms, frame, at, row.period_end)
    else:
        restart(after, at)
        assert after.period_end is not None
        lines += flat_lines(after.plan_name, after.terms, frame_of(after), at, after.period_end)
    return draft_of(after, "change", lines, at, after.period_end)
