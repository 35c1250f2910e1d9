"""The customer's own page: ways to pay, subscription, credits, invoices and payments of one account.

Its link is a credential by itself, for a while: its token says until when.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from fastapi import Response

from tallystick.db.pool import Tx
from tallystick.domain.catalog import views as catalog
from tallystick.domain.identity import views as identity
from tallystick.domain.identity.model import Account
from tallystick.domain.invoicing import pdf
from tallystick.domain.invoicing import views as invoicing
from tallystick.domain.invoicing.model import Invoice
from tallystick.domain.payments import checkouts, methods, settings, views
from tallystick.domain.payments.checkouts import ForInvoice, ForMethod
from tallystick.domain.payments.links import read_portal_token
from tallystick.domain.payments.port import Site
from tallystick.domain.reloads import views as reloading
from tallystick.domain.subscriptions import actions as subscriptions
from tallystick.domain.subscriptions import views as subscribed
from tallystick.kernel.errors import NotFound
from tallystick.kernel.ids import owner_of, parse_typeid

from . import pages, shown
from .desk import Call, System, base
from .paying import CUSTOMER, frame
from .shown import ShownCredits, ShownPayment, Words

_MOST: Final = 24
"""Invoices, and payments, that the page shows."""
_SAID: Final = {
    "saved": "Your way to pay is saved.",
    "standard": "This way to pay is now your default.",
    "removed": "The way to pay was removed.",
    "cancelled": "Your subscription ends with this period.",
    "kept": "Your subscription goes on.",
    "paid": "Thank you, your invoice is paid.",
}


class Expired(Exception):
    """The link was good once."""


@dataclass(frozen=True, slots=True)
class Visit:
    """Whose portal it is. ``here`` is its address, ``return_url`` the way back to the shop or ''."""

    system: System
    account: Account
    gateway: str
    site: Site
    words: Words
    here: str
    return_url: str

    @property
    def tenant(self) -> int:
        return self.account.tenant_id

    @property
    def number(self) -> int:
        return self.account.account_id

    def back(self, said: str) -> Response:
        """Show the portal again, which says what was done."""
        return pages.go(f"{self.here}?said={said}")

    def ours(self, prefix: str, text: str) -> UUID:
        """The id of something of this account. Raises NotFound."""
        id = parse_typeid(prefix, text)
        if id is None or owner_of(id) != self.number:
            raise NotFound("page")
        return id


async def show(system: System, call: Call) -> Response:
    """Show the customer what is theirs."""
    visit = await _visit(system, call)
    words, here, tenant, account = visit.words, visit.here, visit.tenant, visit.number
    balances = await system.balances.balances(tenant, account)
    async with system.db.connection() as conn:
        subscription = await subscribed.current(conn, tenant, account)
        saved = await views.methods(conn, tenant, account)
        names = {one.code: one.name for one in await catalog.credit_types(conn, tenant)}
        reloads = {one.credit_type: one for one in await reloading.auto_reloads(conn, tenant, account)}
        invoices = (await invoicing.invoices(conn, tenant, account=account, limit=_MOST)).rows
        payments = await _payments(conn, visit, invoices)
    return pages.page(
        "portal",
        heading="Your account",
        wide=True,
        said=_SAID.get(call.query.get("said", "")),
        subscription=None if subscription is None else shown.subscription(subscription, words, here),
        credits=[
            ShownCredits(
                names.get(one.credit_type, one.credit_type),
                words.credits(one.posted - one.held),
                shown.reload(reloads.get(one.credit_type), words),
            )
            for one in balances.wallets
        ],
        methods=[shown.method(one, here) for one in saved],
        add=f"{here}/methods" if "charge" in system.till.gateways[visit.gateway].features else None,
        invoices=[shown.invoice(one, words, here) for one in invoices if one.status != "draft"],
        payments=payments,
        return_url=visit.return_url,
        **frame(system, visit.site, visit.gateway, words),
    )


async def add_method(system: System, call: Call) -> Response:
    """Open a page where a way to pay is saved."""
    visit = await _visit(system, call)
    made = await checkouts.open_checkout(
        system.till, visit.tenant, visit.number, ForMethod(), save_method=True,
        success_url=_public(visit, "?said=saved"), cancel_url=_public(visit), by=CUSTOMER,
    )  # fmt: skip
    return pages.leave(shown.web(made.url), "Add a way to pay")


async def make_standard(system: System, call: Call) -> Response:
    """Have this way to pay charged from now on."""
    visit = await _visit(system, call)
    async with system.db.tx() as tx:
        await methods.make_standard(
            tx, visit.tenant, visit.number, visit.ours("pm", call["method"]), by=CUSTOMER
        )
    return visit.back("standard")


async def remove_method(system: System, call: Call) -> Response:
    """Take a way to pay away."""
    visit = await _visit(system, call)
    method = visit.ours("pm", call["method"])
    await methods.remove(system.till, visit.tenant, visit.number, method, by=CUSTOMER)
    return visit.back("removed")


async def cancel(system: System, call: Call) -> Response:
    """Cancel the subscription at its period's end."""
    visit = await _visit(system, call)
    id = visit.ours("sub", call["subscription"])
    async with system.db.tx() as tx:
        await subscriptions.cancel(
            tx, visit.tenant, visit.number, id, at_period_end=True, rates=system.till.rates, by=CUSTOMER
        )
    return visit.back("cancelled")


async def keep(system: System, call: Call) -> Response:
    """Take that back."""
    visit = await _visit(system, call)
    id = visit.ours("sub", call["subscription"])
    async with system.db.tx() as tx:
        await subscriptions.revoke_cancel(
            tx, visit.tenant, visit.number, id, rates=system.till.rates, by=CUSTOMER
        )
    return visit.back("kept")


async def pay_invoice(system: System, call: Call) -> Response:
    """Open a page where an invoice is paid."""
    visit = await _visit(system, call)
    made = await checkouts.open_checkout(
        system.till, visit.tenant, visit.number, ForInvoice(visit.ours("inv", call["invoice"])), save_method=True,
        success_url=_public(visit, "?said=paid"), cancel_url=_public(visit), by=CUSTOMER,
    )  # fmt: skip
    return pages.leave(shown.web(made.url), "Pay your invoice")


async def invoice_pdf(system: System, call: Call) -> Response:
    """Give an invoice as PDF."""
    visit = await _visit(system, call)
    async with system.db.connection() as conn:
        row = await invoicing.invoice(conn, visit.tenant, visit.ours("inv", call["invoice"]))
    if row.status == "draft":
        raise NotFound("page")
    return pages.document(await pdf.invoice_pdf(row, visit.words.settings), row.number or "invoice")


async def _visit(system: System, call: Call) -> Visit:
    """Whose link it is. Raises NotFound for one that this server did not make, Expired for one that is too old."""
    uuid, link = (
        parse_typeid("acct", call["account"]),
        read_portal_token(system.vault, call["account"], call["token"]),
    )
    if uuid is None or link is None:
        raise NotFound("page")
    if link.until < time.time():
        raise Expired
    async with system.db.connection() as conn:
        account = await identity.account_linked(conn, owner_of(uuid))
        if account.uuid != uuid:
            raise NotFound("page")
        gateway = await settings.standard_or_none(conn, system.till, account.tenant_id) or "manual"
        site = await settings.site(conn, system.till, account.tenant_id, gateway, even_disabled=True)
        words = Words(await invoicing.settings(conn, account.tenant_id))
    here = f"{base(system)}/portal/{call['account']}/{call['token']}"
    return Visit(system, account, gateway, site, words, here, shown.web(link.return_url))


def _public(visit: Visit, more: str = "") -> str:
    """The portal's whole address, for where another page leads back."""
    return visit.system.till.public_url + visit.here.removeprefix(base(visit.system)) + more


async def _payments(conn: Tx, visit: Visit, invoices: Sequence[Invoice]) -> list[ShownPayment]:
    numbers: dict[UUID | None, Any] = {one.id: one.number for one in invoices}
    page = await views.payments(conn, visit.tenant, account=visit.number, limit=_MOST)
    return [
        shown.payment(one, visit.words, numbers.get(one.invoice))
        for one in page.rows
        # a page that nobody paid on is no payment
        if one.status != "pending" and not (one.status == "cancelled" and one.checkout is not None)
    ]
