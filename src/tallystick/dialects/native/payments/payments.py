"""Payments: charging a saved way to pay, money that staff wait for, and the ways to pay themselves."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request, Response

from tallystick.db.pool import Tx
from tallystick.dialects.native.auth import Admin, Anyone, Here, OwnAccount, Writer
from tallystick.dialects.native.invoices.reading import minor
from tallystick.dialects.native.once import Key, answered, write_once
from tallystick.dialects.native.queries import Listed
from tallystick.domain.identity import views as identity
from tallystick.domain.payments import charging, methods, settling, views
from tallystick.domain.payments.model import Method, Payment
from tallystick.http.hot import count_for
from tallystick.http.paging import page_body
from tallystick.kernel.actor import Actor
from tallystick.kernel.ids import owner_of

from . import access, forms, shapes
from .steps import Inner, begun, write_in_steps


async def create_payment(
    native: Here, actor: Writer, request: Request, key: Key, body: forms.NewPayment
) -> Response:
    """Charge a saved way to pay for all that an invoice needs.

    The answer says what became of it: `succeeded`, `failed` with the reason, or `requires_action` of the customer's at
    the `action_url`. Where the gateway does not answer it is `pending`, and goes on by itself: it is charged once.
    """
    invoice = access.id_of("inv", body.invoice, "invoice")
    method = None if body.method is None else access.id_of("pm", body.method, "payment method")
    account = owner_of(invoice)
    count_for(request.scope, (account,))

    async def write(tx: Tx) -> str:
        made = await charging.request_charge(
            tx, actor.tenant, account, invoice=invoice, method=method, cause="request", by=actor.name
        )
        return str(made.id)

    async def act(inner: Inner) -> Payment:
        payment = await begun(native, actor, inner, write)
        return await charging.perform(native.system.till, account, UUID(payment))

    return await write_in_steps(native, actor, request, key, body, act, shapes.payment, status=201)


async def list_payments(
    native: Here, actor: Anyone, query: Annotated[forms.PaymentsQuery, Query()]
) -> Response:
    """List payments, the newest first."""
    account = await access.listed_of(native, actor, query.account)
    invoice = None if query.invoice is None else access.id_of("inv", query.invoice, "invoice")
    checkout = None if query.checkout is None else access.id_of("co", query.checkout, "checkout")
    async with native.system.db.connection() as conn:
        page = await views.payments(
            conn, actor.tenant, account=account, invoice=invoice, checkout=checkout, status=query.status,
            limit=query.limit, before=query.after,
        )  # fmt: skip
    return answered(page_body(page.map(lambda row: _seen(actor, row))))


async def read_payment(native: Here, actor: Anyone, payment: access.OwnPayment) -> Response:
    """Read a payment."""
    async with native.system.db.connection() as conn:
        return answered(_seen(actor, await views.payment(conn, actor.tenant, payment)))


def _seen(actor: Actor, row: Payment) -> shapes.Payment:
    """As the actor may see it: the address of a further step is a credential, for those alone who may pay."""
    shown = shapes.payment(row)
    if not access.steers(actor, row.account):
        shown.action_url = None
    return shown


async def approve_payment(
    native: Here,
    actor: Admin,
    request: Request,
    key: Key,
    payment: access.OwnPayment,
    body: forms.Approve = forms.APPROVE,
) -> Response:
    """Say that the money of a bank transfer came.

    The invoice is paid, and what it bought is given. Less than was asked leaves the invoice open.
    """

    async def act(tx: Tx) -> tuple[int, Any]:
        row = await views.payment(tx, actor.tenant, payment)
        amount = None if body.amount is None else minor("amount", body.amount, row.currency)
        made = await settling.approve(
            tx, native.system.till, actor.tenant, row.account, payment, amount=amount,
            reference=body.reference or "", by=actor.name,
        )  # fmt: skip
        return 200, shapes.payment(made)

    return await write_once(native, actor, request, key, body, act)


async def reject_payment(
    native: Here, actor: Admin, request: Request, key: Key, payment: access.OwnPayment, body: forms.Reject
) -> Response:
    """Say that the money of a bank transfer does not come."""

    async def act(tx: Tx) -> tuple[int, Any]:
        made = await settling.reject(
            tx,
            native.system.till,
            actor.tenant,
            owner_of(payment),
            payment,
            reason=body.reason,
            by=actor.name,
        )
        return 200, shapes.payment(made)

    return await write_once(native, actor, request, key, body, act)


async def list_payment_methods(
    native: Here, actor: Anyone, account: OwnAccount, query: Annotated[Listed, Query()]
) -> Response:
    """List a customer's saved ways to pay, the default one first."""
    async with native.system.db.connection() as conn:
        uuid = (await identity.account(conn, actor.tenant, account)).uuid
        rows = await views.methods(conn, actor.tenant, account)
    return answered(page_body(query.slice_of(rows).map(lambda row: shapes.payment_method(row, uuid))))


async def delete_payment_method(
    native: Here, actor: Anyone, account: access.Steered, method: access.OwnMethod
) -> Response:
    """Take a way to pay away, here and at the gateway.

    Where it was the default, the newest left takes its place.
    """
    made = await methods.remove(native.system.till, actor.tenant, account, method, by=actor.name)
    async with native.system.db.connection() as conn:
        return answered(await _shown(conn, made))


async def make_payment_method_default(
    native: Here,
    actor: Anyone,
    request: Request,
    key: Key,
    account: access.Steered,
    method: access.OwnMethod,
    body: forms.Retry = forms.RETRY,
) -> Response:
    """Have a way to pay charged where none is named."""

    async def act(tx: Tx) -> tuple[int, Any]:
        made = await methods.make_standard(tx, actor.tenant, account, method, by=actor.name)
        return 200, await _shown(tx, made)

    return await write_once(native, actor, request, key, body, act)


async def _shown(conn: Tx, row: Method) -> shapes.PaymentMethod:
    uuid = (await identity.account(conn, row.tenant, row.account)).uuid
    return shapes.payment_method(row, uuid)
