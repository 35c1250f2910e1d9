"""Who may ask for what: keys by scope and app, members by role, nobody without a credential; and open mode."""

import os
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest

from tallystick.kernel.actor import Role
from tallystick.kernel.ids import Kind, inner_uuid, typeid
from tests import cast
from tests.contract.account.conftest import token_of
from tests.contract.conformance.holding import hold
from tests.contract.native.payments.paying import member
from tests.contract.served import Api, House, housed
from tests.e2e.running import within

from .conftest import Practice, buys, error, package

PACKAGES = "/api/credits/packages/"
BALANCE = "/api/credits/balance/"
HISTORY = "/api/credits/transactions/"
PATIENCE = 60

pytestmark = pytest.mark.holds(
    "practice",
    "GET /api/credits/packages/",
    "GET /api/credits/balance/",
    "GET /api/credits/transactions/",
    "GET /api/credits/receipts/{uuid}/",
    "POST /api/credits/purchase/",
)


@pytest.fixture
def sold(practice: Practice, starter: int) -> dict[str, Any]:
    """What is asked about a practice that has bought once, with each answer's place in it."""
    return {"practice": practice, "package": starter, "receipt": practice.bought(starter)["receipt_url"]}


def reads(api: Api, sold: dict[str, Any]) -> list[httpx2.Response]:
    """Every read of the practice."""
    number = sold["practice"].number
    return [
        api.get(BALANCE, practice_id=number),
        api.get(HISTORY, practice_id=number),
        api.get(sold["receipt"]),
    ]


def buy(api: Api, sold: dict[str, Any]) -> httpx2.Response:
    return buys(api, sold["practice"].number, sold["package"])


def test_nobody(nobody: Api, sold: dict[str, Any]) -> None:
    for answer in [*reads(nobody, sold), nobody.get(PACKAGES), buy(nobody, sold)]:
        error(answer, 401)
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("credential", ["cb_live_nobody", "not.a.token", "x" * 5000])
def test_a_credential_that_is_none(house: House, sold: dict[str, Any], credential: str) -> None:
    with house.client(credential) as api:
        for answer in [*reads(api, sold), api.get(PACKAGES), buy(api, sold)]:
            error(answer, 401)


def test_keys_by_scope(reader: Api, writer: Api, sold: dict[str, Any]) -> None:
    for api in (reader, writer):
        for answer in [*reads(api, sold), api.get(PACKAGES)]:
            assert answer.status_code == 200
            hold(answer)
    error(buy(reader, sold), 403, "API key lacks write permissions")
    assert hold(buy(writer, sold))["status"] == "success"


def test_another_apps_and_the_other_modes(stranger: Api, test_mode: Api, sold: dict[str, Any]) -> None:
    for api in (stranger, test_mode):
        balance, history, receipt = reads(api, sold)
        error(balance, 404, "Practice not found")
        error(history, 404, "Practice not found")
        error(receipt, 404, "Receipt not found")
        error(buy(api, sold), 404, "Practice not found")
        assert sold["package"] not in [row["id"] for row in hold(api.get(PACKAGES))["packages"]]
    # their own practice does not get it either
    own = Practice(stranger)
    error(buys(stranger, own.number, 10**6), 404, "Package not found")


@pytest.mark.parametrize("role", Role)
def test_members_by_role(house: House, sold: dict[str, Any], role: Role) -> None:
    with house.client(member(house, sold["practice"].account, role)) as api:
        for answer in [*reads(api, sold), api.get(PACKAGES)]:
            assert answer.status_code == 200, answer.text
        answer = buy(api, sold)
        if role in (Role.ADMIN, Role.OWNER):
            assert hold(answer)["status"] == "success"
        else:
            error(answer, 403, "Your role in this practice does not allow this")


def test_staff_of_the_app_see_and_buy_for_all(house: House, sold: dict[str, Any]) -> None:
    db, tenant = house.system.db, house.first.app.live

    async def signed_in() -> str:
        user = await cast.make_user(db, tenant, email=f"staff-{uuid4().hex}@example.com", staff=True)
        return await token_of(db, tenant, user)

    with house.client(house.run(signed_in())) as api:
        assert {answer.status_code for answer in [*reads(api, sold), api.get(PACKAGES)]} == {200}
        assert hold(buy(api, sold))["status"] == "success"


def test_what_is_asked_counts_for_the_practice(house: House, api: Api, sold: dict[str, Any]) -> None:
    with house.client(member(house, sold["practice"].account, Role.VIEWER)) as viewer:
        reads(viewer, sold)
        wanted = {"/api/credits/balance", "/api/credits/transactions", "/api/credits/receipts/{uuid}"}
        span = {"from": "2026-01-01"}  # without it, only what was asked since midnight is told

        def counted() -> set[str]:
            return set(viewer.get("/auth/account/usage", **span).json()["requests_by_endpoint"])

        assert within(PATIENCE, lambda: wanted <= counted())


def test_members_of_another_practice(house: House, api: Api, sold: dict[str, Any]) -> None:
    with house.client(member(house, Practice(api).account, Role.OWNER)) as other:
        balance, history, receipt = reads(other, sold)
        error(balance, 404, "Practice not found")
        error(history, 404, "Practice not found")
        error(receipt, 404, "Receipt not found")
        error(buy(other, sold), 404, "Practice not found")


def test_a_pending_payments_page_is_shown_to_buyers_alone(
    house: House, reader: Api, practice: Practice, starter: int
) -> None:
    waiting = practice.bought(starter, "3220")["receipt_url"]
    assert hold(practice.api.get(waiting))["action_url"]
    assert hold(reader.get(waiting))["action_url"] is None
    for role, shown in ((Role.VIEWER, False), (Role.ADMIN, True)):
        with house.client(member(house, practice.account, role)) as api:
            assert (hold(api.get(waiting))["action_url"] is not None) is shown


def test_receipts_that_there_are_not(api: Api, practice: Practice, starter: int) -> None:
    practice.bought(starter)
    debit = practice.api.debit(practice.account, 1)
    usage = practice.history()["transactions"][0]["id"]
    account = UUID(usage).int >> 80
    for id in (
        usage, uuid4(), "nothing", debit["id"], inner_uuid(account, Kind.ENTRY, 99), inner_uuid(account, Kind.GRANT, 1),
        inner_uuid(2**48 - 1, Kind.ENTRY, 2**62 - 1), "%00", "0" * 32,
    ):  # fmt: skip
        error(api.get(f"/api/credits/receipts/{id}/"), 404, "Receipt not found")


def test_other_methods_and_addresses(api: Api) -> None:
    for method, path, allowed in (("POST", BALANCE, "GET"), ("GET", "/api/credits/purchase/", "POST")):
        refused = api.send(method, path)
        assert (refused.status_code, list(refused.json())) == (405, ["error"])
        assert allowed in refused.headers["allow"]
    missing = api.get("/api/credits/nothing/")
    assert (missing.status_code, missing.json()) == (404, {"error": "There is nothing at this address"})


def test_both_slash_forms(api: Api, sold: dict[str, Any]) -> None:
    number = sold["practice"].number
    for path, query in (
        (BALANCE, {"practice_id": number}),
        (HISTORY, {"practice_id": number}),
        (PACKAGES, {}),
        (sold["receipt"], {}),
    ):
        with_slash, without = api.get(path, **query), api.get(path.rstrip("/"), **query)
        assert (without.status_code, without.content) == (200, with_slash.content)
    method = {"type": "credit_card", "last_four": "4242"}
    body = {"practice_id": number, "package_id": sold["package"], "payment_method": method}
    assert api.post("/api/credits/purchase", body).status_code == 200


@pytest.fixture(scope="module")
def open_house(server: Any, template: str) -> Iterator[House]:
    """A server in open mode."""
    name = f"tallystick_practice_open_{os.getpid()}"
    with housed(server, template, name, practice_open=True) as house:
        yield house


def test_open_mode(open_house: House) -> None:
    with open_house.client("admin") as api, open_house.client(None) as anybody:
        practice, sold = Practice(api), package(api)
        bought = hold(buys(anybody, practice.number, sold))
        assert bought["status"] == "success"
        assert hold(anybody.get(BALANCE, practice_id=practice.number))["current_balance"] == 1000
        assert len(hold(anybody.get(HISTORY, practice_id=practice.number))["transactions"]) == 1
        assert hold(anybody.get(bought["receipt_url"]))["status"] == "success"
        assert [row["id"] for row in hold(anybody.get(PACKAGES))["packages"]] == [sold]
        # a credential that is none is refused all the same
        wrong = anybody.http.get(PACKAGES, headers={"Authorization": "Bearer nonsense"})
        error(wrong, 401)


def test_open_mode_of_another_app(open_house: House) -> None:
    with open_house.client("stranger") as api, open_house.client(None) as anybody:
        practice = Practice(api)
        app = open_house.other.id

        def asked(x_app: str) -> httpx2.Response:
            query = {"practice_id": practice.number}
            return anybody.http.get(HISTORY, params=query, headers={"X-App": x_app})

        practice.api.grant(practice.account, 7)
        for name in (str(app), typeid("app", app)):
            assert hold(asked(name))["transactions"][0]["amount"] == 7
        error(asked(f"{app}:test"), 404, "Practice not found")
        for name in ("nothing", str(uuid4()), f"{app}:other", ""):
            error(asked(name), 404, "App not found")
        # of two nobody knows which is meant: not the standard one, for certain
        twice = [("X-App", str(app)), ("X-App", str(open_house.first.app.id))]
        error(anybody.http.get(PACKAGES, headers=twice), 404, "App not found")
