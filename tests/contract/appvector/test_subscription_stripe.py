"""An upgrade whose money comes through Stripe: charged at once, declined, in need of a step, or Stripe is away"""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.served import House
from tests.doubles.stripe import StripeDouble

from .selling import CHECKOUT, ORIGINS, WEBHOOK, Customer, credit_types, customer, paid_by_stripe, tier

pytestmark = pytest.mark.holds("appvector", "POST /api/billing/subscription/upgrade/")

UPGRADE = "/api/billing/subscription/upgrade/"
SUBSCRIPTION = "/api/billing/subscription/"


@pytest.fixture(scope="module")
def house(server: Any, template: str, stripe: StripeDouble) -> Iterator[House]:
    with paid_by_stripe(server, template, stripe) as house:
        yield house


@pytest.fixture(scope="module")
def starter(house: House) -> str:
    with house.client("admin") as api:
        credit_types(api)
        tier(api, "ENTERPRISE", "499.00", 30)
        return tier(api, "STARTER", "149.00", 10)


def subscribed(house: House, stripe: StripeDouble, acme: Customer, plan: str, card: str) -> None:
    """Their plan is taken and paid on Stripe's page, which saves the card."""
    page = acme.buy(CHECKOUT, plan_id=plan, success_url=ORIGINS[0], cancel_url=ORIGINS[0])
    stripe.customer_pays(page["session_id"], card)
    for intent in stripe.intents():
        if intent["status"] == "requires_action":
            stripe.customer_steps(intent["id"])
    assert set(stripe.send(house.url + WEBHOOK)) == {200}
    assert acme.shown(SUBSCRIPTION)["subscription"]["status"] == "ACTIVE"


def test_paid_at_once(house: House, stripe: StripeDouble, starter: str) -> None:
    with house.client("admin") as api:
        acme = customer(api)
        subscribed(house, stripe, acme, starter, "4242")
        before = stripe.paid()
        said = acme.buy(UPGRADE, plan_tier="ENTERPRISE", key="k")
        amount = round(float(said["subscription"]["prorated_amount"]) * 100)
        assert 34900 <= amount <= 35000
        assert stripe.paid() - before == amount
        assert acme.buy(UPGRADE, plan_tier="ENTERPRISE", key="k") == said
        # what Stripe tells of it afterwards changes nothing
        assert set(stripe.send(house.url + WEBHOOK)) == {200}
        assert acme.shown(SUBSCRIPTION)["subscription"]["plan"]["tier"] == "ENTERPRISE"
        assert stripe.paid() - before == amount


def test_a_step_each_time_is_not_paid(house: House, stripe: StripeDouble, starter: str) -> None:
    with house.client("admin") as api:
        acme = customer(api)
        subscribed(house, stripe, acme, starter, "3220")
        before = stripe.paid()
        refused = acme.api.post(UPGRADE, {"workspace_id": acme.id, "plan_tier": "ENTERPRISE"})
        assert refused.status_code == 402, refused.text
        assert refused.json().keys() == {"error", "detail"}
        assert acme.shown(SUBSCRIPTION)["subscription"]["plan"]["tier"] == "STARTER"
        assert stripe.paid() == before
        assert set(stripe.send(house.url + WEBHOOK)) == {200}
        assert not [one for one in stripe.intents() if one["status"] == "requires_action"]
        assert acme.shown(SUBSCRIPTION)["subscription"]["plan"]["tier"] == "STARTER"


@pytest.mark.parametrize("how", ["down", "500"])
def test_away(house: House, stripe: StripeDouble, starter: str, how: Any) -> None:
    with house.client("admin") as api:
        acme = customer(api)
        subscribed(house, stripe, acme, starter, "4242")
        before, wanted = stripe.paid(), {"workspace_id": acme.id, "plan_tier": "ENTERPRISE"}
        with stripe.away(how):
            away = acme.api.post(UPGRADE, wanted, "again")
        assert away.status_code == 503, away.text
        assert away.json() == {
            "error": "Payment gateway unavailable",
            "detail": "The payment gateway does not answer; nothing was changed.",
        }
        assert away.headers["retry-after"] == "5"
        assert acme.shown(SUBSCRIPTION)["subscription"]["plan"]["tier"] == "STARTER"
        assert stripe.paid() == before
        # it is there again, and the same key goes on
        acme.buy(UPGRADE, plan_tier="ENTERPRISE", key="again")
        assert acme.shown(SUBSCRIPTION)["subscription"]["plan"]["tier"] == "ENTERPRISE"
        assert stripe.paid() > before
