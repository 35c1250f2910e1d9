"""Invoices."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Final

from tallystick.db.pool import Tx
from tallystick.dialects.credibill import names, numbers
from tallystick.dialects.credibill.bodies import InvoicePatch
from tallystick.dialects.credibill.call import Call, write
from tallystick.dialects.credibill.lists import alone, chosen, page_of
from tallystick.dialects.credibill.shapes import encode
from tallystick.dialects.credibill.shelf import INVOICE, Shelf
from tallystick.domain.catalog.views import rates_in_force
from tallystick.domain.invoicing import actions as invoicing
from tallystick.domain.invoicing import drafts, views
from tallystick.domain.invoicing.model import Invoice
from tallystick.domain.payments import settling
from tallystick.domain.subscriptions import views as subscriptions
from tallystick.http.hot import Reply
from tallystick.kernel.errors import Conflict, Invalid
from tallystick.kernel.page import Page

from .customers import find

_STATUS: Final = {said: state for state, said in INVOICE.items()} | {"open": "open"}


async def get_invoices(call: Call) -> Reply:
    """List Invoices, or Get Invoice."""
    one = alone(call.query, "invoiceId")
    async with call.system.db.connection() as conn:
        shelf = Shelf(conn, call.actor)
        if one is not None:
            found = await views.invoice(conn, call.tenant, names.parse_invoice(one))
            call.accounts.add(found.account)
            [shown] = await shelf.listed_invoices([found])
            return Reply(200, encode({"invoice": shown}))
        query = call.query
        account = await find(conn, call, query["customerId"]) if "customerId" in query else None
        of = names.parse_subscription(query["subscriptionId"]) if "subscriptionId" in query else None
        if of is not None:
            await subscriptions.subscription(conn, call.tenant, of)
        status = chosen(query, "status", _STATUS)

        async def read(before: int | None, limit: int) -> Page[Invoice]:
            return await views.invoices(
                conn,
                call.tenant,
                account=None if account is None else account.account_id,
                subscription=of,
                status=status,
                before=before,
                limit=limit,
            )

        rows, more = await page_of(query, read)
        listed = await shelf.listed_invoices(rows)
    return Reply(200, encode({"invoices": listed, **more}))


async def update_invoice(call: Call) -> Reply:
    """Update Invoice Status."""
    body: InvoicePatch = call.body
    id = names.parse_invoice(body.invoice_id)
    to = "pending" if body.status == "open" else body.status
    amount = paid = None
    if numbers.given(body.amount_paid):
        amount = numbers.integer("amountPaid", body.amount_paid, least=1)
    if numbers.given(body.paid_date):
        paid = numbers.moment("paidDate", body.paid_date)
    if body.status != "paid" and (amount is not None or paid is not None):
        raise Invalid("amountPaid" if amount is not None else "paidDate", "goes with the status paid alone")

    async def act(tx: Tx) -> dict[str, Any]:
        invoice = await views.invoice(tx, call.tenant, id)
        # under the lock of its account, so that it is judged by the state that is changed
        invoice = await invoicing.locked(tx, call.tenant, invoice.account, id)
        call.accounts.add(invoice.account)
        state = INVOICE[invoice.status]
        if (state, to) not in _MOVES:
            raise Conflict("invoice_state", f"The invoice is {state}")
        await _MOVES[state, to](tx, call, invoice, amount, paid)
        return {"message": "Invoice updated"}

    return await write(call, 200, act)


Move = Callable[[Tx, Call, Invoice, int | None, datetime | None], Awaitable[Any]]


async def _pay(tx: Tx, call: Call, invoice: Invoice, amount: int | None, paid: datetime | None) -> None:
    await settling.pay_invoice(
        tx,
        call.tenant,
        invoice.account,
        invoice.id,
        amount=amount,
        at=paid,
        rates=rates_in_force,
        by=call.actor.name,
    )


async def _void(tx: Tx, call: Call, invoice: Invoice, amount: int | None, paid: datetime | None) -> None:
    await settling.void_invoice(
        tx, call.tenant, invoice.account, invoice.id, rates=rates_in_force, by=call.actor.name
    )


async def _fail(tx: Tx, call: Call, invoice: Invoice, amount: int | None, paid: datetime | None) -> None:
    await settling.fail_invoice(
        tx, call.tenant, invoice.account, invoice.id, rates=rates_in_force, by=call.actor.name
    )


async def _issue(tx: Tx, call: Call, invoice: Invoice, amount: int | None, paid: datetime | None) -> None:
    await drafts.finalize(tx, call.tenant, invoice.account, invoice.id, by=call.actor.name)


_MOVES: Final[dict[tuple[str, str], Move]] = {
    ("draft", "pending"): _issue,
    ("pending", "paid"): _pay,
    ("pending", "void"): _void,
    ("pending", "failed"): _fail,
    ("failed", "paid"): _pay,
}
"""Every move that this contract makes: fewer than invoices have."""
