"""Invoices: one-off drafts, their issue, payment and end; and the document."""

from typing import Annotated, Any

from fastapi import Query, Request, Response

from tallystick.db.pool import Tx
from tallystick.dialects.native.auth import Anyone, Here, Writer, may_read
from tallystick.dialects.native.once import Key, answered, write_once
from tallystick.domain.catalog.views import rates_in_force
from tallystick.domain.identity import views as identity
from tallystick.domain.invoicing import drafts, pdf, views
from tallystick.domain.invoicing.model import Draft
from tallystick.domain.payments import settling
from tallystick.http.paging import page_body
from tallystick.kernel.errors import Invalid
from tallystick.kernel.ids import owner_of, parse_typeid
from tallystick.kernel.page import Page

from . import forms, reading, shapes
from .reading import OwnInvoice


async def list_invoices(
    native: Here, actor: Anyone, query: Annotated[forms.InvoicesQuery, Query()]
) -> Response:
    """List invoices, the newest first.

    A member of an account sees its invoices: those of the home account where none is named.
    """
    account = None if actor.whole_tenant else actor.home
    if query.account is not None:
        account = await native.caller(actor.tenant).account(query.account)
    if account is not None:
        may_read(actor, account)
    subscription = None if query.subscription is None else parse_typeid("sub", query.subscription)
    if (query.subscription and subscription is None) or (account is None and not actor.whole_tenant):
        return answered(page_body(Page([])))
    async with native.system.db.connection() as conn:
        page = await views.invoices(
            conn, actor.tenant, account=account, subscription=subscription, status=query.status,
            number=query.number, start=query.start, end=query.end, limit=query.limit, before=query.after,
        )  # fmt: skip
    return answered(page_body(page.map(shapes.invoice)))


async def create_invoice(
    native: Here, actor: Writer, request: Request, key: Key, body: forms.NewInvoice
) -> Response:
    """Make a one-off invoice.

    It is a draft, which can be changed and deleted and has no number, unless `finalize` is true.
    """
    account = await native.caller(actor.tenant).account(body.account)

    async def act(tx: Tx) -> tuple[int, Any]:
        currency = body.currency or (await identity.account(tx, actor.tenant, account)).currency
        draft = Draft(
            account=account, currency=currency, lines=reading.lines(body.lines, currency), due_at=body.due_at,
            period_start=body.period_start, period_end=body.period_end, memo=body.memo or "",
            metadata=body.metadata or {},
        )  # fmt: skip
        if body.finalize and not draft.lines:
            raise Invalid("lines", "must not be empty where the invoice is finalized")
        made = await drafts.create(tx, actor.tenant, draft, by=actor.name)
        if body.finalize:
            made = await drafts.finalize(tx, actor.tenant, account, made.id, by=actor.name)
        return 201, shapes.invoice(made)

    return await write_once(native, actor, request, key, body, act)


async def read_invoice(native: Here, actor: Anyone, invoice: OwnInvoice) -> Response:
    """Read an invoice."""
    async with native.system.db.connection() as conn:
        return answered(shapes.invoice(await views.invoice(conn, actor.tenant, invoice)))


async def patch_invoice(
    native: Here, actor: Writer, invoice: OwnInvoice, body: forms.InvoicePatch
) -> Response:
    """Change a draft.

    Fields that are absent stay as they are.
    """
    async with native.system.db.tx() as tx:
        row = await views.invoice(tx, actor.tenant, invoice)
        changes = reading.changes(body, row.currency)
        changed = await drafts.change(tx, actor.tenant, row.account, invoice, changes, by=actor.name)
    return answered(shapes.invoice(changed))


async def delete_invoice(native: Here, actor: Writer, invoice: str) -> Response:
    """Delete a draft.

    What was issued is never deleted: void it.
    """
    uuid = reading.id_of("inv", invoice, "invoice")
    async with native.system.db.tx() as tx:
        await drafts.delete(tx, actor.tenant, owner_of(uuid), uuid, by=actor.name)
    return answered(shapes.DeletedInvoice(invoice, True))


async def finalize_invoice(
    native: Here, actor: Writer, request: Request, key: Key, invoice: OwnInvoice,
    body: forms.Finalize | None = None,
) -> Response:  # fmt: skip
    """Issue a draft.

    It gets its number, and its taxes and the customer's credit are those of this moment.
    """

    async def act(tx: Tx) -> tuple[int, Any]:
        issued = await drafts.finalize(tx, actor.tenant, owner_of(invoice), invoice, by=actor.name)
        return 200, shapes.invoice(issued)

    return await write_once(native, actor, request, key, body or forms.Finalize(), act)


async def pay_invoice(
    native: Here, actor: Writer, request: Request, key: Key, invoice: OwnInvoice,
    body: forms.Pay | None = None,
) -> Response:  # fmt: skip
    """Record that money came in for an invoice.

    Less than is due leaves it open. What is more becomes the customer's credit.
    """
    said = body or forms.Pay()

    async def act(tx: Tx) -> tuple[int, Any]:
        row = await views.invoice(tx, actor.tenant, invoice)
        amount = None if said.amount is None else reading.minor("amount", said.amount, row.currency)
        return 200, shapes.invoice(
            await settling.pay_invoice(
                tx,
                actor.tenant,
                row.account,
                invoice,
                amount=amount,
                at=said.paid_at,
                reference=said.reference or "",
                rates=rates_in_force,
                by=actor.name,
            )
        )

    return await write_once(native, actor, request, key, said, act)


async def void_invoice(
    native: Here, actor: Writer, request: Request, key: Key, invoice: OwnInvoice,
    body: forms.Why | None = None,
) -> Response:  # fmt: skip
    """Void an invoice.

    Its number stays. Credit that was used for it, and what was paid, become the customer's credit again.
    """
    said = body or forms.Why()

    async def act(tx: Tx) -> tuple[int, Any]:
        row = await views.invoice(tx, actor.tenant, invoice)
        made = await settling.void_invoice(
            tx, actor.tenant, row.account, invoice, reason=said.reason or "", rates=rates_in_force, by=actor.name
        )  # fmt: skip
        return 200, shapes.invoice(made)

    return await write_once(native, actor, request, key, said, act)


async def mark_invoice_uncollectible(
    native: Here, actor: Writer, request: Request, key: Key, invoice: OwnInvoice,
    body: forms.Why | None = None,
) -> Response:  # fmt: skip
    """Give an open invoice up.

    It may still be paid, or voided.
    """
    said = body or forms.Why()

    async def act(tx: Tx) -> tuple[int, Any]:
        row = await views.invoice(tx, actor.tenant, invoice)
        made = await settling.fail_invoice(
            tx, actor.tenant, row.account, invoice, reason=said.reason or "", rates=rates_in_force, by=actor.name
        )  # fmt: skip
        return 200, shapes.invoice(made)

    return await write_once(native, actor, request, key, said, act)


async def read_invoice_pdf(native: Here, actor: Anyone, invoice: OwnInvoice) -> Response:
    """Read an invoice as PDF."""
    async with native.system.db.connection() as conn:
        row = await views.invoice(conn, actor.tenant, invoice)
        settings = await views.settings(conn, actor.tenant)
    return document(await pdf.invoice_pdf(row, settings), row.number or "draft")


def document(content: bytes, number: str) -> Response:
    """A PDF as a response, named by its number."""
    name = "".join(char if char.isalnum() or char in "-_." else "-" for char in number)
    headers = {"content-disposition": f'inline; filename="{name}.pdf"'}
    return Response(content, 200, headers, "application/pdf")
