"""The document from end to end: each of its requests as it is printed, answered as it is printed.

A request is sent with the workspace's and a plan's real ids in the place of ``"uuid"``. An answer has the names and
types of the printed one; where a value follows from the request, that value.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

import httpx2
import pytest

from tallystick.domain.identity.actions import create_account
from tallystick.domain.identity.model import Account
from tests.contract.conformance.documents import DATE, TIME
from tests.contract.conformance.holding import hold
from tests.contract.conformance.published import Shown, published
from tests.contract.conformance.state import tables
from tests.contract.conformance.tiers import sell, uuid
from tests.contract.igny8.shops import Shop, shop
from tests.contract.native.payments.paying import made
from tests.contract.native.subscribing import paid, subscribe
from tests.contract.served import Api, House

pytestmark = [
    pytest.mark.holds("appvector", "POST /api/aso/android-search/", "POST /api/aso/apple-search/"),
    pytest.mark.holds("appvector", "POST /api/aso/android-details/", "POST /api/aso/android-history/"),
    pytest.mark.holds("appvector", "POST /api/aso/apple-details/", "POST /api/aso/apple-history/"),
    pytest.mark.holds("appvector", "GET /api/billing/plans/", "GET /api/billing/subscription/"),
    pytest.mark.holds("appvector", "POST /api/billing/subscription/upgrade/"),
    pytest.mark.holds("appvector", "POST /api/billing/subscription/downgrade/"),
    pytest.mark.holds("appvector", "POST /api/billing/subscription/cancel/"),
    pytest.mark.holds("appvector", "GET /api/billing/credits/", "POST /api/billing/credits/consume/"),
    pytest.mark.holds("appvector", "POST /api/billing/credits/bonus/", "GET /api/billing/credits/history/"),
    pytest.mark.holds("appvector", "GET /api/billing/usage/", "GET /api/billing/limits/"),
    pytest.mark.holds("appvector", "GET /api/billing/features/", "GET /api/billing/features/workspace/"),
    pytest.mark.holds("appvector", "POST /api/billing/features/check/"),
    pytest.mark.holds("appvector", "POST /api/billing/features/consume/"),
    pytest.mark.holds("appvector", "POST /api/billing/stripe/checkout/"),
    pytest.mark.holds("appvector", "POST /api/billing/stripe/checkout/credits/"),
    pytest.mark.holds("appvector", "GET /api/billing/stripe/portal/"),
    pytest.mark.holds("appvector", "GET /api/billing/stripe/payment-history/"),
    pytest.mark.holds("appvector", "GET /api/billing/stripe/upcoming-invoice/"),
    pytest.mark.holds("appvector", "GET /api/billing/invoices/"),
]

WHO_SIGNS_IN: Final = ("/api/auth/", "/api/token/", "/api/me/")
"""Played by the snippets."""
QUERIES: Final = {
    "GET /api/billing/credits/history/": {"feature_key": "api_calls", "limit": "50"},
    "GET /api/billing/usage/": {},
    "GET /api/billing/limits/": {},
    "GET /api/billing/features/workspace/": {},
    "GET /api/billing/stripe/portal/": {"return_url": "https://yourdomain.com/billing"},
    "GET /api/billing/stripe/payment-history/": {"limit": "10"},
    "GET /api/billing/stripe/upcoming-invoice/": {},
}
"""What the document prints beside ``workspace_id=uuid``; of other reads it prints nothing."""
REPLAYED: Final = "idempotent-replayed"
BY_STAFF: Final = ("POST /api/billing/credits/bonus/",)
GIVEN: Final[Mapping[str, Mapping[str, Any]]] = {
    "POST /api/billing/subscription/upgrade/": {"subscription.plan.tier": "ENTERPRISE"},
    "POST /api/billing/subscription/downgrade/": {"subscription.plan.tier": "STARTER"},
    "POST /api/billing/subscription/cancel/": {"subscription.status": "CANCELLED"},
    "POST /api/billing/credits/consume/": {"consumed": 1, "remaining": 4999, "feature.consumed": 1},
    "POST /api/billing/credits/bonus/": {"amount_added": 500, "new_total": 5500},
    "POST /api/billing/features/check/": {"is_available": True, "details.feature_type": "BOOLEAN"},
    "POST /api/billing/features/consume/": {"consumed": 1, "remaining": 4999},
    "POST /api/billing/stripe/checkout/credits/": {"amount": 1000},
    "GET /api/billing/usage/": {"usage.projects.limit": 10, "usage.api_calls.allocated": 5000},
    "GET /api/billing/limits/": {
        "plan.tier": "PROFESSIONAL",
        "limits.max_projects": 10,
        "limits.max_keywords_per_project": 200,
        "limits.max_competitors_per_project": 25,
        "limits.max_team_members": 10,
        "limits.historical_data_days": 90,
        "limits.api_calls_per_month": 5000,
        "limits.data_scrapes_per_month": 5000,
    },
    "POST /api/aso/android-details/": {
        "data.score": 4.39,
        "data.ratings": 212040976,
        "data.installs": "10,000,000,000+",
        "data.androidVersion": "VARY",
    },
    "POST /api/aso/apple-details/": {"data.score": 4.63, "data.ratings": 7203977, "data.version": "25.30.73"},
}
"""Of an answer to the printed request, by path: what it must say here."""


READS: Final = (
    "POST /api/aso/android-history/",
    "POST /api/aso/apple-history/",
    "POST /api/billing/features/check/",
)
"""Reads, in which a key means nothing."""
OTHERWISE: Final[Mapping[str, Mapping[str, Any]]] = {
    "POST /api/aso/android-search/": {"keyword": "another"},
    "POST /api/aso/apple-search/": {"keyword": "another"},
    "POST /api/aso/android-details/": {"country": "de"},
    "POST /api/aso/android-history/": {"country": "de"},
    "POST /api/aso/apple-details/": {"country": "de"},
    "POST /api/aso/apple-history/": {"country": "de"},
    "POST /api/billing/subscription/upgrade/": {"billing_cycle": "MONTHLY"},
    "POST /api/billing/subscription/downgrade/": {"billing_cycle": "YEARLY"},
    "POST /api/billing/subscription/cancel/": {"reason": "another"},
    "POST /api/billing/credits/consume/": {"amount": 2},
    "POST /api/billing/credits/bonus/": {"amount": 2},
    "POST /api/billing/features/check/": {"feature_key": "api_calls"},
    "POST /api/billing/features/consume/": {"amount": 2},
    "POST /api/billing/stripe/checkout/": {"cancel_url": "https://yourdomain.com/other"},
    "POST /api/billing/stripe/checkout/credits/": {"amount": 2},
}
"""What makes each printed request another."""


@pytest.fixture(scope="module")
def work(house: House) -> "Workspace":
    return Workspace(house)


@dataclass
class Customer:
    """``token`` is the owner's."""

    shop: Shop
    plans: Mapping[str, str]
    token: str


class Workspace:
    """A shop that sells the document's tiers; each test has a customer of its own on the PROFESSIONAL one."""

    def __init__(self, house: House) -> None:
        self.house = house
        self._shop = shop(house)
        with self._shop.admin() as api:
            self._plans = sell(api)

    def customer(self) -> "Customer":
        here = replace(self._shop, account=self.house.run(self._account()))
        with here.admin() as api:
            here.card()
            paid(api, subscribe(api, self._plans["PROFESSIONAL_monthly"], here.id))
            self.used(api, here.id)
        return Customer(here, self._plans, here.token(here.user()))

    async def _account(self) -> Account:
        async with self.house.system.db.tx() as tx:
            return await create_account(tx, self._shop.tenant, name="Acme")

    def used(self, api: Api, account: str) -> None:
        """Something to show in every list. The allowance stays whole."""
        for code in ("api_calls", "data_scrapes"):
            entry = api.debit(
                account,
                1,
                credit_type=code,
                metadata={"operation": "android_app_fetch", "app_id": "com.example.app"},
            )
            made(api.post(f"/v2/entries/{entry['entry']}/reverse", {"reason": "shown alone"}))


def printed() -> list[tuple[str, Shown | None, Shown]]:
    """Each operation with its request, where it has a body, and its good answer."""
    found = []
    shown = [one for one in published() if one.contract == "appvector"]
    for answer in shown:
        _, _, path = answer.operation.partition(" ")
        if answer.where == "200" and not path.startswith(WHO_SIGNS_IN):
            asked = [one for one in shown if (one.operation, one.where) == (answer.operation, "request")]
            found.append((answer.operation, asked[0] if asked else None, answer))
    return found


@pytest.mark.parametrize(("operation", "asked", "shown"), printed(), ids=[one[0] for one in printed()])
def test_a_printed_request(work: Workspace, operation: str, asked: Shown | None, shown: Shown) -> None:
    answer = send(work.customer(), operation, asked)
    assert answer.status_code == 200, answer.text
    body = hold(answer)
    assert not differences(shown.value, body, "")
    for path, value in GIVEN.get(operation, {}).items():
        assert at(body, path) == value, path
    if asked is not None:
        # what was asked is said again as it was asked; but the printed days lie before those that the plan reaches
        said = {name: body[name] for name in asked.value.keys() & body.keys() - {"start_date"}}
        assert said == {name: asked.value[name] for name in said if name != "workspace_id"}


@pytest.mark.parametrize(
    ("operation", "asked"),
    [(operation, asked) for operation, asked, _ in printed() if asked is not None],
    ids=[operation for operation, asked, _ in printed() if asked is not None],
)
def test_a_printed_request_under_a_key(work: Workspace, operation: str, asked: Shown) -> None:
    """Again it does nothing, and is answered as before; another request under its key is refused."""
    who = work.customer()
    first = send(who, operation, asked, key="once")
    before = [*tables(work.house)]
    again = send(who, operation, asked, key="once")
    assert (again.status_code, again.json()) == (first.status_code, first.json()) == (200, hold(first))
    if operation not in READS:
        assert again.headers[REPLAYED] == "true"
        assert REPLAYED not in first.headers
    other = send(who, operation, asked, key="once", more=OTHERWISE[operation])
    if operation in READS:
        assert other.status_code == 200, other.text
    else:
        assert (other.status_code, list(hold(other))) == (422, ["detail"]), other.text
    assert rows(before) == rows(tables(work.house))


def rows(found: Iterable[tuple[str, list[str]]]) -> dict[str, list[str]]:
    """What is kept, but for what counts requests and asking."""
    return {name: texts for name, texts in found if not name.startswith(("request_", "api_key", "app_store"))}


def send(
    who: Customer,
    operation: str,
    asked: Shown | None,
    *,
    key: str | None = None,
    more: Mapping[str, Any] | None = None,
) -> httpx2.Response:
    method, _, path = operation.partition(" ")
    here, ids = who.shop, {"workspace_id": str(who.shop.account.uuid)}
    with here.admin() as admin, here.house.client(who.token) as owner:
        client = admin if operation in BY_STAFF else owner
        client.http.headers["Content-Type"] = "application/json"
        if method == "GET":
            query = QUERIES.get(operation)
            return client.get(path, **({} if query is None else ids | query))
        assert asked is not None
        ids["plan_id"] = uuid(who.plans["STARTER_monthly" if "downgrade" in path else "ENTERPRISE_monthly"])
        body = asked.value | {name: ids[name] for name in ids.keys() & asked.value.keys()} | (more or {})
        return client.post(path, body, key)


def at(body: Any, path: str) -> Any:
    for name in path.split("."):
        body = body[name]
    return body


def differences(printed: Any, said: Any, where: str) -> list[str]:
    """Where an answer has other names or types than the printed one, as far as it has rows at all."""
    if isinstance(printed, dict):
        if not isinstance(said, dict):
            return [f"{where}: {said!r}"]
        if free(where):  # names that are the fields of an app
            return []
        missing = [f"{where}.{name} is missing" for name in printed.keys() - said.keys()]
        return missing + [
            fault
            for name in printed.keys() & said.keys()
            for fault in differences(printed[name], said[name], f"{where}.{name}")
        ]
    if isinstance(printed, list):
        if not isinstance(said, list):
            return [f"{where}: {said!r}"]
        return [fault for one in said for fault in differences(alike(printed, one), one, f"{where}[]")]
    return [] if kind(printed) == kind(said) else [f"{where}: {said!r} where {printed!r} was printed"]


def free(where: str) -> bool:
    return where == ".data" or where.startswith(".data.fast")


def alike(rows: list[Any], said: Any) -> Any:
    """The printed row of the same sort: rows of two sorts of features are printed."""
    if not isinstance(said, dict) or "feature_type" not in said:
        return rows[0]
    sorts = [one for one in rows if one["feature_type"] == said["feature_type"]]
    return sorts[0] if sorts else {"key": "", "name": "", "feature_type": ""}


def kind(value: Any) -> str:
    """What sort of value it is: an integer is a number, a date no time."""
    if isinstance(value, bool) or value is None:
        return str(type(value))
    if isinstance(value, int | float):
        return "number"
    text = str(value)
    try:
        UUID(text)
    except ValueError:
        return "time" if TIME.fullmatch(text) else "date" if DATE.fullmatch(text) else "text"
    return "uuid"
