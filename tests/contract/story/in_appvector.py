"""The story's chapters in AppVector: credits bought and used, a plan left for a higher one, an app that is watched."""

from decimal import Decimal

from tests.contract.conformance.holding import hold
from tests.doubles.stores.play import DETAILS

from .living import Story, made
from .telling import told

SITE = "http://127.0.0.1/back"
"""In test mode whoever pays may come back to their own machine."""


def use_credits_in_appvector(story: Story) -> None:
    """An amount bought on a page, some of it used; what is used is told with what it was for."""
    body = {"feature_key": "credits", "amount": 300, "success_url": SITE, "cancel_url": SITE}
    with story.step():
        opened = hold(story.user.post("/api/billing/stripe/checkout/credits/", body))
        assert (opened["amount"], opened["session_id"][:3]) == (300, "cs_")
    with story.step(("purchase", "300")):
        story.pay(opened["checkout_url"], "4242")
    used = {"feature_key": "credits", "amount": 7, "metadata": {"operation": "report", "pages": 3}}
    with story.step(("deduction", "-7")):
        said = hold(story.user.post("/api/billing/credits/consume/", used, "report-1"))
        assert (said["success"], said["consumed"], said["remaining"]) == (True, 7, story.rows()[0].after)
        assert hold(story.user.post("/api/billing/credits/consume/", used, "report-1")) == said
    with story.step():
        refused = story.user.post("/api/billing/credits/consume/", used | {"amount": 1_000_000})
        assert (refused.status_code, hold(refused)["error"]) == (402, "Insufficient credits")


def upgrade_in_appvector(story: Story, subscription: str) -> None:
    """The plan that was taken in credibill is left for a higher tier, which is charged at once to the kept card."""
    allowances = [
        {"amount": 250},
        {"credit_type": "api_calls", "amount": 50},
        {"credit_type": "data_scrapes", "amount": 10},
    ]
    for code in ("api_calls", "data_scrapes"):
        made(story.api.send("PUT", "/v2/credit-types", {"code": code, "name": code}), 200)
    plan = {
        "name": "Hospital",
        "tier": "PROFESSIONAL",
        "rank": 2,
        "interval": "monthly",
        "currency": "USD",
        "components": [{"key": "base", "kind": "flat", "amount": "99.00"}],
        "allowances": allowances,
        "debits": {"messages": "sms"},
    }
    made(story.api.post("/v2/plans", plan))
    invoices = told(story.api, "/api/invoices", customerId=story.account)["invoices"]
    before = story.agree()
    said = hold(story.user.post("/api/billing/subscription/upgrade/", {"plan_tier": "PROFESSIONAL"}))
    assert said["subscription"]["plan"] == {"tier": "PROFESSIONAL", "name": "Hospital"}
    assert said["subscription"]["upgrade_applied"] is True
    came = story.since(before)
    assert {kind for kind, _ in came} <= {"subscription", "expiry"}, came
    # the charge is an invoice in every contract, and the plan another everywhere
    [newest, *others] = told(story.api, "/api/invoices", customerId=story.account)["invoices"]
    assert [one["_id"] for one in others] == [one["_id"] for one in invoices]
    [shown, *_] = told(story.user, "/api/billing/invoices/")["invoices"]
    assert (shown["invoice_number"], shown["status"]) == (newest["invoiceNumber"], "PAID")
    assert shown["total_amount"] == said["subscription"]["prorated_amount"]
    assert newest["amountDue"] == Decimal(shown["total_amount"]) * 100
    plan_of = told(story.api, "/api/subscriptions", subscriptionId=subscription)["subscription"]["plan"]
    assert plan_of["name"] == "Hospital"
    shown = told(story.user, "/api/billing/subscription/")["subscription"]
    assert (shown["status"], shown["plan"]["tier"]) == ("ACTIVE", "PROFESSIONAL")


def watch_an_app(story: Story) -> None:
    """What the store's data costs comes from wallets of its own; nothing of it is told of the others'."""
    app = "com.example.app"
    story.stores.play.put(app, title="Example", stars=4.25)
    with story.step():
        for _ in range(3):
            said = hold(story.user.post("/api/aso/android-details/", {"app_id": app}))
            assert (said["success"], said["data"]["score"]) == (True, 4.25)
    assert story.stores.play.count(DETAILS) == 1
    story.later("P8D")
    story.stores.play.put(app, title="Example", stars=4.5)
    with story.step():
        assert hold(story.user.post("/api/aso/android-details/", {"app_id": app}))["data"]["score"] == 4.5
        changed = hold(story.user.post("/api/aso/android-history/", {"app_id": app, "fields": ["score"]}))
        assert [one["value"] for one in changed["data"]["score"]] == [4.5, 4.25]
    assert spent(story) == {"API_CALL": (4, 46), "DATA_SCRAPE": (2, 8)}
    listed = told(story.user, "/api/billing/credits/history/", feature_key="api_calls")
    assert listed["total_count"] == 4
    assert {one["operation"] for one in listed["history"]} == {"android_app_fetch"}


def spent(story: Story) -> dict[str, tuple[int, int]]:
    """Of each type for the stores: what was used, and what is left."""
    said = told(story.user, "/api/billing/credits/")["balances"]
    return {
        one["credit_type"]: (one["consumed_credits"], one["available_credits"])
        for one in said
        if one["credit_type"] != "CREDITS"
    }
