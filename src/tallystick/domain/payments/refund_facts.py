"""What a provider says of refunds, worked into our rows: any order and number of times gives the same.

A refund is pending, then succeeded, then perhaps failed, and never goes back.
"""

from typing import Final
from uuid import UUID

from tallystick.db.pool import Tx, one_row
from tallystick.domain.identity import views as identity
from tallystick.domain.ledger.port import Rates
from tallystick.kernel.ids import owner_of

from . import early, refund_rows, refund_views, taking, views
from .model import Payment, Refund
from .port import RefundSeen
from .refund_views import r
from .refund_work import work
from .taking import Heads

_RANK: Final = {"pending": 0, "succeeded": 1, "failed": 2}


async def take_refund(
    tx: Tx, tenant: int, gateway: str, seen: RefundSeen, *, rates: Rates, by: str
) -> Refund | None:
    """Work in a refund. One that we did not make (it was made at the provider's dashboard) has, once it succeeded, the
    consequences of one of ours, as far as they are possible.

    None: its payment is not known to have succeeded yet, and it is kept until then; or all of that payment went back
    already. Locks the account's head, which the caller may hold; it writes to the ledger, so heads that were read
    before are old.
    """
    known = await _known(tx, tenant, gateway, seen)
    if known is not None:
        heads = await refund_rows.locked(tx, tenant, owner_of(known), "refund")
    else:
        owner = await early.owner(tx, tenant, gateway, seen)
        if owner is None:
            return None
        heads = await refund_rows.locked(tx, tenant, owner.account)
        # another may have told of it while this one waited
        known = await _known(tx, tenant, gateway, seen)
        if known is None:
            known = await _foreign(tx, await views.payment(tx, tenant, owner.id), seen, by)
            if known is None:
                return None
    row = await refund_views.refund(tx, tenant, known)
    await _merge(tx, heads, row, seen, rates)
    return row


async def _known(tx: Tx, tenant: int, gateway: str, seen: RefundSeen) -> UUID | None:
    if seen.refund is not None:
        values = {"tenant": tenant, "account": owner_of(seen.refund), "id": seen.refund}
        row = await one_row(tx, Refund, r.refund, values)
        if row is not None and row.gateway == gateway:
            return row.id
    values = {"tenant": tenant, "gateway": gateway, "ref": seen.ref}
    found = await one_row(tx, taking.Named, r.refund_by_ref, values)
    return None if found is None else found.id


async def _foreign(tx: Tx, paid: Payment, seen: RefundSeen, by: str) -> UUID | None:
    """Write a refund that the provider's people made. It takes the place of what we were about to send ourselves."""
    for row in reversed(await refund_rows.standing(tx, paid)):
        if paid.amount - paid.refunded >= seen.amount:
            break
        if row.status == "pending" and row.ref is None:
            now = await identity.now(tx, paid.tenant)
            await refund_rows.fail(tx, row, now, "The money was sent back at the provider.")
            paid.refunded -= row.amount
    amount = min(seen.amount, paid.amount - paid.refunded)
    if not amount:
        return None
    made = await refund_rows.new(tx, paid, "provider", amount, reason="", by=by)
    made.ref, made.due_at = seen.ref, None
    await refund_rows.write(tx, made)
    return made.id


async def _merge(tx: Tx, heads: Heads, row: Refund, seen: RefundSeen, rates: Rates) -> None:
    now = await identity.now(tx, row.tenant)
    row.ref = row.ref or seen.ref
    if seen.status == "succeeded" and not row.worked:
        paid = await views.payment(tx, row.tenant, row.payment)
        before = [one for one in await refund_rows.standing(tx, paid) if one.id != row.id]
        await work(tx, heads, paid, row, before, rates=rates, strict=False)
    if _RANK[seen.status] <= _RANK[row.status]:
        await refund_rows.save(tx, row)
    elif seen.status == "succeeded":
        await refund_rows.succeed(tx, row, now)
    else:
        await refund_rows.fail(tx, row, now, seen.failure or "The provider could not send it.")
