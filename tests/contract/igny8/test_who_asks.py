"""Who may read what of the books, at every address, and what everybody else is told."""

from datetime import UTC, datetime, timedelta

import pytest

from tallystick.domain.identity.keys import create_api_key
from tallystick.kernel.actor import Role, Scope
from tests import cast
from tests.contract.account.conftest import join
from tests.contract.conformance.holding import hold
from tests.outages import database_away, reached, table_away

from .conftest import Stage, error

ADDRESSES = [
    "/v1/billing/credits/balance/balance/",
    "/v1/billing/transactions/",
    "/v1/billing/credits/usage/",
    "/v1/account/usage/analytics/",
]

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.holds(
        "igny8",
        "GET /v1/billing/credits/balance/balance/",
        "GET /v1/billing/transactions/",
        "GET /v1/billing/credits/usage/",
        "GET /v1/account/usage/analytics/",
    ),
]

MISSING = "Authentication credentials were not provided."
BAD = "Given token not valid for any token type"


async def test_without_a_good_token(stage: Stage) -> None:
    async with stage.system.db.tx() as tx:
        key = await create_api_key(
            tx, stage.system.secrets, stage.tenant, name="k", scope=Scope.ADMIN, created_by="test"
        )
    expired = await stage.token_of(stage.user, datetime.now(UTC) - timedelta(hours=2))
    cases = {
        None: MISSING,
        "Basic YTpi": MISSING,
        "Bearer nobody": BAD,
        f"Bearer {expired}": BAD,
        f"Bearer {key.text}": BAD,
        f"Bearer {stage.token} more": "Authorization header must contain two space-delimited values",
    }
    for path in ADDRESSES:
        for credential, said in cases.items():
            headers = {} if credential is None else {"authorization": credential}
            answer = await stage.client.get(path, headers=headers)
            error(answer, 401, said)
            assert answer.headers["www-authenticate"] == 'Bearer realm="api"'
            hold(answer)


async def test_white_space_in_the_header_is_the_frameworks(stage: Stage) -> None:
    for between in ("  ", "\t"):
        answer = await stage.client.get(
            ADDRESSES[0], headers={"authorization": f"Bearer{between}{stage.token}"}
        )
        assert answer.status_code == 200, between


async def test_every_member_may_read_and_nobody_else(stage: Stage) -> None:
    db = stage.system.db
    for role in Role:
        user = await cast.make_user(db, stage.tenant, f"{role.value}@acme.example")
        await join(db, stage.tenant, stage.account, user, role)
        token = await stage.token_of(user)
        for path in ADDRESSES:
            assert (await stage.get(path, token=token)).status_code == 200
    stranger = await cast.make_user(db, stage.tenant, "eve@globex.example")
    globex = await cast.globex(db, stage.tenant)
    await join(db, stage.tenant, globex, stranger, Role.OWNER)
    token = await stage.token_of(stranger)
    await stage.grant("10")
    for path in ADDRESSES:
        for name in (str(stage.account.number), str(stage.account.uuid), "999999", "no such", "ext:acme"):
            answer = await stage.get(path, token=token, headers={"x-account": name})
            error(answer, 404, "Not found.")
            hold(answer)
        answer = await stage.get(path, token=token, headers={"x-account": str(globex.uuid)})
        assert answer.status_code == 200


async def test_another_apps_account_is_not_found(stage: Stage) -> None:
    db = stage.system.db
    other = await cast.second_app(db)
    theirs = await cast.make_account(db, other.live, name="Theirs")
    for path in ADDRESSES:
        error(await stage.get(path, headers={"x-account": str(theirs.uuid)}), 404, "Not found.")


async def test_other_methods_are_refused_after_the_credential(stage: Stage) -> None:
    signed = {"authorization": f"Bearer {stage.token}"}
    for path in ADDRESSES:
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            error(await stage.client.request(method, path), 401, MISSING)
            answer = await stage.client.request(method, path, headers=signed)
            error(answer, 405, f'Method "{method}" not allowed.')
            assert "GET" in answer.headers["allow"].split(", ")
    error(await stage.get("/v1/billing/nothing/"), 404, "Not found.")


async def test_every_form_of_the_address_answers_the_same(stage: Stage) -> None:
    await stage.grant("10")
    for path in ADDRESSES:
        first = await stage.body(path)
        for form in (path.rstrip("/"), "/api" + path, "/api" + path.rstrip("/")):
            answer = await stage.get(form)
            assert answer.status_code == 200
            assert answer.json() == first


async def test_an_outage_is_said_in_the_contracts_body(stage: Stage, db_url: str) -> None:
    await stage.body(ADDRESSES[0])
    with database_away(db_url):
        for path in ADDRESSES[:2]:  # one that the front serves itself, and one that it does not
            answer = await stage.get(path)
            error(answer, 503, answer.json()["error"])
            assert answer.headers["retry-after"] == "1"
            hold(answer)
    await reached(stage.system.db)
    await stage.body(ADDRESSES[0])


async def test_a_fault_of_ours_is_said_in_the_contracts_body(stage: Stage, db_url: str) -> None:
    with table_away(db_url, "entry"):
        for path in ADDRESSES:
            answer = await stage.get(path)
            error(answer, 500, answer.json()["error"])
            assert "entry" not in answer.text
