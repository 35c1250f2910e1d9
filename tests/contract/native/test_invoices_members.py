"""What a member of an account sees of invoices: their own account's, to read and to download."""

from collections.abc import Iterator

import pytest

from tallystick.domain.identity import memberships
from tallystick.kernel.actor import Role
from tests import cast
from tests.contract.native.test_invoices import make
from tests.contract.served import Api, House, problem

pytestmark = pytest.mark.holds(
    "native", "GET /v2/accounts/{account}/credit-balance", "GET /v2/accounts/{account}/credit-balance/changes"
)


@pytest.fixture(scope="module")
def member(house: House) -> Iterator[Api]:
    """A member of the account ``ext:members``."""
    tenant = house.first.app.live

    async def person() -> str:
        db = house.system.db
        ann = await cast.make_user(db, tenant, "ann@members.example", cast.PASSWORD)
        account = await cast.make_account(db, tenant, external_id="members")
        async with db.tx() as tx:
            await memberships.add(
                tx, tenant, account=account.account_id, user=ann.id, role=Role.MEMBER, by="test"
            )
        return ann.email

    email = house.run(person())
    with house.client() as api:
        tokens = api.post("/v2/auth/login", {"email": email, "password": cast.PASSWORD}).json()
    with house.client(tokens["access"]) as client:
        yield client


def test_their_own(member: Api, api: Api) -> None:
    own = make(api, "ext:members", finalize=True)
    note = api.post(f"/v2/invoices/{own['id']}/credit-notes", {"reason": "x", "amount": 1}).json()
    path = f"/v2/invoices/{own['id']}"
    assert member.get(path).json()["id"] == own["id"]
    assert member.get(f"{path}/pdf").content.startswith(b"%PDF")
    assert [row["id"] for row in member.get("/v2/invoices").json()["data"]] == [own["id"]]
    assert [row["id"] for row in member.get("/v2/invoices", account="ext:members").json()["data"]] == [
        own["id"]
    ]
    assert member.get(f"{path}/credit-notes").json()["data"] == [note]
    assert member.get("/v2/credit-notes").json()["data"] == [note]
    assert member.get(f"/v2/credit-notes/{note['id']}").json() == note
    assert member.get(f"/v2/credit-notes/{note['id']}/pdf").status_code == 200
    assert member.get("/v2/accounts/ext:members/credit-balance").status_code == 200
    assert member.get("/v2/accounts/ext:members/credit-balance/changes").status_code == 200
    for method, where in (
        ("PATCH", path), ("DELETE", path), ("POST", f"{path}/pay"), ("POST", f"{path}/void"),
        ("POST", f"{path}/uncollectible"), ("POST", f"{path}/finalize"),
    ):  # fmt: skip
        problem(member.send(method, where, {}), 403, "forbidden")
    problem(member.post(f"{path}/credit-notes", {"reason": "x"}), 403, "forbidden")
    problem(member.post("/v2/invoices", {"account": "ext:members"}), 403, "forbidden")
    problem(
        member.post("/v2/accounts/ext:members/credit-balance", {"amount": 1, "reason": "x"}), 403, "forbidden"
    )
    problem(member.get("/v2/tax-rates"), 403, "forbidden")
    problem(member.get("/v2/billing-settings"), 403, "forbidden")


def test_not_anothers(member: Api, api: Api) -> None:
    account = api.account()
    other = make(api, account, finalize=True)
    note = api.post(f"/v2/invoices/{other['id']}/credit-notes", {"reason": "x", "amount": 1}).json()
    path = f"/v2/invoices/{other['id']}"
    for where in (
        path, f"{path}/pdf", f"{path}/credit-notes", f"/v2/credit-notes/{note['id']}",
        f"/v2/credit-notes/{note['id']}/pdf", f"/v2/accounts/{account}/credit-balance",
        f"/v2/accounts/{account}/credit-balance/changes",
    ):  # fmt: skip
        problem(member.get(where), 404, "not_found")
    problem(member.get("/v2/invoices", account=account), 404, "not_found")
    problem(member.get("/v2/credit-notes", account=account), 404, "not_found")
