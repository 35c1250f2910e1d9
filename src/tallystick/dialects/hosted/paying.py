"""The page of a checkout: shown, paid, and shown again. A form is answered by a redirect, so it is sent once.

What the gateway saw is worked into our rows in the request that it saw it in: the customer's way back to the shop finds
the credits there. Where a kill comes in between, the next look at the page mends it, or else the worker.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from fastapi import Response

from tallystick.db.pool import Tx
from tallystick.domain.catalog import offers
from tallystick.domain.identity import views as identity
from tallystick.domain.identity.model import Account
from tallystick.domain.invoicing import views as invoicing
from tallystick.domain.payments import completing, previewing, settings, settling, views
from tallystick.domain.payments.model import Checkout, Payment
from tallystick.domain.payments.port import CheckoutSeen, Seen, Site
from tallystick.domain.subscriptions import views as subscriptions
from tallystick.kernel.actor import Mode
from tallystick.kernel.errors import NotFound
from tallystick.kernel.ids import owner_of, parse_typeid, typeid

from . import pages, shown
from .cards import Cards, Page
from .desk import Call, System, base
from .shown import Bill, Words

CUSTOMER: Final = "customer"
"""The actor of what a customer does on a page."""
_AGAIN: Final = "3"
"""Seconds until a page that waits looks again."""
_SANDBOX: Final = "This is a test page: no money moves, and no card number is asked for."
_TEST_MODE: Final = "This shop is in test mode."


@dataclass(slots=True)
class Order:
    """A checkout and what its page needs. ``here`` is the page's address."""

    system: System
    account: Account
    row: Checkout
    payment: Payment | None
    site: Site
    words: Words
    here: str
    due: int = 0
    """What is left to pay of its invoice after money came."""

    @property
    def tenant(self) -> int:
        return self.account.tenant_id

    @property
    def total(self) -> str:
        return self.words.money(self.row.amount, self.row.currency) if self.row.amount else ""

    @property
    def arrived(self) -> str:
        """What came, and what is still due."""
        came = self.row.amount if self.payment is None else self.payment.amount
        text = f"Your payment of {self.words.money(came, self.row.currency)} has arrived."
        if self.due:
            rest = self.words.money(self.due, self.row.currency)
            text += f" {rest} of the invoice is still due: please pay the rest too."
        return text

    @property
    def frame(self) -> dict[str, Any]:
        return frame(self.system, self.site, self.row.gateway, self.words)

    async def take(self, seen: Sequence[Seen]) -> None:
        """Work in what the gateway saw, and read our rows anew."""
        till = self.system.till
        async with self.system.db.tx() as tx:
            await settling.take(tx, till, self.tenant, self.row.gateway, seen, by=CUSTOMER)
        await self.reload()

    async def reload(self) -> None:
        async with self.system.db.connection() as conn:
            self.row = await views.checkout(conn, self.tenant, self.row.id)
            self.payment = await _payment(conn, self.tenant, self.row.payment)
            self.due = await _due(conn, self.row)


def frame(system: System, site: Site, gateway: str, words: Words) -> dict[str, Any]:
    """Seller and banner of a page."""
    test = ""
    if isinstance(system.till.gateways.get(gateway), Cards):
        test = _SANDBOX
    elif site.mode is Mode.TEST:
        test = _TEST_MODE
    return {"seller": words.settings.seller.name, "test": test}


async def show(system: System, call: Call) -> Response:
    """Show what is bought and how it is paid, or what came of it."""
    order = await _order(system, call)
    gateway = system.till.gateways[order.row.gateway]
    if not isinstance(gateway, Cards):
        if order.payment is not None and order.payment.status == "processing":
            await _looked(order)
            return _ended(order)
        if order.row.status != "open":
            return _ended(order)
        if "staff" in gateway.features:
            return await _transfer(order)
        return pages.leave(shown.web(order.row.url), "Payment", **order.frame)
    if order.row.status == "open":
        page = await gateway.page(order.site, order.row.id)
        if page.status == "step":
            return _step(order, f"Visa ···· {page.card}")
        if page.status == "open":
            return await _open(order, gateway, page)
    await _looked(order)
    return _ended(order)


async def pay(system: System, call: Call) -> Response:
    """Pay with the chosen card, or save it."""
    order = await _order(system, call)
    gateway = system.till.gateways[order.row.gateway]
    if isinstance(gateway, Cards) and order.row.status == "open":
        keep = call.form.get("keep") == "yes"
        await order.take(await gateway.pay(order.site, order.row.id, call.form.get("card", ""), keep))
    return _onward(order)


async def answer(system: System, call: Call) -> Response:
    """Take the customer's answer to the further step."""
    order = await _order(system, call)
    gateway = system.till.gateways[order.row.gateway]
    if isinstance(gateway, Cards) and order.row.status == "open":
        approve = call.form.get("answer") == "approve"
        await order.take(await gateway.answer(order.site, order.row.id, approve))
    return _onward(order)


async def done(system: System, call: Call) -> Response:
    """Send who has paid back to the shop."""
    order = await _order(system, call)
    if order.row.status == "open":  # a provider's page sent them here, and they were faster than its notice
        await _looked(order)
    address = shown.success_url(order.row)
    if order.row.status == "completed" and address and not _waits(order.payment):
        return pages.leave(address, _thanks(order), **order.frame)
    return pages.go(order.here)


async def back(system: System, call: Call) -> Response:
    """Receive who comes back from their bank's page: what they did there is on its way to us."""
    text = "Your bank tells us what you decided. You can close this page."
    return pages.message("Thank you", text)


async def _order(system: System, call: Call) -> Order:
    """The checkout that the link names. Raises NotFound for a link that this server did not make."""
    id = parse_typeid("co", call["checkout"])
    if id is None or not system.vault.is_token(call["token"], "checkout", call["checkout"]):
        raise NotFound("page")
    async with system.db.connection() as conn:
        account = await identity.account_linked(conn, owner_of(id))
        tenant = account.tenant_id
        row = await views.checkout(conn, tenant, id)
        site = await settings.site(conn, system.till, tenant, row.gateway, even_disabled=True)
        words = Words(await invoicing.settings(conn, tenant))
        payment = await _payment(conn, tenant, row.payment)
        due = await _due(conn, row)
    here = f"{base(system)}/pay/{call['checkout']}/{call['token']}"
    return Order(system, account, row, payment, site, words, here, due)


async def _due(conn: Tx, row: Checkout) -> int:
    if row.invoice is None or row.status != "completed":
        return 0
    bill = await invoicing.invoice(conn, row.tenant, row.invoice)
    return bill.remaining if bill.status == "open" else 0


async def _payment(conn: Any, tenant: int, payment: UUID | None) -> Payment | None:
    return None if payment is None else await views.payment(conn, tenant, payment)


async def _looked(order: Order) -> None:
    """Take in what the gateway has come to since: a page that a kill left, money that was under way."""
    gateway = order.system.till.gateways[order.row.gateway]
    if order.row.status == "open" and order.row.ref is not None:
        seen = await gateway.look_checkout(order.site, order.row.ref)
        if any(isinstance(one, CheckoutSeen) for one in seen):
            await order.take(seen)
    if order.payment is not None and _waits(order.payment):
        await order.take(await gateway.look_payment(order.site, order.payment.id, order.payment.ref))


async def _open(order: Order, gateway: Cards, page: Page) -> Response:
    kept = await _kept(order)
    return pages.page(
        "pay",
        heading=_heading(order),
        bill=await _bill(order),
        cards=gateway.cards,
        chosen=page.card or gateway.cards[0].last4,
        failure=page.failure_message,
        kept=kept,
        offers_saving=order.row.save_method and bool(order.row.amount) and not kept,
        keep=page.card is not None and page.keep_card,
        total=order.total,
        button=_heading(order),
        here=order.here,
        cancel_url=shown.web(order.row.cancel_url),
        **order.frame,
    )


async def _kept(order: Order) -> str:
    """What the card is kept for, '' where the customer chooses, or none is kept for a plan."""
    if order.row.intent is None or not order.row.save_method:
        return ""
    async with order.system.db.connection() as conn:
        terms = await completing.terms_of(conn, order.row)
        held = await subscriptions.current(conn, order.tenant, order.row.account)
        now = await identity.now(conn, order.tenant)
    begins = None
    if held is not None and held.status == "trialing":
        begins = held.trial_end
    elif order.row.intent["trial"] and not order.row.amount and terms.trial_days:
        begins = now + timedelta(days=terms.trial_days)
    return order.words.kept(terms, begins)


async def _transfer(order: Order) -> Response:
    options, bill = order.site.options, await _bill(order)
    title = options.get("title") or order.system.till.gateways[order.row.gateway].title
    reference = typeid("co", order.row.id)
    if order.row.invoice is not None:
        async with order.system.db.connection() as conn:
            reference = (await invoicing.invoice(conn, order.tenant, order.row.invoice)).number or reference
    return pages.page(
        "transfer",
        heading=f"Pay {order.total}",
        title=title,
        bill=bill,
        instructions=options.get("instructions", ""),
        total=order.total,
        reference=reference,
        until=order.words.day(order.row.expires_at),
        cancel_url=shown.web(order.row.cancel_url),
        **order.frame,
    )


def _step(order: Order, card: str) -> Response:
    action = f"{order.here}/step"
    heading = "Confirm your payment" if order.total else "Confirm your card"
    return pages.page("step", heading=heading, total=order.total, card=card, action=action, **order.frame)


def _ended(order: Order) -> Response:
    """The page of a checkout that is completed or expired."""
    if order.row.status == "open":
        return _wait(order)
    if order.row.status == "expired":
        text = "Nothing can be paid here any more. If there still is something to pay, start again from the shop."
        link = shown.web(order.row.cancel_url)
        return pages.message("This page has expired", text, status=410, link=link, **order.frame)
    if _waits(order.payment):
        return _wait(order)
    if order.payment is not None and order.payment.status in ("failed", "cancelled"):
        text = order.payment.failure_message or "The payment did not go through."
        link = shown.web(order.row.cancel_url)
        return pages.message("Nothing was paid", text, link=link, **order.frame)
    text = "Thank you." if not order.total else f"Thank you. {order.arrived}"
    return pages.message(_thanks(order), text, link=shown.success_url(order.row), **order.frame)


def _wait(order: Order) -> Response:
    text = "Your payment is under way. This page looks again by itself; you can also close it."
    link = shown.success_url(order.row)
    return pages.message("Payment under way", text, link=link, refresh=_AGAIN, **order.frame)


def _onward(order: Order) -> Response:
    """Where a form leads: on to the shop once it is done, else to the page again."""
    finished = order.row.status == "completed" and not _waits(order.payment)
    return pages.go(f"{order.here}/done" if finished else order.here)


def _waits(payment: Payment | None) -> bool:
    return payment is not None and payment.status in ("pending", "processing", "requires_action")


def _heading(order: Order) -> str:
    if order.total:
        return f"Pay {order.total}"
    return "Save a card" if order.row.kind == "method" else "Start your plan"


def _thanks(order: Order) -> str:
    if order.total:
        return "Payment received"
    return "Your card is saved" if order.row.kind == "method" else "Your plan has started"


async def _bill(order: Order) -> Bill | None:
    """What is bought, None where only a card is saved."""
    found = await previewing.bill(order.system.db, order.row, rates=order.system.till.rates)
    if found is not None:
        return order.words.invoice(found)
    if order.row.intent is None:
        return None
    async with order.system.db.connection() as conn:
        id, version = UUID(order.row.intent["plan"]), order.row.intent["version"]
        return order.words.plan(await offers.plan_version(conn, order.tenant, id, version), order.row)
