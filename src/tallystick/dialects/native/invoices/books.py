"""Credit notes, and the money owed to customers."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request, Response

from tallystick.db.pool import Tx
from tallystick.dialects.native.auth import Anyone, Here, OwnAccount, Writer, may_read
from tallystick.dialects.native.names import account_id
from tallystick.dialects.native.once import Key, answered, write_once
from tallystick.dialects.native.queries import Listed
from tallystick.domain.catalog.views import rates_in_force
from tallystick.domain.identity import views as identity
from tallystick.domain.invoicing import actions, pdf, views
from tallystick.domain.payments import refunds, settling
from tallystick.http.paging import page_body
from tallystick.kernel.actor import Scope
from tallystick.kernel.errors import Forbidden
from tallystick.kernel.ids import owner_of
from tallystick.kernel.page import Page

from . import forms, reading, shapes, standing
from .handlers import document
from .reading import OwnInvoice, OwnNote


async def create_credit_note(
    native: Here, actor: Writer, request: Request, key: Key, invoice: OwnInvoice, body: forms.NewCreditNote
) -> Response:
    """Credit an invoice, whole or in part.

    A note lowers what an open invoice is due; of a paid one it becomes the customer's credit, or a refund that is due.
    What was paid through a gateway is then sent back there, which needs the scope admin; what came otherwise stays due,
    to be paid back by hand.
    """

    async def act(tx: Tx) -> tuple[int, Any]:
        row = await views.invoice(tx, actor.tenant, invoice)
        amount = None if body.amount is None else reading.minor("amount", body.amount, row.currency)
        made = await settling.credit_invoice(
            tx, actor.tenant, row.account, invoice, parts=reading.parts(body, row.currency), amount=amount,
            reason=body.reason, refund=body.refund, metadata=body.metadata, rates=rates_in_force, by=actor.name,
        )  # fmt: skip
        if made.refund_due:
            sent = await refunds.refund_note(
                tx, actor.tenant, row.account, made, by=actor.name, rates=rates_in_force
            )
            if sent and not actor.scope.includes(Scope.ADMIN):
                raise Forbidden("This sends money back through a gateway, which needs the scope admin.")
        return 201, shapes.credit_note(made)

    return await write_once(native, actor, request, key, body, act)


async def list_invoice_credit_notes(
    native: Here, actor: Anyone, invoice: OwnInvoice, query: Annotated[Listed, Query()]
) -> Response:
    """List an invoice's credit notes, the newest first."""
    async with native.system.db.connection() as conn:
        await views.invoice(conn, actor.tenant, invoice)
        page = await views.credit_notes(
            conn, actor.tenant, account=owner_of(invoice), invoice=invoice, limit=query.limit,
            before=query.after,
        )  # fmt: skip
    return answered(page_body(page.map(shapes.credit_note)))


async def list_credit_notes(
    native: Here, actor: Anyone, query: Annotated[forms.CreditNotesQuery, Query()]
) -> Response:
    """List credit notes, the newest first."""
    account = None if actor.whole_tenant else actor.home
    if query.account is not None:
        account = await native.caller(actor.tenant).account(query.account)
    if account is not None:
        may_read(actor, account)
    elif not actor.whole_tenant:
        return answered(page_body(Page([])))
    invoice: UUID | None = None
    if query.invoice is not None:
        invoice = reading.id_of("inv", query.invoice, "invoice")
    async with native.system.db.connection() as conn:
        page = await views.credit_notes(
            conn, actor.tenant, account=account, invoice=invoice, limit=query.limit, before=query.after
        )
    return answered(page_body(page.map(shapes.credit_note)))


async def read_credit_note(native: Here, actor: Anyone, credit_note: OwnNote) -> Response:
    """Read a credit note."""
    async with native.system.db.connection() as conn:
        return answered(shapes.credit_note(await views.credit_note(conn, actor.tenant, credit_note)))


async def read_credit_note_pdf(native: Here, actor: Anyone, credit_note: OwnNote) -> Response:
    """Read a credit note as PDF."""
    async with native.system.db.connection() as conn:
        row = await views.credit_note(conn, actor.tenant, credit_note)
        settings = await views.settings(conn, actor.tenant)
    return document(await pdf.credit_note_pdf(row, settings), row.number or "credit-note")


async def read_credit_balance(native: Here, actor: Anyone, account: OwnAccount) -> Response:
    """Read what is owed to a customer, by currency.

    Later invoices use it up.
    """
    async with native.system.db.connection() as conn:
        owner = await identity.account(conn, actor.tenant, account)
        rows = await views.credit_balances(conn, account)
    return answered(standing.credit_balance(account_id(owner.uuid), rows))


async def adjust_credit_balance(
    native: Here, actor: Writer, request: Request, key: Key, account: OwnAccount, body: forms.AdjustCredit
) -> Response:
    """Change what is owed to a customer.

    With its sign, and a reason; it is never less than nothing.
    """

    async def act(tx: Tx) -> tuple[int, Any]:
        currency = body.currency or (await identity.account(tx, actor.tenant, account)).currency
        amount = reading.minor("amount", body.amount, currency)
        made = await actions.add_credit(
            tx, actor.tenant, account, currency, amount, reason=body.reason, by=actor.name
        )
        return 201, standing.credit_change(made)

    return await write_once(native, actor, request, key, body, act)


async def list_credit_changes(
    native: Here, actor: Anyone, account: OwnAccount, query: Annotated[forms.CreditChangesQuery, Query()]
) -> Response:
    """List the changes of what is owed to a customer, the newest first."""
    async with native.system.db.connection() as conn:
        await identity.account(conn, actor.tenant, account)
        page = await views.credits_of(
            conn, account, currency=query.currency, limit=query.limit, before=query.after
        )
    return answered(page_body(page.map(standing.credit_change)))
