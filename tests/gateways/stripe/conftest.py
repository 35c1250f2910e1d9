"""A Stripe of the test's own, the gateway that speaks to it, and what is asked of both."""

from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from tallystick.domain.payments.port import ChargeAsked, CheckoutAsked, Customer, Site
from tallystick.gateways.stripe import Stripe
from tallystick.kernel.actor import Mode
from tallystick.kernel.ids import account_uuid, owned_uuid, uuid7
from tests.doubles.stripe import StripeDouble


@pytest.fixture
def double() -> Iterator[StripeDouble]:
    with StripeDouble() as stripe:
        yield stripe


@pytest.fixture
async def gateway() -> AsyncIterator[Stripe]:
    """Makes no call twice by itself, and waits two seconds at most."""
    stripe = Stripe(retries=0, seconds=2)
    try:
        yield stripe
    finally:
        await stripe.close()


@pytest.fixture
def site(double: StripeDouble) -> Site:
    return site_of(double)


def site_of(double: StripeDouble, **secrets: str) -> Site:
    keys = {"secret_key": double.key, "webhook_secret": double.secret} | secrets
    return Site(1, uuid7(), Mode.LIVE, "https://bill.example", {"api_base": double.url}, keys)


@pytest.fixture
async def ada(gateway: Stripe, site: Site) -> Customer:
    """A customer who is known to Stripe."""
    uuid = account_uuid(7)
    ref = await gateway.customer(site, Customer(7, uuid, "Ada", "ada@example.org"))
    return Customer(7, uuid, "Ada", "ada@example.org", ref)


@pytest.fixture
def asked(ada: Customer) -> Callable[..., CheckoutAsked]:
    """A page for 1,000 credits at 29.00 USD, but for what is said."""

    def make(**said: Any) -> CheckoutAsked:
        form: dict[str, Any] = {
            "checkout": owned_uuid(7),
            "payment": owned_uuid(7),
            "customer": ada,
            "amount": 2900,
            "currency": "USD",
            "description": "1,000 credits",
            "save_method": False,
            "success_url": "https://shop.example/done?session={CHECKOUT_SESSION_ID}",
            "cancel_url": "https://shop.example/back",
            "expires_at": datetime.now(UTC) + timedelta(hours=24),
            "token": "unguessable",
        }
        return CheckoutAsked(**(form | said))

    return make


@pytest.fixture
def charge_of(ada: Customer) -> Callable[..., ChargeAsked]:
    """A charge of 29.00 USD to a saved way to pay."""

    def make(method: str, payment: UUID | None = None, **said: Any) -> ChargeAsked:
        form: dict[str, Any] = {"amount": 2900, "currency": "USD", "description": "INV-2026-001"}
        return ChargeAsked(payment or owned_uuid(7), ada, method, **(form | said))

    return make
