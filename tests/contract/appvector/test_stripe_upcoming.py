"""GET stripe/upcoming-invoice/: the invoice that the period's end will issue."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tallystick.kernel.actor import Role
from tests.contract.conformance.holding import hold
from tests.contract.igny8.shops import Shop
from tests.contract.native.payments.paying import made
from tests.contract.native.subscribing import paid, subscribe
from tests.contract.served import Api, House

from .selling import UPCOMING, sandbox, tier

pytestmark = pytest.mark.holds("appvector", "GET /api/billing/stripe/upcoming-invoice/")

YEAR = datetime.now(UTC).year + 1
NOTHING = (404, {"detail": "Not found."})


@pytest.fixture
def october(house: House) -> Shop:
    """A shop in the middle of the October to come."""
    sold = sandbox(house)
    with sold.admin() as api:
        made(api.post("/v2/test-clock/advance", {"to": f"{YEAR}-10-15T12:00:00Z"}), 200)
    return sold


def upcoming(api: Api, sold: Shop, **query: Any) -> Any:
    answer = api.get(UPCOMING, **({"workspace_id": str(sold.account.uuid)} | query))
    return answer.status_code, hold(answer)


def test_the_next_month(october: Shop) -> None:
    with october.admin() as api, october.person(Role.VIEWER) as viewer:
        assert upcoming(viewer, october) == NOTHING
        plan = tier(api, "PROFESSIONAL", "149.00", 20)
        row = paid(api, subscribe(api, plan_of(api), october.id, billing="calendar"))
        assert plan
        status, body = upcoming(viewer, october)
        assert status == 200
        assert body == {
            "amount_due": 149.0,
            "currency": "USD",
            "period_start": f"{YEAR}-11-01T00:00:00Z",
            "period_end": f"{YEAR}-11-30T23:59:59Z",
            "next_payment_attempt": f"{YEAR}-11-01T00:00:00Z",
        }
        assert upcoming(api, october) == (200, body)
        assert viewer.get(UPCOMING).json() == body  # the home
        # the first try comes when the policy says
        made(api.send("PUT", "/v2/payment-policy", {"retry_days": [2, 5]}), 200)
        assert upcoming(viewer, october)[1]["next_payment_attempt"] == f"{YEAR}-11-03T00:00:00Z"
        made(api.send("PUT", "/v2/payment-policy", {"retry_days": []}), 200)
        assert upcoming(viewer, october)[1]["next_payment_attempt"] is None
        made(api.post(f"/v2/subscriptions/{row['id']}/cancel", {"at_period_end": True}), 200)
        assert upcoming(viewer, october) == NOTHING


def plan_of(api: Api) -> str:
    [row] = made(api.get("/v2/plans"), 200)["data"]
    return str(row["id"])


def test_what_was_used_and_what_changes(october: Shop) -> None:
    """A downgrade that waits for the period's end is in it."""
    with october.admin() as api:
        tier(api, "PROFESSIONAL", "149.00", 20)
        high = plan_of(api)
        row = paid(api, subscribe(api, high, october.id, billing="calendar"))
        low = tier(api, "STARTER", "49.00", 10)
        changed = api.post(f"/v2/subscriptions/{row['id']}/change", {"plan": _typeid(api, "Starter")})
        assert changed.status_code == 200, changed.text
        assert low
        assert upcoming(api, october)[1]["amount_due"] == 49.0


def _typeid(api: Api, name: str) -> str:
    [row] = [one for one in made(api.get("/v2/plans"), 200)["data"] if one["name"] == name]
    return str(row["id"])


def test_a_currency_without_decimals(house: House) -> None:
    sold = sandbox(house, currency="JPY")
    with sold.admin() as api:
        tier(api, "PROFESSIONAL", "14900", 20, currency="JPY")
        paid(api, subscribe(api, plan_of(api), sold.id))
        answer = api.get(UPCOMING, workspace_id=str(sold.account.uuid))
        body = hold(answer)
        assert (body["amount_due"], body["currency"]) == (14900.0, "JPY")
        assert '"amount_due":14900.0' in answer.text.replace(" ", "")


def test_workspaces_of_others(october: Shop, house: House) -> None:
    other = sandbox(house)
    with other.person() as stranger:
        for named in (str(october.account.uuid), str(october.account.number), october.id, "x", "0"):
            assert upcoming(stranger, october, workspace_id=named) == NOTHING
    with october.admin() as api:
        answer = api.get(UPCOMING)
        assert (answer.status_code, hold(answer)) == (400, {"workspace_id": ["This field is required."]})
