"""POST /api/billing/credits/consume/: what it takes of a body, and what it says of a bad one"""

from typing import Any

import pytest

from tests.contract.served import House

from .product import Product, held, product

pytestmark = pytest.mark.holds("appvector", "POST /api/billing/credits/consume/")

CONSUME = "/api/billing/credits/consume/"
CREDITS = "/api/billing/credits/"
HISTORY = "/api/billing/credits/history/"


@pytest.fixture(scope="module")
def common(house: House) -> Product:
    """One for all bodies that change nothing."""
    made = product(house)
    made.subscribed("PROFESSIONAL")
    return made


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, {"feature_key": ["This field is required."], "amount": ["This field is required."]}),
        (
            {"feature_key": "api_calls", "amount": 0},
            {"amount": ["Ensure this value is greater than or equal to 1."]},
        ),
        (
            {"feature_key": "api_calls", "amount": -1},
            {"amount": ["Ensure this value is greater than or equal to 1."]},
        ),
        ({"feature_key": "api_calls", "amount": 1.5}, {"amount": ["A valid integer is required."]}),
        ({"feature_key": "api_calls", "amount": True}, {"amount": ["A valid integer is required."]}),
        ({"feature_key": "api_calls", "amount": "many"}, {"amount": ["A valid integer is required."]}),
        (
            {"feature_key": "api_calls", "amount": 10**15},
            {"amount": ["Ensure this value is less than or equal to 9007199254."]},
        ),
        ({"feature_key": "", "amount": 1}, {"feature_key": ["This field may not be blank."]}),
        ({"feature_key": None, "amount": 1}, {"feature_key": ["This field may not be null."]}),
        (
            {"feature_key": "api_calls", "amount": 1, "metadata": []},
            {"metadata": ['Expected a dictionary of items but got type "list".']},
        ),
        (
            {"feature_key": "api_calls", "amount": 1, "metadata": {"a": "b\x00"}},
            {"metadata": ["Null characters are not allowed."]},
        ),
        (
            {"feature_key": "api_calls", "amount": 1, "metadata": {"a": "x" * 20_000}},
            {"metadata": ["It must have 0 to 16384 characters."]},
        ),
        (
            {"feature_key": "api_calls", "amount": 1, "workspace_id": [1]},
            {"workspace_id": ["Not a valid string."]},
        ),
    ],
)
def test_bad_bodies(common: Product, body: Any, errors: dict[str, list[str]]) -> None:
    with common.shop.person() as owner:
        assert held(owner.post(CONSUME, body), 400) == errors
        shown = held(owner.get(CREDITS))["balances"]
        assert [row["consumed_credits"] for row in shown] == [0, 0]


def test_other_forms_of_a_body(house: House) -> None:
    professional = product(house)
    professional.subscribed("PROFESSIONAL")
    with professional.shop.person() as owner:
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        said = "feature_key=api_calls&amount=2&metadata.operation=fetch&metadata.app_id=a"
        held(owner.http.post(CONSUME, content=said, headers=form))
        json = {"Content-Type": "application/json; charset=utf-8"}
        held(owner.http.post(CONSUME, content='{"feature_key":"api_calls","amount":"3"}', headers=json))
        held(owner.http.post(CONSUME, content='{"feature_key":" api_calls ","amount":1}', headers=json))
        rows = held(owner.get(HISTORY))["history"]
        assert [(row["consumed_amount"], row["operation"], row["metadata"]) for row in rows] == [
            (1, "api_calls", {}),
            (3, "api_calls", {}),
            (2, "fetch", {"app_id": "a"}),
        ]
        broken = owner.http.post(CONSUME, content='{"feature_key":', headers=json)
        assert held(broken, 400)["detail"].startswith("JSON parse error")
        request = owner.http.build_request("POST", CONSUME, content='{"feature_key":"api_calls","amount":1}')
        request.headers.pop("Content-Type", None)
        untold = owner.http.send(request)
        assert held(untold, 415) == {"detail": 'Unsupported media type "" in request.'}
