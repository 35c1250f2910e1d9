"""What this contract's tests do again and again, and the schemas of its document."""

import itertools
from typing import Any, Final

import httpx2
import pytest

from tallystick.domain.catalog import actions as catalog
from tallystick.domain.catalog.terms import Terms
from tallystick.domain.metering import actions as metering
from tallystick.kernel.ids import typeid
from tests.contract.conformance.documents import contracts
from tests.contract.served import Api, House

CONTRACT: Final = contracts()["credibill"]
DOCUMENT: Final = CONTRACT.document
OPERATIONS: Final = [(one.method, one.path) for one in CONTRACT.operations]

_numbers = itertools.count(1)


def error(response: httpx2.Response, status: int, said: str | None = None) -> str:
    """The error of a refused request, which has this status and exactly the contract's body."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    assert list(body) == ["error"]
    assert isinstance(body["error"], str)
    assert body["error"]
    if said is not None:
        assert body["error"] == said
    return str(body["error"])


def made(response: httpx2.Response, field: str) -> str:
    """The id in the answer to a creation."""
    assert response.status_code == 201, response.text
    body = response.json()
    assert list(body) == ["success", field]
    assert body["success"] is True
    return str(body[field])


def done(response: httpx2.Response, message: str) -> None:
    assert response.status_code == 200, response.text
    assert response.json() == {"success": True, "message": message}


class Product:
    """The product that uses this contract, with one key."""

    def __init__(self, api: Api) -> None:
        self.api = api

    def customer(self, **fields: Any) -> str:
        body = {"email": f"customer{next(_numbers)}@example.com", **fields}
        return made(self.api.post("/api/customers", body), "customerId")

    def plan(self, **fields: Any) -> str:
        """By default a monthly flat plan without a trial."""
        body = {
            "name": "Basic",
            "pricingModel": "flat",
            "baseAmount": 5000,
            "currency": "UGX",
            "interval": "monthly",
            **fields,
        }
        return made(self.api.post("/api/plans", body), "planId")

    def metered(self, **fields: Any) -> str:
        return self.plan(
            **{
                "pricingModel": "hybrid",
                "usageMetric": "api_calls",
                "unitPrice": 10,
                "freeUnits": 1000,
                **fields,
            }
        )

    def subscription(self, customer: str | None = None, plan: str | None = None, **fields: Any) -> str:
        body = {"customerId": customer or self.customer(), "planId": plan or self.plan(), **fields}
        return made(self.api.post("/api/subscriptions", body), "subscriptionId")

    def active(self, **plan: Any) -> str:
        """A subscription whose first invoice is paid."""
        subscription = self.subscription(plan=self.metered(**plan))
        for invoice in self.invoices(subscriptionId=subscription, status="pending"):
            done(self.pay(invoice["_id"]), "Invoice updated")
        return subscription

    def use(self, subscription: str, quantity: Any = 1, **fields: Any) -> httpx2.Response:
        body = {"subscriptionId": subscription, "quantity": quantity, "metric": "api_calls", **fields}
        return self.api.post("/api/usage", body)

    def pay(self, invoice: str, **fields: Any) -> httpx2.Response:
        return self.api.send("PATCH", "/api/invoices", {"invoiceId": invoice, "status": "paid", **fields})

    def get_customer(self, id: str) -> dict[str, Any]:
        return self._one("/api/customers", "customer", customerId=id)

    def get_subscription(self, id: str) -> dict[str, Any]:
        return self._one("/api/subscriptions", "subscription", subscriptionId=id)

    def get_invoice(self, id: str) -> dict[str, Any]:
        return self._one("/api/invoices", "invoice", invoiceId=id)

    def get_plan(self, id: str) -> dict[str, Any]:
        [found] = [plan for plan in self.api.get("/api/plans").json()["plans"] if plan["_id"] == id]
        return dict(found)

    def invoices(self, **query: Any) -> list[dict[str, Any]]:
        answer = self.api.get("/api/invoices", **query)
        assert answer.status_code == 200, answer.text
        return list(answer.json()["invoices"])

    def _one(self, path: str, name: str, **query: Any) -> dict[str, Any]:
        answer = self.api.get(path, **query)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert list(body) == [name]
        return dict(body[name])


@pytest.fixture
def product(writer: Api) -> Product:
    return Product(writer)


def native_plan(house: House, name: str, terms: Terms) -> str:
    """A plan that this contract cannot make, in the live mode of the first app; its meters too."""

    async def make() -> str:
        async with house.system.db.tx() as tx:
            for key in sorted(terms.meters()):
                await metering.ensure_meter(tx, house.first.app.live, key, by="test")
            plan = await catalog.create_plan(tx, house.first.app.live, name=name, terms=terms, by="test")
        return typeid("plan", plan.id)

    return house.run(make())
