"""Refunds and disputes: money that goes back, or is taken back."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request, Response

from tallystick.db.pool import Tx
from tallystick.dialects.native.auth import Admin, Anyone, Here
from tallystick.dialects.native.invoices.reading import minor
from tallystick.dialects.native.once import Key, answered, write_once
from tallystick.domain.payments import disputes, refund_views, refunds, views
from tallystick.domain.payments.model import Refund
from tallystick.http.hot import count_for
from tallystick.kernel.errors import Conflict
from tallystick.kernel.ids import owner_of, typeid

from . import access, forms, shapes, site_shapes
from .steps import Inner, begun, write_in_steps


async def create_refund(
    native: Here, actor: Admin, request: Request, key: Key, body: forms.NewRefund
) -> Response:
    """Send money of a payment back to the customer.

    What of it became the customer's credit goes first. For what was paid of an invoice a credit note is issued, and the
    credits that it bought are taken back by the rule of `credits`. Where the gateway does not answer the refund is
    `pending`, and goes on by itself; of a bank transfer it waits until staff say that it was paid (`by_hand`).
    """
    payment = access.id_of("pay", body.payment, "payment")
    account = owner_of(payment)
    count_for(request.scope, (account,))

    async def write(tx: Tx) -> str:
        row = await views.payment(tx, actor.tenant, payment)
        amount = None if body.amount is None else minor("amount", body.amount, row.currency)
        made = await refunds.request(
            tx, actor.tenant, account, payment, amount=amount, reason=body.reason or "", take=body.credits,
            by=actor.name, rates=native.system.till.rates,
        )  # fmt: skip
        return str(made.id)

    async def act(inner: Inner) -> Refund:
        refund = await begun(native, actor, inner, write)
        return await refunds.perform(native.system.till, account, UUID(refund))

    return await write_in_steps(native, actor, request, key, body, act, shapes.refund, status=201)


async def list_refunds(
    native: Here, actor: Anyone, query: Annotated[forms.RefundsQuery, Query()]
) -> Response:
    """List refunds, the newest first."""
    account = await access.listed_of(native, actor, query.account)
    payment = None if query.payment is None else access.id_of("pay", query.payment, "payment")
    async with native.system.db.connection() as conn:
        page = await refund_views.refunds(
            conn, actor.tenant, account=account, payment=payment, status=query.status, limit=query.limit,
            before=query.before("re"),
        )  # fmt: skip
    cursor = None if page.next_id is None else typeid("re", page.next_id)
    return answered({"data": [shapes.refund(row) for row in page.rows], "next_cursor": cursor})


async def read_refund(native: Here, actor: Anyone, refund: access.OwnRefund) -> Response:
    """Read a refund."""
    async with native.system.db.connection() as conn:
        return answered(shapes.refund(await refund_views.refund(conn, actor.tenant, refund)))


async def retry_refund(
    native: Here,
    actor: Admin,
    request: Request,
    key: Key,
    refund: access.OwnRefund,
    body: forms.Retry = forms.RETRY,
) -> Response:
    """Try a refund that failed again.

    The answer is another refund, which takes its place: what was done for the first (its credit note, credits) holds.
    """
    account = owner_of(refund)

    async def write(tx: Tx) -> str:
        return str((await refunds.retry(tx, actor.tenant, account, refund, by=actor.name)).id)

    async def act(inner: Inner) -> Refund:
        made = await begun(native, actor, inner, write)
        return await refunds.perform(native.system.till, account, UUID(made))

    return await write_in_steps(native, actor, request, key, body, act, shapes.refund, status=201)


async def complete_refund(
    native: Here,
    actor: Admin,
    request: Request,
    key: Key,
    refund: access.OwnRefund,
    body: forms.Complete = forms.COMPLETE,
) -> Response:
    """Say that a refund was paid out by hand.

    One that waits for it, as a bank transfer's does; for one that failed the answer is another, in its place.
    """

    async def act(tx: Tx) -> tuple[int, Any]:
        made = await refunds.complete(
            tx, actor.tenant, owner_of(refund), refund, by=actor.name, reference=body.reference or ""
        )
        return 200, shapes.refund(made)

    return await write_once(native, actor, request, key, body, act)


async def list_disputes(
    native: Here, actor: Anyone, query: Annotated[forms.DisputesQuery, Query()]
) -> Response:
    """List disputes, the newest first."""
    account = await access.listed_of(native, actor, query.account)
    payment = None if query.payment is None else access.id_of("pay", query.payment, "payment")
    async with native.system.db.connection() as conn:
        page = await refund_views.disputes(
            conn, actor.tenant, account=account, payment=payment, status=query.status, limit=query.limit,
            before=query.before("dp"),
        )  # fmt: skip
    cursor = None if page.next_id is None else typeid("dp", page.next_id)
    return answered({"data": [shapes.dispute(row) for row in page.rows], "next_cursor": cursor})


async def read_dispute(native: Here, actor: Anyone, dispute: access.OwnDispute) -> Response:
    """Read a dispute."""
    async with native.system.db.connection() as conn:
        return answered(shapes.dispute(await refund_views.dispute(conn, actor.tenant, dispute)))


async def close_dispute(
    native: Here,
    actor: Admin,
    request: Request,
    key: Key,
    dispute: access.OwnDispute,
    body: forms.CloseDispute,
) -> Response:
    """Say how a dispute ended, where the gateway does not tell by itself."""

    async def act(tx: Tx) -> tuple[int, Any]:
        row = await refund_views.dispute(tx, actor.tenant, dispute)
        taker = native.system.till.gateways.get(row.gateway)
        if taker is not None and site_shapes.has_notices(taker):
            raise Conflict("not_by_hand", f"The gateway {row.gateway} says itself how its disputes end.")
        made = await disputes.close(
            tx, actor.tenant, owner_of(dispute), dispute, body.outcome, rates=native.system.till.rates,
            by=actor.name, reason=body.reason or "",
        )  # fmt: skip
        return 200, shapes.dispute(made)

    return await write_once(native, actor, request, key, body, act)
