"""/api/plans"""

from typing import Any

import pytest

from tallystick.domain.catalog.terms import Component, Terms, Tier
from tests.contract.served import Api, House

from .conftest import Product, done, error, native_plan

pytestmark = pytest.mark.holds(
    "credibill", "POST /api/plans", "GET /api/plans", "PATCH /api/plans", "DELETE /api/plans"
)

FLAT = {"name": "F", "pricingModel": "flat", "baseAmount": 5, "currency": "USD", "interval": "monthly"}


def test_defaults(product: Product, test_mode: Api) -> None:
    for owner, mode in ((product, "live"), (Product(test_mode), "test")):
        shown = owner.get_plan(owner.plan())
        expected = {
            "description": None,
            "trialDays": 0,
            "usageMetric": None,
            "unitPrice": None,
            "freeUnits": None,
            "status": "active",
            "mode": mode,
        }
        assert {name: shown[name] for name in expected} == expected
        assert (
            owner.get_plan(owner.plan(mode=mode, status="archived", description="d"))["status"] == "archived"
        )


def test_the_mode_is_the_keys(writer: Api, test_mode: Api) -> None:
    error(
        writer.post("/api/plans", FLAT | {"mode": "test"}), 400, "mode must be live, which is the API key's"
    )
    error(
        test_mode.post("/api/plans", FLAT | {"mode": "live"}),
        400,
        "mode must be test, which is the API key's",
    )


@pytest.mark.parametrize("currency", ["UGX", "KES", "RWF", "TZS", "USD", "EUR", "KWD"])
def test_currencies(product: Product, currency: str) -> None:
    assert product.get_plan(product.plan(currency=currency))["currency"] == currency


@pytest.mark.parametrize("currency", ["", "usd", "XYZ", "DOLLAR", "US"])
def test_currencies_that_are_none(writer: Api, currency: str) -> None:
    error(writer.post("/api/plans", FLAT | {"currency": currency}), 400,
          "currency must be an ISO 4217 currency code such as USD")  # fmt: skip


@pytest.mark.parametrize(
    ("given", "shown"),
    [("10", "10"), ("0.5", "0.5"), ('"0.25"', "0.25"), ("0.000001", "0.000001"), ('"1000000000"', "1000000000"),
     ("1e-6", "0.000001"), ("0", "0"), ("12.50", "12.5"), ("123456789.123456", "123456789.123456")],
)  # fmt: skip
def test_prices_are_exact(writer: Api, product: Product, given: str, shown: str) -> None:
    body = (
        '{"name": "U", "pricingModel": "usage", "usageMetric": "m", "currency": "USD", "interval": "monthly",'
        f'"unitPrice": {given}}}'
    )
    plan = writer.post("/api/plans", body).json()["planId"]
    [row] = [row for row in writer.get("/api/plans").text.split('{"_id"') if plan in row]
    assert f'"unitPrice":{shown},' in row
    assert '"freeUnits":0,' in row


def test_one_time_plans(writer: Api) -> None:
    once: dict[str, Any] = FLAT | {"interval": "one-time"}
    error(writer.post("/api/plans", once | {"trialDays": 1}), 400, "trialDays must be 0 for a one-time plan")
    usage = once | {"pricingModel": "usage", "usageMetric": "m", "unitPrice": 1}
    error(writer.post("/api/plans", usage), 400, "pricingModel must be flat for a one-time plan")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": ""}, "name must have 1 to 255 characters"),
        ({"name": "x" * 256}, "name must have 1 to 255 characters"),
        ({"trialDays": 731}, "trialDays must be between 0 and 730"),
        ({"trialDays": 1.5}, "trialDays must be an integer"),
        ({"baseAmount": 0.5}, "baseAmount must be an integer"),
        ({"baseAmount": 10**12 + 1}, "baseAmount must be between 0 and 1000000000000"),
        ({"unitPrice": 10**9 + 1}, "unitPrice must be at most 1000000000"),
        ({"unitPrice": "0.0000001"}, "unitPrice must have at most 6 decimals"),
        ({"freeUnits": -1}, "freeUnits must not be negative"),
        ({"usageMetric": "a b"}, None),
        ({"usageMetric": "x" * 101}, None),
        ({"usageMetric": ""}, "Missing required fields: usageMetric"),
    ],
)
def test_fields_that_are_wrong(writer: Api, fields: dict[str, Any], said: str | None) -> None:
    whole = FLAT | {"pricingModel": "hybrid", "usageMetric": "m", "unitPrice": 1}
    assert error(writer.post("/api/plans", whole | fields), 400, said).count(next(iter(fields)))


def test_what_the_pricing_model_has_no_use_for_is_not_kept(product: Product) -> None:
    flat = product.get_plan(product.plan(usageMetric="m", unitPrice=1, freeUnits=2))
    assert (flat["usageMetric"], flat["unitPrice"], flat["freeUnits"]) == (None, None, None)
    usage = product.get_plan(product.plan(pricingModel="usage", usageMetric="m", unitPrice=1))
    assert (usage["baseAmount"], usage["unitPrice"]) == (None, 1)


def test_every_updatable_field(writer: Api, product: Product) -> None:
    plan = product.metered(description="d", trialDays=1)
    before = product.get_plan(plan)
    changes: dict[str, Any] = {
        "name": "N",
        "description": "D",
        "status": "archived",
        "baseAmount": 0,
        "unitPrice": 0.5,
        "freeUnits": 0,
        "trialDays": 30,
    }
    for name, value in changes.items():
        done(writer.send("PATCH", "/api/plans", {"planId": plan, name: value}), "Plan updated")
        before |= {name: value}
        assert product.get_plan(plan) == before
    done(writer.send("PATCH", "/api/plans", {"planId": plan}), "Plan updated")
    done(writer.send("PATCH", "/api/plans", {"planId": plan} | dict.fromkeys(changes)), "Plan updated")
    assert product.get_plan(plan) == before


@pytest.mark.parametrize("name", ["pricingModel", "currency", "interval", "usageMetric", "mode"])
def test_fields_that_stay(writer: Api, product: Product, name: str) -> None:
    plan = product.metered()
    error(writer.send("PATCH", "/api/plans", {"planId": plan, name: "x"}), 400, f"Unknown field: {name}")


def test_prices_that_a_plan_does_not_have(writer: Api, product: Product) -> None:
    flat, usage = product.plan(), product.plan(pricingModel="usage", usageMetric="m", unitPrice=1)
    for plan, name in ((flat, "unitPrice"), (flat, "freeUnits"), (usage, "baseAmount")):
        body = {"planId": plan, name: 1}
        error(writer.send("PATCH", "/api/plans", body), 400, f"{name} is not a price of this plan")
    once = product.plan(interval="one-time")
    body = {"planId": once, "trialDays": 1}
    error(writer.send("PATCH", "/api/plans", body), 400, "trialDays must be 0 for a one-time plan")


def test_who_has_a_plan_keeps_its_prices(writer: Api, product: Product) -> None:
    plan = product.plan(name="Old", baseAmount=100)
    subscription = product.subscription(plan=plan)
    done(
        writer.send("PATCH", "/api/plans", {"planId": plan, "baseAmount": 200, "name": "New"}), "Plan updated"
    )
    held = product.get_subscription(subscription)
    assert (held["planSnapshot"]["baseAmount"], held["plan"]["baseAmount"]) == (100, 200)
    assert (held["planSnapshot"]["name"], held["plan"]["name"]) == ("Old", "New")
    later = product.get_subscription(product.subscription(plan=plan))
    assert later["planSnapshot"]["baseAmount"] == 200


def test_delete(writer: Api, product: Product) -> None:
    plan = product.plan()
    subscription = product.subscription(plan=plan)
    said = "Cannot delete plans with active subscriptions; archive them instead"
    error(writer.send("DELETE", f"/api/plans?planId={plan}"), 409, said)
    writer.send("DELETE", f"/api/subscriptions?subscriptionId={subscription}")
    done(writer.send("DELETE", f"/api/plans?planId={plan}"), "Plan deleted")
    error(writer.send("DELETE", f"/api/plans?planId={plan}"), 404, "Plan not found")
    error(writer.send("PATCH", "/api/plans", {"planId": plan, "name": "x"}), 404, "Plan not found")
    error(writer.post("/api/subscriptions", {"customerId": product.customer(), "planId": plan}), 404)
    error(writer.get("/api/subscriptions", planId=plan), 404, "Plan not found")
    # who had it still shows it
    held = product.get_subscription(subscription)
    assert held["planId"] == held["plan"]["_id"] == held["planSnapshot"]["_id"] == plan
    error(writer.send("DELETE", "/api/plans"), 400, "Missing required fields: planId")


def test_native_plans_are_shown_as_well_as_they_can_be(house: House, api: Api, product: Product) -> None:
    meter = api.post("/v2/meters", {"key": "tiers", "name": "T", "metric": "tokens", "aggregation": "sum"})
    assert meter.status_code == 201, meter.text
    terms = Terms(
        interval="yearly",
        currency="EUR",
        components=(
            Component(key="seats", kind="flat", amount=100),
            Component(key="base", kind="flat", amount=250),
            Component(
                key="tiers",
                kind="graduated",
                meter="tiers",
                tiers=(Tier(up_to=10_000_000, unit_price=1_000_000), Tier(up_to=None, unit_price=500_000)),
            ),
        ),
    )
    shown = product.get_plan(native_plan(house, "Native", terms))
    expected = {
        "pricingModel": "hybrid",
        "baseAmount": 350,
        "interval": "yearly",
        "usageMetric": "tokens",
        "unitPrice": None,
        "freeUnits": 0,
    }
    assert {name: shown[name] for name in expected} == expected
    body = {"planId": shown["_id"], "baseAmount": 1}
    error(api.send("PATCH", "/api/plans", body), 400, "baseAmount is several prices of this plan")


def test_pages(writer: Api, product: Product) -> None:
    for _ in range(3):
        product.plan()
    whole = writer.get("/api/plans").json()["plans"]
    first = writer.get("/api/plans", limit="2").json()
    rest = writer.get("/api/plans", limit="1000", cursor=first["nextCursor"]).json()
    assert first["plans"] + rest["plans"] == whole
    assert "nextCursor" not in rest
