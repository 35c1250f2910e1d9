"""Credentials and accounts: the same for every endpoint of this contract."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from tallystick.domain.identity import memberships
from tallystick.kernel.actor import Role
from tallystick.kernel.ids import account_uuid, typeid, uuid7
from tests import cast
from tests.outages import database_away, reached, table_away

from .conftest import Stage, join, token_of

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.holds(
        "account",
        "GET /auth/account/usage",
        "GET /auth/account/credits",
        "GET /auth/account/ledger",
        "GET /auth/account/summary",
    ),
]

PATHS = [f"/auth/account/{name}" for name in ("usage", "credits", "ledger", "summary")]


def refusal(code: str, message: str) -> str:
    return f'{{"error":{{"code":"{code}","message":"{message}"}}}}'


NO_ACCOUNT = refusal("not_found", "No such account.")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("slash", ["", "/"])
async def test_both_slash_forms_answer_alike(quiet: Stage, path: str, slash: str) -> None:
    answer = await quiet.get(path + slash)
    assert answer.status_code == 200
    assert answer.json()["data" if path.endswith("ledger") else "user_id"] in ([], quiet.user.number)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("header", "message"),
    [
        (None, "No credential was given."),
        ("", "No credential was given."),
        ("Basic YTpi", "No credential was given."),
        ("Bearer", "The credential is not valid."),
        ("Bearer garbage", "The credential is not valid."),
        ("Bearer a.b.c", "The credential is not valid."),
        ("Bearer cb_live_nothing", "The credential is not valid."),
    ],
)
async def test_a_missing_or_garbled_credential(
    quiet: Stage, path: str, header: str | None, message: str
) -> None:
    headers = {} if header is None else {"authorization": header}
    answer = await quiet.client.get(path, headers=headers)
    assert (answer.status_code, answer.text) == (401, refusal("unauthenticated", message))
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("path", PATHS)
async def test_expired_and_altered_tokens(quiet: Stage, path: str) -> None:
    old = await quiet.token_of(quiet.user, datetime.now(UTC) - timedelta(hours=2))
    answer = await quiet.get(path, token=old)
    assert (answer.status_code, answer.text) == (
        401,
        refusal("unauthenticated", "The credential has expired."),
    )
    head, claims, signature = quiet.token.split(".")
    altered = f"{head}.{claims}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"
    answer = await quiet.get(path, token=altered)
    assert (answer.status_code, answer.text) == (
        401,
        refusal("unauthenticated", "The credential is not valid."),
    )


@pytest.mark.parametrize("path", PATHS)
async def test_an_api_key_is_no_user(quiet: Stage, path: str) -> None:
    answer = await quiet.get(path, token=quiet.first.live_key)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "unauthenticated"
    assert "API key" in answer.json()["error"]["message"]


@pytest.mark.parametrize("path", PATHS)
async def test_another_accounts_figures_for_its_members_alone(stage: Stage, path: str) -> None:
    db = stage.system.db
    globex = await cast.globex(db, stage.tenant)
    names = [str(globex.number), str(globex.uuid), typeid("acct", globex.uuid)]
    for name in names:
        answer = await stage.get(path, headers={"x-account": name})
        assert (answer.status_code, answer.text) == (404, NO_ACCOUNT)
    ben = await cast.make_user(db, stage.tenant, "ben@globex.example")
    await join(db, stage.tenant, stage.account, ben, Role.VIEWER)
    await join(db, stage.tenant, globex, ben, Role.VIEWER)
    token = await stage.token_of(ben)
    for name in [*names, f" {globex.number} "]:
        assert (await stage.get(path, token=token, headers={"x-account": name})).status_code == 200


async def test_the_figures_are_those_of_the_named_account(stage: Stage) -> None:
    db = stage.system.db
    globex = await cast.globex(db, stage.tenant)
    await join(db, stage.tenant, globex, stage.user, Role.VIEWER)
    await stage.grant("1")
    await stage.grant("2", globex.account_id)
    token = await stage.token_of(stage.user)
    for headers, balance in [({}, 1.0), ({"x-account": str(globex.number)}, 2.0)]:
        body = (await stage.get("/auth/account/credits", token=token, headers=headers)).json()
        assert (body["user_id"], body["balance"]) == (stage.user.number, balance)
        rows = (await stage.get("/auth/account/ledger", token=token, headers=headers)).json()["data"]
        assert [(row["user_id"], row["amount"]) for row in rows] == [(stage.user.number, balance)]


@pytest.mark.parametrize("path", PATHS)
async def test_unknown_accounts(quiet: Stage, path: str) -> None:
    forged = account_uuid(quiet.account.account_id)
    for name in ("0", "999", "9" * 40, "-1", "", "acme", "ext:acme", "acct_nothing", "²", str(uuid7())):
        answer = await quiet.client.get(
            path,
            headers=[
                (b"authorization", f"Bearer {quiet.token}".encode()),
                (b"x-account", name.encode("latin-1")),
            ],
        )
        assert (answer.status_code, answer.text) == (404, NO_ACCOUNT), name
    for name in (str(forged), typeid("acct", forged)):
        assert (await quiet.get(path, headers={"x-account": name})).status_code == 404


@pytest.mark.parametrize("path", PATHS)
async def test_another_tenants_account_is_unknown(stage: Stage, path: str) -> None:
    other = await cast.second_app(stage.system.db)
    stranger = await cast.make_account(stage.system.db, other.live)
    mode = await cast.make_account(stage.system.db, stage.first.app.test)
    for account in (stranger, mode):
        answer = await stage.get(path, headers={"x-account": str(account.uuid)})
        assert (answer.status_code, answer.text) == (404, NO_ACCOUNT)


async def test_staff_see_every_account_of_their_tenant(stage: Stage) -> None:
    db = stage.system.db
    operator = await cast.make_user(db, stage.tenant, "ops@product.example", staff=True)
    token = await stage.token_of(operator)
    answer = await stage.get(PATHS[1], token=token, headers={"x-account": str(stage.account.number)})
    assert answer.json()["user_id"] == operator.number
    other = await cast.second_app(db)
    stranger = await cast.make_account(db, other.live)
    answer = await stage.get(PATHS[1], token=token, headers={"x-account": str(stranger.uuid)})
    assert answer.status_code == 404


async def test_a_user_of_no_account_any_more(stage: Stage) -> None:
    db = stage.system.db
    bob = await cast.make_user(db, stage.tenant, "bob@acme.example")
    await join(db, stage.tenant, stage.account, bob, Role.MEMBER)
    token = await token_of(db, stage.tenant, bob)
    async with db.tx() as tx:
        await memberships.remove(tx, stage.tenant, account=stage.account.account_id, user=bob.id, by="test")
    for path in PATHS:
        answer = await stage.get(path, token=token)
        assert (answer.status_code, answer.text) == (404, NO_ACCOUNT)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", [*PATHS, PATHS[1] + "/"])
async def test_other_methods_are_refused(quiet: Stage, method: str, path: str) -> None:
    answer = await quiet.client.request(method, path, headers={"authorization": f"Bearer {quiet.token}"})
    assert (answer.status_code, answer.text) == (
        405,
        refusal("method_not_allowed", "This address answers GET, HEAD, OPTIONS."),
    )
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS"


async def test_addresses_that_are_not_there(quiet: Stage) -> None:
    for path in ("/auth/account", "/auth/account/", "/auth/account/nothing", "/auth/account/credits/x"):
        answer = await quiet.get(path)
        assert (answer.status_code, answer.text) == (
            404,
            refusal("not_found", "There is nothing at this address."),
        )


async def test_a_database_that_is_away(stage: Stage, db_url: str) -> None:
    with database_away(db_url):
        answers = await asyncio.gather(*(stage.get(path) for path in PATHS))
    for answer in answers:
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "unavailable")
        assert answer.headers["retry-after"] == "1"
    await reached(stage.system.db)
    assert (await stage.get(PATHS[0])).status_code == 200


@pytest.mark.parametrize("path", PATHS)
async def test_a_fault_of_ours(stage: Stage, path: str, db_url: str) -> None:
    with table_away(db_url, "account_head"), table_away(db_url, "account"):
        answer = await stage.get(path)
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "internal_error"
    assert "account_head" not in answer.text


async def test_head_is_get_without_the_body(quiet: Stage) -> None:
    headers = {"authorization": f"Bearer {quiet.token}"}
    for path in PATHS:
        answer = await quiet.client.head(path, headers=headers)
        assert (answer.status_code, answer.content) == (200, b"")
