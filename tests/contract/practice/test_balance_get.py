"""GET /api/credits/balance/: what is there, since when, and how many messages it lasts for."""

from typing import Any

import pytest

from tests.contract.served import Api, House

from .conftest import Practice, package

pytestmark = pytest.mark.holds("practice", "GET /api/credits/balance/")


def estimates(practice: Practice) -> tuple[int, int]:
    shown = practice.balance()
    return shown["estimated_remaining_sms"], shown["estimated_remaining_voice"]


def rates(api: Api, **costs: Any) -> None:
    """A rate card; a cost may be of another credit type."""
    lines = [
        {"operation": operation, "credit_type": "credits", "cost": cost} for operation, cost in costs.items()
    ]
    put = api.send("PUT", "/v2/rate-card", {"rates": lines})
    assert put.status_code == 200, put.text


@pytest.fixture
def stranger_practice(stranger: Api) -> Practice:
    """Of an app whose rate card no other test puts."""
    return Practice(stranger)


def test_a_new_practice(practice: Practice) -> None:
    assert practice.balance() == {
        "practice_id": practice.number,
        "current_balance": 0,
        "last_purchase": None,
        "estimated_remaining_sms": 0,
        "estimated_remaining_voice": 0,
    }


def test_what_is_held_is_not_there(practice: Practice) -> None:
    practice.api.grant(practice.account, "100.9")
    practice.api.hold(practice.account, "10.5")
    shown = practice.balance()
    assert (shown["current_balance"], shown["estimated_remaining_sms"]) == (90, 45)


def test_an_overdraft_lasts_for_nothing(practice: Practice) -> None:
    practice.api.grant(practice.account, 1)
    allowed = practice.api.post(f"/v2/accounts/{practice.account}/overdraft", {"overdraft": 10})
    assert allowed.is_success, allowed.text
    practice.api.debit(practice.account, 4)
    shown = practice.balance()
    assert (shown["current_balance"], shown["estimated_remaining_sms"]) == (-3, 0)


def test_by_the_rate_card_then_by_its_own_messages(stranger_practice: Practice) -> None:
    practice = stranger_practice
    api = practice.api
    api.grant(practice.account, 1000)
    assert estimates(practice) == (500, 200)
    rates(api, sms="1.5", voice="7")
    fresh = Practice(api)
    api.grant(fresh.account, 1000)
    assert estimates(fresh) == (666, 142)
    # by its own: one for each message, or one for the batch
    send(fresh, "sms", 10)
    rates(api, sms="4", voice="7")
    assert estimates(fresh)[0] == 656  # 985 at 1.5, not at 4
    send(fresh, "sms", 20)
    # 95 credits on 30 messages, and 905 left
    assert estimates(fresh) == (905 * 30 // 95, 905 // 7)


def test_usage_without_a_quantity_is_no_average(practice: Practice) -> None:
    practice.api.grant(practice.account, 100)
    before = estimates(practice)
    practice.api.debit(practice.account, 50, operation="sms")
    assert estimates(practice) == (before[0] // 2, before[1] // 2)


def test_the_last_purchase(house: House, api: Api, practice: Practice) -> None:
    sold = package(api)
    practice.api.grant(practice.account, 5)
    assert practice.balance()["last_purchase"] is None
    practice.bought(sold, "0002")
    assert practice.balance()["last_purchase"] is None
    practice.bought(sold)
    practice.api.debit(practice.account, 1)
    [_, bought, _] = practice.history()["transactions"]
    assert practice.balance()["last_purchase"] == bought["timestamp"]


def test_credits_that_another_bought_are_no_purchase(api: Api, practice: Practice) -> None:
    """They come as an adjustment: the history has no purchase either."""
    api.grant(practice.account, 10, source="purchase")
    other = Practice(api)
    body = {"from": practice.account, "to": other.account, "amount": 4}
    moved = api.post("/v2/transfers", body)
    assert moved.status_code == 201, moved.text
    assert [one["type"] for one in other.history()["transactions"]] == ["ADJUSTMENT"]
    assert other.balance()["last_purchase"] is None
    assert practice.balance()["last_purchase"] is not None


def test_every_answer_is_the_newest(practice: Practice) -> None:
    """What is remembered between two questions is never shown for older than it is."""
    practice.api.grant(practice.account, 100)
    for left in range(98, 60, -2):
        practice.api.debit(practice.account, 2, operation="sms", reference="x")
        shown = practice.balance()
        assert (shown["current_balance"], shown["estimated_remaining_sms"]) == (left, left // 2)


def test_averages_are_of_the_last_ninety_days(test_mode: Api) -> None:
    practice, other = Practice(test_mode), Practice(test_mode)
    rates(test_mode, sms="1")
    for each, quantity in ((practice, 10), (other, 10)):
        test_mode.grant(each.account, 1000)
        send(each, "sms", quantity)
        assert estimates(each) == (990, 198)
    rates(test_mode, sms="3", voice="4")
    advance(test_mode, days=60)
    send(practice, "sms", 10)
    assert estimates(practice) == (960 * 20 // 40, 240)
    advance(test_mode, days=31)
    # the first ones are too old by now; a practice that sent no others is estimated by the rate card again
    for each in (practice, other):
        test_mode.grant(each.account, 30)
    assert estimates(practice) == (990 // 3, 990 // 4)
    assert estimates(other) == (1020 // 3, 1020 // 4)


def send(practice: Practice, operation: str, quantity: int) -> None:
    body = {"account": practice.account, "operation": operation, "quantity": quantity}
    sent = practice.api.post("/v2/debits", body)
    assert sent.status_code == 201, sent.text


def advance(api: Api, days: int) -> None:
    moved = api.post("/v2/test-clock/advance", {"by": days * 86400})
    assert moved.status_code == 200, moved.text


def test_while_the_database_is_away(house: House, practice: Practice) -> None:
    with house.without_database():
        answer = practice.api.get("/api/credits/balance/", practice_id=practice.number)
        assert answer.status_code == 503
        assert list(answer.json()) == ["error"]
        assert int(answer.headers["retry-after"]) >= 1
    assert practice.balance()["current_balance"] == 0
