"""Stripe: Checkout Sessions, PaymentIntents, Refunds, the billing portal. We keep plans and invoices ourselves.

A key of ours goes with every call that makes something, and Stripe does such a call once within 24 hours. After that
`look_payment` and `look_refund` come first, which find what was made by our id in its metadata.
"""

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import stripe

from tallystick.domain.payments.port import (
    ChargeAsked,
    CheckoutAsked,
    CheckoutOpened,
    Customer,
    Feature,
    GatewayRefused,
    Notice,
    Past,
    PaymentSeen,
    RefundAsked,
    RefundSeen,
    Seen,
    Site,
)
from tallystick.kernel.actor import Mode
from tallystick.kernel.errors import Invalid
from tallystick.kernel.ids import typeid

from . import finding, notices, seeing
from .amounts import from_stripe, to_stripe
from .client import Line
from .pages import checkout_form, done

if TYPE_CHECKING:
    from stripe.params import CustomerCreateParams


@contextlib.asynccontextmanager
async def stripe_gateway() -> AsyncIterator["Stripe"]:
    """The gateway; leaving closes its connections."""
    gateway = Stripe()
    try:
        yield gateway
    finally:
        await gateway.close()


class Stripe:
    """The gateway. Each tenant's site has its ``secret_key`` and ``webhook_secret``."""

    name: Final = "stripe"
    title: Final = "Credit or debit card"
    features: Final[frozenset[Feature]] = frozenset(
        {"checkout", "charge", "refund", "portal", "history", "sessions"}
    )
    secret_names: Final = frozenset({"secret_key", "webhook_secret"})

    def __init__(self, *, retries: int = 1, seconds: float = 20) -> None:
        """``retries`` of a call at once, and the ``seconds`` after which an answer is waited for no more."""
        self._line = Line(retries, seconds)

    async def close(self) -> None:
        await self._line.close()

    def check_options(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """There are none: where Stripe's API is found is the server's setting, never a tenant's."""
        for name in options:
            raise Invalid(f"options.{name}", "is no option of stripe")
        return {}

    def check_secret(self, name: str, text: str, mode: Mode) -> None:
        """A live key in test mode would take real money from tests."""
        begins = ("whsec_",) if name == "webhook_secret" else ("sk_", "rk_")
        if not text.startswith(begins):
            raise Invalid(f"secrets.{name}", f"must begin with {' or '.join(begins)}")
        if mode is Mode.TEST and text.startswith(("sk_live_", "rk_live_")):
            raise Invalid(f"secrets.{name}", "must not be a live key in test mode")

    async def customer(self, site: Site, who: Customer) -> str:
        if who.ref is not None:
            return who.ref
        # a customer whose name was changed between two tries is another call to Stripe
        about = sha256(f"{who.name}\n{who.email}".encode()).hexdigest()[:16]
        mark = seeing.marks(account=who.uuid)
        async with self._line.to(site) as client:
            made = await client.v1.customers.create_async(
                _named(who, mark),
                {"idempotency_key": f"{mark['tallystick_account']}-{about}"},
            )
        return made.id

    async def open_checkout(self, site: Site, asked: CheckoutAsked) -> CheckoutOpened:
        customer = await self.customer(site, asked.customer)
        form = checkout_form(site, asked, customer)
        async with self._line.to(site) as client:
            made = await client.v1.checkout.sessions.create_async(
                form, {"idempotency_key": typeid("co", asked.checkout)}
            )
        if made.url is None:
            raise GatewayRefused("Stripe gave no address for the page.")
        return CheckoutOpened(made.id, made.url)

    async def close_checkout(self, site: Site, ref: str) -> Sequence[Seen]:
        # it may have been completed or expired meanwhile: the look tells
        async with self._line.to(site) as client:
            with contextlib.suppress(stripe.InvalidRequestError):
                await client.v1.checkout.sessions.expire_async(ref)
        return await self.look_checkout(site, ref)

    async def look_checkout(self, site: Site, ref: str) -> Sequence[Seen]:
        async with self._line.to(site) as client:
            session = (
                await client.v1.checkout.sessions.retrieve_async(
                    ref,
                    {
                        "expand": [
                            "payment_intent.latest_charge",
                            "payment_intent.payment_method",
                            "setup_intent.payment_method",
                        ]
                    },
                )
            ).to_dict()
        ended = seeing.checkout(session)
        if ended is not None:
            return [ended]
        intent = session.get("payment_intent")
        tried = seeing.payment(intent) if isinstance(intent, Mapping) else None
        return [] if tried is None else [tried]

    async def charge(self, site: Site, asked: ChargeAsked) -> PaymentSeen:
        key = typeid("pay", asked.payment)
        customer = await self.customer(site, asked.customer)
        async with self._line.to(site) as client:
            try:
                intent = await client.v1.payment_intents.create_async(
                    {
                        "amount": to_stripe(asked.amount, asked.currency),
                        "currency": asked.currency.lower(),
                        "customer": customer,
                        "payment_method": asked.method_ref,
                        "confirm": True,
                        "off_session": True,
                        "description": asked.description,
                        "metadata": seeing.marks(payment=asked.payment, account=asked.customer.uuid),
                        "expand": ["latest_charge"],
                    },
                    {"idempotency_key": key},
                )
            except stripe.CardError as error:
                declined, why = _declined(error)
                if not seeing.wants_customer(why):
                    return seeing.declined(declined, why, final=True)
                ref = str(declined["id"])
            else:
                seen = _charged(intent.to_dict())
                if seen.status != "requires_action" or seen.url:
                    return seen
                ref = seen.ref
            # The bank wants the customer: confirmed as if they were here, it gives the address where they go.
            try:
                intent = await client.v1.payment_intents.confirm_async(
                    ref,
                    {"payment_method": asked.method_ref, "return_url": done(site)},
                    {"idempotency_key": f"{key}-confirm"},
                )
            except stripe.CardError as error:
                return seeing.declined(*_declined(error), final=True)
        return _charged(intent.to_dict())

    async def look_payment(self, site: Site, payment: UUID, ref: str | None) -> Sequence[Seen]:
        async with self._line.to(site) as client:
            if ref is None:
                ref = await finding.payment_intent(client, payment)
                if ref is None:
                    return []
            intent = (
                await client.v1.payment_intents.retrieve_async(
                    ref, {"expand": ["latest_charge", "payment_method"]}
                )
            ).to_dict()
            paid = seeing.payment(intent)
            if paid is not None and not paid.final:
                pages = await client.v1.checkout.sessions.list_async({"payment_intent": ref})
                closed = all(page.status != "open" for page in pages.data)
                paid = seeing.payment(intent, page_closed=closed)
            seen: list[Seen | None] = [paid]
            charge = intent.get("latest_charge")
            if isinstance(charge, Mapping) and charge.get("paid"):
                refunds = await client.v1.refunds.list_async({"payment_intent": ref, "limit": 100})
                seen += [seeing.refund(one.to_dict()) for one in refunds.data]
                if charge.get("disputed"):
                    disputes = await client.v1.disputes.list_async({"payment_intent": ref})
                    seen += [seeing.dispute(one.to_dict()) for one in disputes.data]
        return [one for one in seen if one is not None]

    async def cancel_payment(self, site: Site, payment: UUID, ref: str) -> PaymentSeen:
        async with self._line.to(site) as client:
            try:
                intent = await client.v1.payment_intents.cancel_async(ref)
            except stripe.InvalidRequestError:  # too late; and one of an open page ends with the page
                intent = await client.v1.payment_intents.retrieve_async(ref, {"expand": ["latest_charge"]})
        return _charged(intent.to_dict())

    async def refund(self, site: Site, asked: RefundAsked) -> RefundSeen:
        async with self._line.to(site) as client:
            made = await client.v1.refunds.create_async(
                {
                    "payment_intent": asked.payment_ref,
                    "amount": to_stripe(asked.amount, asked.currency),
                    "metadata": {
                        **seeing.marks(refund=asked.refund, payment=asked.payment),
                        "reason": asked.reason[:500],
                    },
                },
                {"idempotency_key": typeid("re", asked.refund)},
            )
        return _refunded(made.to_dict())

    async def look_refund(self, site: Site, refund: UUID, ref: str | None) -> RefundSeen | None:
        async with self._line.to(site) as client:
            if ref is not None:
                return _refunded((await client.v1.refunds.retrieve_async(ref)).to_dict())
            made = await client.v1.refunds.list_async(
                {"created": {"gte": finding.since(refund)}, "limit": 100}
            )
            async for one in made.auto_paging_iter():
                seen = seeing.refund(one.to_dict())
                if seen is not None and seen.refund == refund:
                    return seen
        return None

    async def forget_method(self, site: Site, ref: str) -> None:
        # it may be gone, or of no customer any more
        async with self._line.to(site) as client:
            with contextlib.suppress(stripe.InvalidRequestError):
                await client.v1.payment_methods.detach_async(ref)

    async def portal(self, site: Site, who: Customer, return_url: str, token: str) -> str:
        customer = await self.customer(site, who)
        async with self._line.to(site) as client:
            made = await client.v1.billing_portal.sessions.create_async(
                {"customer": customer, "return_url": return_url or site.public_url}
            )
        return made.url

    async def history(self, site: Site, who: Customer, limit: int) -> tuple[list[Past], bool]:
        if who.ref is None:
            return [], False
        async with self._line.to(site) as client:
            charges = await client.v1.charges.list_async({"customer": who.ref, "limit": min(limit, 100)})
        return [_past(one.to_dict()) for one in charges.data], charges.has_more

    def read(self, site: Site, headers: Mapping[str, str], body: bytes, now: datetime) -> Notice:
        return notices.read(site.secrets.get("webhook_secret", ""), headers, body, now)


def _named(who: Customer, mark: dict[str, str]) -> "CustomerCreateParams":
    form: CustomerCreateParams = {"metadata": mark}
    if who.name:
        form["name"] = who.name
    if who.email:
        form["email"] = who.email
    return form


def _declined(error: stripe.CardError) -> tuple[dict[str, Any], dict[str, Any]]:
    """The PaymentIntent that a decline is of, and why. Raises the error again where Stripe names none."""
    told = error.json_body if isinstance(error.json_body, dict) else {}
    why = told.get("error") or {}
    intent = why.get("payment_intent")
    if not isinstance(intent, dict):
        raise error
    return intent, why


def _charged(intent: dict[str, Any]) -> PaymentSeen:
    """What a PaymentIntent is, also while it waits for another way to pay."""
    return seeing.payment(intent) or seeing.declined(
        intent, intent.get("last_payment_error") or {}, final=False
    )


def _refunded(made: dict[str, Any]) -> RefundSeen:
    seen = seeing.refund(made)
    if seen is None:
        raise GatewayRefused("The refund is of a payment that has no PaymentIntent.")
    return seen


def _past(charge: dict[str, Any]) -> Past:
    return Past(
        ref=charge["id"],
        amount=from_stripe(charge["amount"], charge["currency"]),
        currency=charge["currency"].upper(),
        status="refunded" if charge.get("refunded") else charge["status"],
        paid=charge["paid"],
        at=seeing.moment(charge["created"]),
        description=charge.get("description") or "",
        payment=seeing.payment_of(charge),
        hosted_url=charge.get("receipt_url"),
    )
