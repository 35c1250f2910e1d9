"""Stripe's events in any order, each any number of times, end in the state that they end in when all goes well.

A thousand orders are folded purely; a few of each scene go through a real database.
"""

import random
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.db.pool import Database
from tallystick.domain.payments.merging import Facts, facts_seen, merge, merge_checkout
from tallystick.domain.payments.model import CheckoutStatus
from tallystick.domain.payments.port import CheckoutAsked, CheckoutSeen, Customer, PaymentSeen, Seen, Site
from tallystick.gateways.stripe import seeing
from tallystick.gateways.stripe.pages import checkout_form
from tallystick.kernel.actor import Mode
from tallystick.kernel.ids import owned_uuid, uuid7
from tests.doubles.stripe import StripeDouble
from tests.doubles.stripe.scenes import SCENES

from .stripe_shop import StripeShop, open_shop

Event = dict[str, Any]


# Purely: 1,000 orders


def _story(name: str) -> list[Event]:
    """The events of a scene, at a double that nobody needs to reach."""
    double = StripeDouble()
    customer = double.api.answer("POST", "/v1/customers", {})["id"]
    asked = CheckoutAsked(
        checkout=owned_uuid(7), payment=owned_uuid(7), customer=Customer(7, owned_uuid(7), "", "", customer),
        amount=2900, currency="USD", description="1,000 credits", save_method=True, success_url="https://shop.example",
        cancel_url="", expires_at=datetime.now(UTC) + timedelta(hours=24), token="",
    )  # fmt: skip
    site = Site(1, uuid7(), Mode.LIVE, "https://bill.example")
    made = double.api.answer("POST", "/v1/checkout/sessions", dict(checkout_form(site, asked, customer)))
    SCENES[name](double, made["id"])
    double.close()
    return double.events


STORIES = {name: _story(name) for name in SCENES}
ENDS: dict[str, tuple[str, str]] = {
    "never_arrived": ("failed", "completed"),
    "declined_and_left": ("cancelled", "expired"),
    "left": ("pending", "expired"),
}


def _fold(events: Sequence[Event]) -> tuple[Facts, CheckoutStatus]:
    """What is known of the payment and of the page in the end."""
    facts = Facts("pending", False)
    page: CheckoutStatus = "open"
    for event in events:
        data = event["data"]
        told: list[Seen] = seeing.event(event["type"], data["object"], data.get("previous_attributes") or {})
        for seen in told:
            if isinstance(seen, CheckoutSeen):
                page = merge_checkout(page, seen.status)
            paid = seen.payment if isinstance(seen, CheckoutSeen) else seen
            if isinstance(paid, PaymentSeen):
                facts = merge(facts, facts_seen(paid))
    return facts, page


@st.composite
def _deliveries(draw: st.DrawFn) -> tuple[str, list[Event]]:
    """A scene, and its events as they came: all of them, some again, in any order."""
    name = draw(st.sampled_from(sorted(STORIES)))
    events = STORIES[name]
    again = draw(st.lists(st.sampled_from(events), max_size=2 * len(events)))
    return name, draw(st.permutations(events + again))


@settings(max_examples=1000)
@given(_deliveries())
def test_a_thousand_orders_of_events_tell_the_same(delivered: tuple[str, list[Event]]) -> None:
    name, events = delivered
    facts, page = _fold(events)
    assert (facts, page) == _fold(STORIES[name])
    assert (facts.status, page) == ENDS.get(name, ("succeeded", "completed"))


# In the database: a few orders of each scene


@pytest.fixture
def stripe() -> Iterator[StripeDouble]:
    with StripeDouble() as double:
        yield double


@pytest.fixture
async def shop(db: Database, stripe: StripeDouble) -> AsyncIterator[StripeShop]:
    async with open_shop(db, stripe) as shop:
        yield shop


async def _play(shop: StripeShop, name: str, order: random.Random | None) -> str:
    """Play a scene for a new customer and hear of it; what the books say then."""
    account = await shop.customer()
    page = await shop.checkout(account, save_method=True)
    assert page.ref is not None
    before = len(shop.stripe.events)
    SCENES[name](shop.stripe, page.ref)
    events = shop.stripe.events[before:]
    if order is not None:
        # some come twice, as the same event or as another that tells the same
        events += [
            event if order.random() < 0.5 else event | {"id": f"evt_again{order.getrandbits(60)}"}
            for event in order.choices(events, k=len(events) // 2 + 1)
        ]
        order.shuffle(events)
    await shop.hear(events)
    return shop.state(account)


async def _all_orders(shop: StripeShop, seeds: Sequence[int]) -> None:
    for name in SCENES:
        in_order = await _play(shop, name, None)
        for seed in seeds:
            assert await _play(shop, name, random.Random(seed)) == in_order, (name, seed)
    await shop.prove()


@pytest.mark.anyio
async def test_the_books_end_the_same_in_every_order(shop: StripeShop) -> None:
    await _all_orders(shop, range(2))


@pytest.mark.anyio
@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_the_books_end_the_same_in_a_thousand_orders(shop: StripeShop) -> None:
    await _all_orders(shop, range(100, 177))
