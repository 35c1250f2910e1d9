"""What this contract's tests do again and again: a practice with its credits, packages, and who asks."""

from typing import Any, Final

import httpx2
import pytest

from tests.contract.conformance.holding import hold
from tests.contract.served import Api

STARTER: Final = {
    "name": "Starter Pack",
    "credits": 1000,
    "price": {"amount": "25.00", "currency": "USD"},
    "description": "Perfect for small practices",
}


def error(response: httpx2.Response, status: int, said: str | None = None) -> str:
    """The error of a refused request, which has this status and exactly the contract's body."""
    assert response.status_code == status, response.text
    body = hold(response)
    assert list(body) == ["error"]
    if said is not None:
        assert body["error"] == said
    return str(body["error"])


def package(api: Api, **fields: Any) -> int:
    """The number of a new package."""
    made = api.post("/v2/packages", STARTER | fields)
    assert made.status_code == 201, made.text
    return int(made.json()["number"])


class Practice:
    """A practice, and what is asked about it with one credential."""

    def __init__(self, api: Api, account: str = "") -> None:
        self.api = api
        self.account = account or api.account(name="Kampala Dental", email="office@kampala.example")
        self.number = int(api.get(f"/v2/accounts/{self.account}").json()["number"])

    def buys(
        self, package: int, last_four: str = "4242", key: str | None = None, type: str = "credit_card"
    ) -> httpx2.Response:
        return buys(self.api, self.number, package, last_four, key, type)

    def bought(self, package: int, last_four: str = "4242", **more: Any) -> dict[str, Any]:
        answer = self.buys(package, last_four, **more)
        assert answer.status_code == 200, answer.text
        return dict(hold(answer))

    def balance(self) -> dict[str, Any]:
        return self._read("/api/credits/balance/", practice_id=self.number)

    def history(self, page: int | None = None) -> dict[str, Any]:
        query = {} if page is None else {"page": page}
        return self._read("/api/credits/transactions/", practice_id=self.number, **query)

    def receipt(self, transaction: str) -> dict[str, Any]:
        return self._read(f"/api/credits/receipts/{transaction}/")

    def _read(self, path: str, **query: Any) -> dict[str, Any]:
        answer = self.api.get(path, **query)
        assert answer.status_code == 200, answer.text
        return dict(hold(answer))


def buys(
    api: Api, practice: int, package: int, last_four: str = "4242", key: str | None = None, type: str = "credit_card"
) -> httpx2.Response:  # fmt: skip
    method = {"type": type, "last_four": last_four}
    body = {"practice_id": practice, "package_id": package, "payment_method": method}
    return api.post("/api/credits/purchase/", body, key)


@pytest.fixture
def practice(api: Api) -> Practice:
    """A new practice of the first app."""
    return Practice(api)


@pytest.fixture
def starter(api: Api) -> int:
    return package(api)
