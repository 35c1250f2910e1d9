"""A product that sells as the contract's document does: three tiers by the month and the year, features and credits."""

from typing import Any
from uuid import UUID

import httpx2

from tallystick.domain.catalog import actions as catalog
from tallystick.domain.catalog.terms import Allowance, Component, Terms
from tallystick.domain.catalog.views import rates_in_force
from tallystick.domain.identity import views as identity
from tallystick.domain.subscriptions import actions as subscriptions
from tallystick.kernel.credits import MICRO
from tallystick.kernel.ids import parse_typeid
from tests.contract.conformance.holding import hold
from tests.contract.igny8.shops import Shop, shop
from tests.contract.served import House

__all__ = ["Product", "held", "product"]

FEATURES: dict[str, dict[str, Any]] = {
    "max_projects": {
        "type": "HARD_LIMIT", "name": "Maximum Projects", "description": "Number of projects that can be created",
        "unit": "projects", "category": "WORKSPACE",
    },
    "max_keywords_per_project": {"type": "HARD_LIMIT", "name": "Keywords", "category": "WORKSPACE"},
    "max_competitors_per_project": {"type": "HARD_LIMIT", "name": "Competitors", "category": "WORKSPACE"},
    "max_team_members": {"type": "HARD_LIMIT", "name": "Team members", "category": "WORKSPACE"},
    "historical_data_days": {"type": "HARD_LIMIT", "name": "History", "unit": "days", "category": "WORKSPACE"},
    "priority_support": {"type": "BOOLEAN", "name": "Priority support"},
    "analytics": {"type": "BOOLEAN", "name": "Advanced analytics"},
    "api_access": {"type": "BOOLEAN", "name": "API access"},
    "api_calls": {
        "type": "CREDIT_BASED", "name": "API Calls", "description": "Monthly API call credits", "category": "API",
        "unit": "calls", "credit_type": "api_calls",
    },
}  # fmt: skip
TIERS: dict[str, dict[str, Any]] = {
    "STARTER": {"month": "49.00", "year": "490.00", "rank": 10, "projects": 3, "credits": 1000, "more": {}},
    "PROFESSIONAL": {
        "month": "149.00", "year": "1490.00", "rank": 20, "projects": 10, "credits": 5000,
        "more": {"historical_data_days": 90, "priority_support": True, "analytics": True, "max_team_members": 10},
    },
    "ENTERPRISE": {
        "month": "499.00", "year": "4990.00", "rank": 30, "projects": None, "credits": 20000,
        "more": {"historical_data_days": None, "priority_support": True, "analytics": True, "api_access": True},
    },
}  # fmt: skip


class Product:
    """``plans`` are the ids (UUIDs) of its plans by tier and interval, such as ``plans["STARTER", "monthly"]``."""

    def __init__(self, house: House, shop: Shop) -> None:
        self.house, self.shop = house, shop
        self.plans: dict[tuple[str, str], str] = {}
        self.app = house.run(self._app())

    @property
    def workspace(self) -> str:
        """The customer's id, as the contract names it."""
        return str(self.shop.account.uuid)

    async def _app(self) -> str:
        async with self.house.system.db.connection() as conn:
            tenant = await identity.tenant(conn, self.shop.tenant)
        return f"{tenant.app_id}:{tenant.mode.value}"

    async def furnish(self) -> None:
        """By the domain's own actions: a test has one of its own, and there are many tests."""
        tenant = self.shop.tenant
        async with self.house.system.db.tx() as tx:
            for code, name in (("api_calls", "API Calls"), ("data_scrapes", "Data Scrapes")):
                await catalog.put_credit_type(tx, tenant, code=code, name=name, by="test")
            for key, fields in FEATURES.items():
                await catalog.create_feature(tx, tenant, key=key, by="test", **fields)
            for name, said in TIERS.items():
                for interval, price in (("monthly", said["month"]), ("yearly", said["year"])):
                    made = await catalog.create_plan(
                        tx, tenant, name=name.capitalize(), description="Perfect for growing teams", tier=name.lower(),
                        rank=said["rank"], terms=_terms(interval, price, said), by="test",
                    )  # fmt: skip
                    self.plans[name, interval] = str(made.id)

    def subscribed(self, tier: str = "PROFESSIONAL", interval: str = "monthly", **fields: Any) -> str:
        """The customer is subscribed to a plan, and has paid for it by transfer. The subscription's UUID.

        ``fields`` are those of `subscriptions.actions.subscribe`.
        """
        plan, account = UUID(self.plans[tier, interval]), self.shop.account.account_id

        async def work() -> str:
            more: dict[str, Any] = {"rates": rates_in_force, "by": "test"}
            async with self.house.system.db.tx() as tx:
                made = await subscriptions.subscribe(
                    tx, self.shop.tenant, account, plan=plan, **more, **fields
                )
            bill = made.invoice
            if bill is not None and bill.status == "open":
                async with self.house.system.db.tx() as tx:
                    await subscriptions.pay_invoice(tx, self.shop.tenant, account, bill.id, **more)
            return str(made.subscription.id)

        return self.house.run(work())

    def advance(self, **by: Any) -> None:
        """Move the product's time, in test mode."""
        with self.shop.admin() as api:
            moved = api.post("/v2/test-clock/advance", by)
            assert moved.status_code == 200, moved.text
            assert not moved.json()["unfinished"]


def product(house: House, **account: Any) -> Product:
    """One of its own, in test mode."""
    made = Product(house, shop(house, **account))
    house.run(made.furnish())
    return made


def _terms(interval: Any, price: str, said: dict[str, Any]) -> Terms:
    amount = int(price.replace(".", ""))
    credits = said["credits"] * MICRO
    limits = {
        "max_projects": said["projects"],
        "max_keywords_per_project": 200,
        "max_competitors_per_project": 25,
    }
    return Terms(
        interval=interval,
        currency="USD",
        components=(Component(key="base", kind="flat", amount=amount),),
        allowances=tuple(
            Allowance(credit_type=code, amount=credits) for code in ("api_calls", "data_scrapes")
        ),
        features=limits | said["more"],
    )


def uuid_of(prefix: str, typeid: str) -> str:
    found = parse_typeid(prefix, typeid)
    assert found is not None
    return str(found)


def held(answer: httpx2.Response, status: int = 200) -> dict[str, Any]:
    """The body of an answer of this status, which is as the contract's document says."""
    assert answer.status_code == status, answer.text
    return dict(hold(answer))
