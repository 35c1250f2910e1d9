"""The page of one invoice: what it says, its PDF, and where it is paid. Its link is a credential by itself."""

from dataclasses import dataclass
from uuid import UUID

from fastapi import Response

from tallystick.domain.identity import views as identity
from tallystick.domain.invoicing import pdf
from tallystick.domain.invoicing import views as invoicing
from tallystick.domain.invoicing.model import Invoice
from tallystick.domain.payments import checkouts, settings
from tallystick.domain.payments.checkouts import ForInvoice
from tallystick.domain.payments.links import invoice_url, is_invoice_token
from tallystick.domain.payments.port import Site
from tallystick.kernel.errors import NotFound
from tallystick.kernel.ids import owner_of, parse_typeid

from . import pages, shown
from .desk import Call, System, base
from .paying import CUSTOMER, frame
from .shown import Words


@dataclass(frozen=True, slots=True)
class Visit:
    """``gateway`` is None where nothing can be paid. ``here`` is the page's address."""

    tenant: int
    row: Invoice
    gateway: str | None
    site: Site | None
    words: Words
    here: str

    @property
    def payable(self) -> bool:
        return self.gateway is not None and self.row.status == "open" and self.row.remaining > 0


async def show(system: System, call: Call) -> Response:
    """Show an invoice."""
    visit = await _visit(system, call)
    row, words = visit.row, visit.words
    around = {} if visit.site is None else frame(system, visit.site, visit.gateway or "", words)
    return pages.page(
        "invoice",
        heading=f"Invoice {row.number}" if row.number else "Invoice",
        bill=words.invoice(row),
        state=shown.said(row.status),
        document=f"{visit.here}/pdf",
        pay=visit.here if visit.payable else None,
        button=f"Pay {words.money(row.remaining, row.currency)}",
        **around,
    )


async def document(system: System, call: Call) -> Response:
    """Give it as PDF."""
    visit = await _visit(system, call)
    return pages.document(
        await pdf.invoice_pdf(visit.row, visit.words.settings), visit.row.number or "invoice"
    )


async def pay(system: System, call: Call) -> Response:
    """Open a page where it is paid. Whoever pays, their card is not kept."""
    visit = await _visit(system, call)
    whole = invoice_url(system.vault, system.till.public_url, visit.row.id)
    made = await checkouts.open_checkout(
        system.till, visit.tenant, visit.row.account, ForInvoice(visit.row.id), save_method=False,
        success_url=whole, cancel_url=whole, by=CUSTOMER,
    )  # fmt: skip
    return pages.leave(shown.web(made.url), "Pay your invoice")


async def _visit(system: System, call: Call) -> Visit:
    """Raises NotFound for a link that this server did not make, and for an invoice that nobody has issued."""
    id: UUID | None = parse_typeid("inv", call["invoice"])
    if id is None or not is_invoice_token(system.vault, call["invoice"], call["token"]):
        raise NotFound("page")
    async with system.db.connection() as conn:
        tenant = (await identity.account_linked(conn, owner_of(id))).tenant_id
        row = await invoicing.invoice(conn, tenant, id)
        gateway = await settings.standard_or_none(conn, system.till, tenant)
        site = None if gateway is None else await settings.site(conn, system.till, tenant, gateway)
        words = Words(await invoicing.settings(conn, tenant))
    if row.status == "draft":
        raise NotFound("page")
    here = f"{base(system)}/pay/invoice/{call['invoice']}/{call['token']}"
    return Visit(tenant, row, gateway, site, words, here)
