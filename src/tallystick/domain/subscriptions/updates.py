"""Updating a subscription that stays on its plan: its metadata, and what differs from the plan for this customer."""

from typing import Any
from uuid import UUID

import msgspec

from tallystick.db.pool import Tx
from tallystick.domain.catalog import actions as catalog_actions
from tallystick.domain.catalog import views as catalog
from tallystick.domain.catalog.terms import Terms, merge
from tallystick.domain.identity import actions as identity
from tallystick.domain.identity.model import metadata_text
from tallystick.domain.ledger.port import Rates
from tallystick.kernel.ids import typeid

from . import actions, renewal
from .model import Outcome, Subscription
from .states import demand
from .work import now_of, open_work, save


async def update(
    tx: Tx,
    tenant: int,
    account: int,
    subscription: UUID,
    *,
    rates: Rates,
    by: str,
    metadata: dict[str, Any] | None = None,
    overrides: dict[str, Any] | None = None,
) -> Outcome:
    """Replace the metadata, the overrides, or both; None leaves them. Locks the account's head. Audited.

    Overrides that change nothing but features apply at once, on the version the customer has. Others are a change to
    the same plan as it stands, as `actions.change` makes it: now where it costs more, else at the period's end.
    Raises NotFound, Invalid, and for overrides what `actions.change` does.
    """
    work = await open_work(tx, tenant, account, subscription, rates=rates, by=by)
    row, now = work.subscription, await now_of(tx, tenant)
    await renewal.catch_up(work, now)
    details: dict[str, Any] = {}
    terms = None
    if overrides is not None and overrides != row.overrides:
        demand(row, "incomplete", "trialing", "active", "past_due", "paused")
        terms = await _merged(tx, row, overrides)
        if not _prices_alike(terms, row.terms):
            terms = None
        else:
            row.terms, row.overrides = terms, overrides
            details["overrides"] = overrides
            work.note("updated", now, features=terms.features)
    if metadata is not None and metadata != row.metadata:
        metadata_text(metadata)
        row.metadata, row.updated_at = metadata, now
        details["metadata"] = metadata
        work.tell(updated=now)
    if details:
        target = typeid("sub", row.id)
        await identity.audit(
            tx, tenant, actor=by, action="subscription.update", target=target, details=details
        )
    await save(work)
    if overrides is None or overrides == row.overrides:
        return Outcome(row)
    return await actions.change(
        tx, tenant, account, subscription, plan=row.plan, rates=rates, by=by, overrides=overrides
    )


async def _merged(tx: Tx, row: Subscription, overrides: dict[str, Any]) -> Terms:
    plan = await catalog.plan_version(tx, row.tenant, row.plan, row.version)
    terms = merge(plan.terms, overrides)
    await catalog_actions.check_defined(tx, row.tenant, terms)
    return terms


def _prices_alike(one: Terms, other: Terms) -> bool:
    return msgspec.structs.replace(one, features={}) == msgspec.structs.replace(other, features={})
