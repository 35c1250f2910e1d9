"""The further step of a payment that was made without the customer: a page of its own, whose link was sent to them."""

from collections.abc import Sequence

from fastapi import Response

from tallystick.domain.identity import views as identity
from tallystick.domain.invoicing import views as invoicing
from tallystick.domain.payments import settings, settling, views
from tallystick.domain.payments.letters import customer_page
from tallystick.domain.payments.model import Payment
from tallystick.domain.payments.port import PaymentSeen, Seen, Site
from tallystick.kernel.errors import NotFound
from tallystick.kernel.ids import owner_of, parse_typeid

from . import pages, shown
from .cards import Cards
from .desk import Call, System, base
from .paying import CUSTOMER, frame
from .shown import Words


async def confirm(system: System, call: Call) -> Response:
    """Show the further step of a payment that was made without the customer."""
    payment, card, words, site = await _charge(system, call)
    if payment.status == "requires_action":
        payment = await _looked(system, payment, site)
    look = frame(system, site, payment.gateway, words)
    if payment.status == "requires_action":
        total, here = words.money(payment.amount, payment.currency), _confirm(system, call)
        return pages.page("step", heading="Confirm your payment", total=total, card=card, action=here, **look)
    said = {
        "succeeded": ("Payment received", "Thank you. Your payment has arrived; you can close this page."),
        "failed": ("Nothing was paid", payment.failure_message or "The payment failed."),
    }
    heading, text = said.get(
        payment.status, ("Nothing to confirm", "This payment does not wait for you any more.")
    )
    link = customer_page(system.till, payment.account_uuid) if payment.status == "failed" else ""
    return pages.message(heading, text, link=link, link_text="Pay another way", **look)


async def confirmed(system: System, call: Call) -> Response:
    """Take the customer's answer to the further step of such a payment."""
    payment, _, _, site = await _charge(system, call)
    gateway = system.till.gateways[payment.gateway]
    if isinstance(gateway, Cards) and payment.status == "requires_action":
        seen = await gateway.confirm(site, payment.id, call.form.get("answer") == "approve")
        await _take(system, payment, seen)
    return pages.go(_confirm(system, call))


async def _looked(system: System, payment: Payment, site: Site) -> Payment:
    """The payment, with what its gateway has come to since: a kill may have come between the two."""
    seen = await system.till.gateways[payment.gateway].look_payment(site, payment.id, payment.ref)
    if all(isinstance(one, PaymentSeen) and one.status == payment.status for one in seen):
        return payment
    await _take(system, payment, seen)
    async with system.db.connection() as conn:
        return await views.payment(conn, payment.tenant, payment.id)


async def _take(system: System, payment: Payment, seen: Sequence[Seen]) -> None:
    async with system.db.tx() as tx:
        await settling.take(tx, system.till, payment.tenant, payment.gateway, seen, by=CUSTOMER)


def _confirm(system: System, call: Call) -> str:
    return f"{base(system)}/pay/confirm/{call['payment']}/{call['token']}"


async def _charge(system: System, call: Call) -> tuple[Payment, str, Words, Site]:
    """The payment that a link of a further step names, and what its card is known by. Raises NotFound."""
    id = parse_typeid("pay", call["payment"])
    if id is None or not system.vault.is_token(call["token"], "confirm", call["payment"]):
        raise NotFound("page")
    async with system.db.connection() as conn:
        account = await identity.account_linked(conn, owner_of(id))
        payment = await views.payment(conn, account.tenant_id, id)
        site = await settings.site(conn, system.till, account.tenant_id, payment.gateway, even_disabled=True)
        words = Words(await invoicing.settings(conn, account.tenant_id))
        card = ""
        if payment.method is not None:
            card = shown.known_as(await views.method(conn, account.tenant_id, payment.method))
    return payment, card, words, site
