"""GET /api/billing/credits/"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tallystick.kernel.actor import Role
from tests.contract.served import Api, House

from .product import Product, held, product

pytestmark = pytest.mark.holds("appvector", "GET /api/billing/credits/")

CREDITS = "/api/billing/credits/"


@pytest.fixture
def sold(house: House) -> Product:
    return product(house)


def shown(api: Api) -> list[dict[str, Any]]:
    return list(held(api.get(CREDITS))["balances"])


def parts(row: dict[str, Any]) -> tuple[int, int, int, int, int]:
    return (
        row["allocated_credits"], row["purchased_credits"], row["bonus_credits"], row["consumed_credits"],
        row["available_credits"],
    )  # fmt: skip


def grant(api: Api, sold: Product, amount: Any, source: str = "bonus", **fields: Any) -> dict[str, Any]:
    return api.grant(sold.shop.id, amount, credit_type="api_calls", source=source, **fields)


def test_before_the_first_credit(sold: Product) -> None:
    with sold.shop.person(Role.VIEWER) as viewer:
        assert held(viewer.get(CREDITS)) == {"balances": []}


def test_the_documents_example(sold: Product) -> None:
    sold.subscribed("PROFESSIONAL")
    with sold.shop.admin() as api:
        api.grant(sold.shop.id, 500, credit_type="data_scrapes", source="purchase")
        api.debit(sold.shop.id, 1234, credit_type="data_scrapes")
        api.debit(sold.shop.id, 567, credit_type="api_calls")
        [row] = api.get("/v2/subscriptions", account=sold.shop.id).json()["data"]
    with sold.shop.person() as owner:
        answer = owner.get(CREDITS)
        rows = held(answer)["balances"]
    end = datetime.fromisoformat(row["current_period_end"]) - timedelta(seconds=1)
    at = end.astimezone(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")
    assert rows == [
        {
            "credit_type": "DATA_SCRAPE",
            "allocated_credits": 5000,
            "consumed_credits": 1234,
            "purchased_credits": 500,
            "bonus_credits": 0,
            "available_credits": 4266,
            "usage_percentage": 24.68,
            "period_end": at,
        },
        {
            "credit_type": "API_CALL",
            "allocated_credits": 5000,
            "consumed_credits": 567,
            "purchased_credits": 0,
            "bonus_credits": 0,
            "available_credits": 4433,
            "usage_percentage": 11.34,
            "period_end": at,
        },
    ]
    assert '"usage_percentage":24.68,' in answer.text


def test_without_a_plan_it_is_the_calendars_month(house: House) -> None:
    sold = product(house, time_zone="Africa/Kampala")
    with sold.shop.admin() as api:
        grant(api, sold, 10, "purchase")
        grant(api, sold, 5)
        api.debit(sold.shop.id, 3, credit_type="api_calls")
        api.grant(sold.shop.id, "2.5", credit_type="credits")
        now = datetime.fromisoformat(api.get("/v2/test-clock").json()["now"])
    with sold.shop.person() as owner:
        rows = shown(owner)
    assert [row["credit_type"] for row in rows] == ["API_CALL", "CREDITS"]
    assert parts(rows[0]) == (0, 10, 5, 3, 12)
    assert rows[0]["usage_percentage"] == 0
    assert parts(rows[1]) == (0, 0, 2, 0, 2)
    end = datetime.fromisoformat(rows[0]["period_end"])
    assert (end.hour, end.minute, end.second) == (20, 59, 59)  # midnight in Kampala
    assert 0 < (end - now).total_seconds() <= 31 * 86400
    assert (end + timedelta(hours=3, seconds=1)).day == 1


def test_the_next_period_begins_with_what_is_unspent(sold: Product) -> None:
    sold.subscribed("PROFESSIONAL")
    sold.shop.card()
    with sold.shop.admin() as api:
        grant(api, sold, 500, "purchase")
        grant(api, sold, 100)
        api.debit(
            sold.shop.id, 5100, credit_type="api_calls"
        )  # the allowance, then what expires first, then age
    with sold.shop.person() as owner:
        assert parts(shown(owner)[1]) == (5000, 500, 100, 5100, 500)
    sold.advance(by="P1M")
    with sold.shop.person() as owner:
        assert parts(shown(owner)[1]) == (5000, 400, 100, 0, 5500)
    with sold.shop.admin() as api:
        api.debit(sold.shop.id, 10, credit_type="api_calls")
    with sold.shop.person() as owner:
        assert parts(shown(owner)[1]) == (5000, 400, 100, 10, 5490)


def test_holds_are_not_available(sold: Product) -> None:
    sold.subscribed("PROFESSIONAL")
    with sold.shop.admin() as api:
        hold = api.hold(sold.shop.id, 40, credit_type="api_calls")
        with sold.shop.person() as owner:
            assert parts(shown(owner)[1]) == (5000, 0, 0, 0, 4960)
        done = api.post(f"/v2/holds/{hold['id']}/capture", {"amount": 30, "final": True})
        assert done.status_code in (200, 201), done.text
    with sold.shop.person() as owner:
        assert parts(shown(owner)[1]) == (5000, 0, 0, 30, 4970)


def test_what_is_given_back_and_taken_back(sold: Product) -> None:
    sold.subscribed("PROFESSIONAL")
    with sold.shop.admin() as api:
        bought = grant(api, sold, 500, "purchase")
        debit = api.debit(sold.shop.id, 100, credit_type="api_calls")
        for path, body in (
            (f"/v2/entries/{debit['id']}/reverse", {"amount": 40, "reason": "a fault"}),
            (f"/v2/entries/{bought['id']}/reverse", {"amount": 200, "reason": "a mistake"}),
        ):
            done = api.post(path, body)
            assert done.status_code == 201, done.text
    with sold.shop.person() as owner:
        assert parts(shown(owner)[1]) == (5000, 300, 0, 60, 5240)


def test_what_is_given_back_of_an_earlier_period(sold: Product) -> None:
    """It returns to where it came from: nothing of this period was used."""
    sold.subscribed("PROFESSIONAL")
    sold.shop.card()
    with sold.shop.admin() as api:
        grant(api, sold, 500, "purchase")
        debit = api.debit(sold.shop.id, 5100, credit_type="api_calls")
    sold.advance(by="P1M")
    with sold.shop.admin() as api:
        done = api.post(f"/v2/entries/{debit['id']}/reverse", {"amount": 60, "reason": "a fault"})
        assert done.status_code == 201, done.text
    with sold.shop.person() as owner:
        assert parts(shown(owner)[1]) == (5000, 460, 0, 0, 5460)


def test_what_expired_and_nobody_swept(sold: Product) -> None:
    with sold.shop.admin() as api:
        now = datetime.fromisoformat(api.get("/v2/test-clock").json()["now"])
        grant(api, sold, 100, expires_at=(now + timedelta(seconds=2)).isoformat())
        api.debit(sold.shop.id, 30, credit_type="api_calls")
        sold.advance(by="PT5S")
    with sold.shop.person() as owner:
        [row] = shown(owner)
        assert parts(row) == (0, 0, 30, 30, 0)


def test_transfers(sold: Product) -> None:
    with sold.shop.admin() as api:
        other = api.account(name="Other")
        grant(api, sold, 100, "purchase")
        moved = {"from": sold.shop.id, "to": other, "credit_type": "api_calls", "amount": 30}
        done = api.post("/v2/transfers", moved)
        assert done.status_code == 201, done.text
        api.http.headers["X-Account"] = other
        assert parts(shown(api)[0]) == (0, 0, 30, 0, 30)
    with sold.shop.person() as owner:
        assert parts(shown(owner)[0]) == (0, 100, 0, 30, 70)


def test_an_overdraft(sold: Product) -> None:
    with sold.shop.admin() as api:
        said = {"credit_type": "api_calls", "overdraft": 50}
        done = api.post(f"/v2/accounts/{sold.shop.id}/overdraft", said)
        assert done.status_code in (200, 201), done.text
        grant(api, sold, 10, "purchase")
        api.debit(sold.shop.id, 25, credit_type="api_calls")
        with sold.shop.person() as owner:
            assert parts(shown(owner)[0]) == (0, 10, 0, 25, -15)
        grant(api, sold, 20, "purchase")
    with sold.shop.person() as owner:
        assert parts(shown(owner)[0]) == (0, 30, 0, 25, 5)
    sold.advance(by="P40D")
    with sold.shop.person() as owner:
        assert parts(shown(owner)[0]) == (0, 5, 0, 0, 5)


def test_who_may(sold: Product, stranger: Api, nobody: Api) -> None:
    with sold.shop.person() as owner, sold.shop.person(None) as other:
        assert held(owner.get(CREDITS, workspace_id=sold.workspace)) == {"balances": []}
        assert held(owner.get(CREDITS, workspace_id=sold.shop.id)) == {"balances": []}
        assert held(other.get(CREDITS, workspace_id=sold.workspace), 404) == {"detail": "Not found."}
        assert held(owner.get(CREDITS, workspace_id="nothing"), 404) == {"detail": "Not found."}
    assert held(stranger.get(CREDITS, workspace_id=sold.workspace), 404) == {"detail": "Not found."}
    assert held(stranger.get(CREDITS), 400) == {"workspace_id": ["This field is required."]}
    assert held(nobody.get(CREDITS), 401) == {"detail": "Authentication credentials were not provided."}
