"""Disputes: a customer's bank takes a payment back, or tries to; and what is done meanwhile, by policy.

`freeze` blocks the account, `claw_back` takes what is unspent of the purchase's credits. What was done is undone when
the dispute is won; when it is lost the unspent credits are taken, unless the policy is `none`. The policy is that of
the moment when it opened. The caller's transaction; locks the account's head.
"""

from dataclasses import fields
from typing import Any, Literal
from uuid import UUID

import msgspec

from tallystick.db.pool import Tx, all_rows, one_row, run
from tallystick.domain.events.actions import emit
from tallystick.domain.identity import actions as identity_actions
from tallystick.domain.identity import views as identity
from tallystick.domain.invoicing import views as invoices
from tallystick.domain.ledger import actions as ledger
from tallystick.domain.ledger.commands import Labels
from tallystick.domain.ledger.port import Rates
from tallystick.kernel.actor import SYSTEM
from tallystick.kernel.errors import Conflict, NotFound
from tallystick.kernel.ids import owned_uuid, owner_of, typeid

from . import early, refund_views, settings, taking, views
from .model import Dispute, Payment
from .port import DisputeSeen
from .refund_events import of_dispute
from .refund_views import r
from .taking import Heads

Outcome = Literal["won", "lost"]


async def take_dispute(
    tx: Tx, tenant: int, gateway: str, seen: DisputeSeen, *, rates: Rates, by: str
) -> Dispute | None:
    """Work in what a provider says of a dispute: open, then won or lost for good; any order, any number of times.

    None: its payment is not known to have succeeded yet; it is kept until then. Heads of the account that were read
    before are old afterwards: it writes to the ledger.
    """
    known = await _known(tx, tenant, gateway, seen)
    if known is None:
        owner = await early.owner(tx, tenant, gateway, seen)
        if owner is None:
            return None
        account = owner.account
        heads = await _locked(tx, tenant, account)
        known = await _known(tx, tenant, gateway, seen)
        if known is None:
            paid = await views.payment(tx, tenant, owner.id)
            row = await _open(tx, heads, paid, seen, rates=rates)
        else:
            row = await refund_views.dispute(tx, tenant, known)
    else:
        heads = await _locked(tx, tenant, owner_of(known))
        row = await refund_views.dispute(tx, tenant, known)
    if seen.status != "open" and row.status == "open":
        await _close(tx, heads, row, seen.status, rates=rates, by=by)
    elif row.status == "open" and seen.evidence_due_at is not None:
        row.evidence_due_at = seen.evidence_due_at
        await _save(tx, row)
    return row


async def close(
    tx: Tx, tenant: int, account: int, dispute: UUID, outcome: Outcome, *, rates: Rates, by: str, reason: str = ""
) -> Dispute:  # fmt: skip
    """Say how a dispute ended. Audited. Raises NotFound, Conflict("dispute_state")."""
    heads = await _locked(tx, tenant, account)
    row = await refund_views.dispute(tx, tenant, dispute)
    if row.status != "open":
        raise Conflict("dispute_state", f"The dispute is {row.status}.", state=row.status)
    await _close(tx, heads, row, outcome, rates=rates, by=by)
    details = {"outcome": outcome, "payment": typeid("pay", row.payment)}
    await identity_actions.audit(
        tx, tenant, actor=by, action="dispute.close", target=typeid("dp", row.id), reason=reason or None,
        details=details,
    )  # fmt: skip
    return row


async def _open(tx: Tx, heads: Heads, paid: Payment, seen: DisputeSeen, *, rates: Rates) -> Dispute:
    now = await identity.now(tx, paid.tenant)
    policy = (await settings.policy(tx, paid.tenant)).disputes
    row = Dispute(
        account=paid.account, account_uuid=paid.account_uuid, id=owned_uuid(paid.account), tenant=paid.tenant,
        payment=paid.id, gateway=paid.gateway, ref=seen.ref, status="open", amount=seen.amount,
        currency=seen.currency, reason=seen.reason, policy=policy, was_status=None, taken=[], returned=[],
        evidence_due_at=seen.evidence_due_at, opened_at=now, closed_at=None, closed_by=None, updated_at=now,
    )  # fmt: skip
    if policy == "claw_back":
        row.taken = await _take(tx, heads, row, paid, rates=rates)
    elif policy == "freeze":
        row.was_status = await _freeze(tx, row)
    await run(tx, r.insert_dispute, _values(row))
    await emit(tx, row.tenant, of_dispute("dispute.opened", row))
    return row


async def _close(tx: Tx, heads: Heads, row: Dispute, outcome: Outcome, *, rates: Rates, by: str) -> None:
    now = await identity.now(tx, row.tenant)
    if outcome == "won" and row.taken:
        row.returned = await taking.give_again(
            tx, heads, row.tenant, row.account, row.taken,
            labels=Labels(reference=typeid("dp", row.id), description="Dispute won"), by=SYSTEM, rates=rates,
        )  # fmt: skip
    elif outcome == "lost" and row.policy == "freeze":
        paid = await views.payment(tx, row.tenant, row.payment)
        row.taken = await _take(tx, heads, row, paid, rates=rates)
    row.status, row.closed_at, row.closed_by, row.updated_at = outcome, now, by, now
    await _save(tx, row)
    if row.policy == "freeze":
        await _thaw(tx, row)
    await emit(tx, row.tenant, of_dispute("dispute.closed", row))


async def _take(tx: Tx, heads: Heads, row: Dispute, paid: Payment, *, rates: Rates) -> list[dict[str, Any]]:
    """What is unspent of the credits that the disputed money bought."""
    bought = await taking.purchase_of(tx, paid.account, paid.invoice)
    if bought is None or paid.invoice is None:
        return []
    invoice = await invoices.invoice(tx, paid.tenant, paid.invoice)
    lots = taking.lots_for(bought, 0, min(row.amount, paid.applied), invoice.total - invoice.credited)
    return await taking.take_back(
        tx, heads, row.tenant, row.account, lots, take="unspent",
        labels=Labels(reference=typeid("dp", row.id), description="Dispute"), by=SYSTEM, rates=rates,
    )  # fmt: skip


async def _freeze(tx: Tx, row: Dispute) -> str:
    """Block the account, again where somebody has unblocked it; give the status that it goes back to."""
    now = (await identity.account(tx, row.tenant, row.account)).status
    if now in ("active", "inactive"):
        await identity_actions.patch_account(tx, row.tenant, row.account, {"status": "blocked"})
        return now
    return next((one.was_status for one in await _frozen(tx, row) if one.was_status is not None), now)


async def _thaw(tx: Tx, row: Dispute) -> None:
    """Give the account its status again with the last dispute that froze it, unless somebody changed it meanwhile."""
    if row.was_status not in ("active", "inactive") or await _frozen(tx, row):
        return
    if (await identity.account(tx, row.tenant, row.account)).status == "blocked":
        await identity_actions.patch_account(tx, row.tenant, row.account, {"status": row.was_status})


async def _frozen(tx: Tx, row: Dispute) -> list[Dispute]:
    """The account's other open disputes that froze it."""
    found = await all_rows(tx, Dispute, r.disputes_of_account, {"account": row.account})
    return [one for one in found if one.id != row.id and one.status == "open" and one.policy == "freeze"]


async def _known(tx: Tx, tenant: int, gateway: str, seen: DisputeSeen) -> UUID | None:
    values = {"tenant": tenant, "gateway": gateway, "ref": seen.ref}
    found = await one_row(tx, taking.Named, r.dispute_by_ref, values)
    return None if found is None else found.id


async def _locked(tx: Tx, tenant: int, account: int) -> Heads:
    heads = await ledger.lock(tx, [account])
    if account not in heads or heads[account].tenant != tenant:
        raise NotFound("dispute")
    return heads


async def _save(tx: Tx, row: Dispute) -> None:
    await run(tx, r.update_dispute, _values(row))


def _values(row: Dispute) -> dict[str, Any]:
    shown = {one.name: getattr(row, one.name) for one in fields(row)}
    lists = {name: msgspec.json.encode(shown[name]).decode() for name in ("taken", "returned")}
    return shown | lists
