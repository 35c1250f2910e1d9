"""GET /api/me/"""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from tallystick.domain.identity import memberships, views
from tallystick.domain.identity.model import User
from tallystick.kernel.actor import Role
from tests import cast
from tests.contract.account.conftest import token_of
from tests.contract.conformance.holding import hold
from tests.contract.served import House
from tests.doubles.google import GoogleDouble

from .conftest import bearer, signed_in

pytestmark = pytest.mark.holds("appvector", "GET /api/me/")

PATH = "/api/me/"
NOT_VALID = {"detail": "Given token not valid for any token type", "code": "token_not_valid"}
MISSING = {"detail": "Authentication credentials were not provided."}


async def _found(house: House, number: int) -> User:
    async with house.system.db.connection() as conn:
        return await views.user_by_number(conn, house.first.app.live, number)


@pytest.mark.parametrize("path", ["/api/me", PATH])
def test_the_answer_is_the_documents(web: httpx2.Client, ann: dict[str, Any], path: str) -> None:
    body = hold(web.get(path, headers=bearer(ann["access"])))
    assert list(body) == ["id", "email", "first_name", "last_name", "date_joined"]
    assert {name: body[name] for name in ann["user"]} == ann["user"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", body["date_joined"])


def test_joined_when_the_user_was_made(house: House, web: httpx2.Client, ann: dict[str, Any]) -> None:
    user = house.run(_found(house, ann["user"]["id"]))
    shown = web.get(PATH, headers=bearer(ann["access"])).json()["date_joined"]
    assert datetime.fromisoformat(shown) == user.created_at.replace(microsecond=0)


def test_without_a_credential(web: httpx2.Client) -> None:
    for headers in (
        {},
        {"Authorization": ""},
        {"Authorization": "Basic eDp5"},
        {"Authorization": "Token x y"},
    ):
        answer = web.get(PATH, headers=headers)
        assert (answer.status_code, hold(answer)) == (401, MISSING)
        assert answer.headers["www-authenticate"] == 'Bearer realm="api"'


@pytest.mark.parametrize("header", ["Bearer", "Bearer a b", "Bearer  a  b c"])
def test_a_malformed_header(web: httpx2.Client, header: str) -> None:
    answer = web.get(PATH, headers={"Authorization": header})
    said = {
        "detail": "Authorization header must contain two space-delimited values",
        "code": "bad_authorization_header",
    }
    assert (answer.status_code, hold(answer)) == (401, said)


def test_tokens_that_do_not_do(house: House, web: httpx2.Client, ann: dict[str, Any]) -> None:
    user = house.run(_found(house, ann["user"]["id"]))
    late = datetime.now(UTC) - timedelta(minutes=60, seconds=1)
    expired = house.run(token_of(house.system.db, house.first.app.live, user, late))
    for token in ["x", "a.b.c", ann["refresh"], ann["access"][:-3], expired, house.first.live_key]:
        answer = web.get(PATH, headers=bearer(token))
        assert (answer.status_code, hold(answer)) == (401, NOT_VALID), token


def test_after_signing_out(web: httpx2.Client, ann: dict[str, Any]) -> None:
    # no answer was given to this access token before, so none is remembered
    assert web.post("/v2/auth/logout", json={"refresh": ann["refresh"]}).status_code == 200
    answer = web.get(PATH, headers=bearer(ann["access"]))
    assert (answer.status_code, answer.json()) == (401, NOT_VALID)
    again = web.post("/api/token/refresh/", json={"refresh": ann["refresh"]})
    assert (again.status_code, again.json()["detail"]) == (401, "Token is invalid or expired")


def test_who_is_kept_out_is_told(house: House, web: httpx2.Client, google: GoogleDouble) -> None:
    made = signed_in(web, google.token(sub="2001", email="out@doe.example"))
    user = house.run(_found(house, made["user"]["id"]))
    house.run(cast.deactivate(house.system.db, house.first.app.live, user.id))
    answer = web.get(PATH, headers=bearer(made["access"]))
    assert answer.status_code == 401
    assert hold(answer) == {"detail": "User is inactive", "code": "user_inactive"}
    refreshed = web.post("/api/token/refresh/", json={"refresh": made["refresh"]})
    assert refreshed.status_code == 401
    assert hold(refreshed) == {
        "detail": "No active account found for the given token.",
        "code": "no_active_account",
    }


def test_an_account_that_is_none_of_theirs(house: House, web: httpx2.Client, ann: dict[str, Any]) -> None:
    theirs = house.run(cast.make_account(house.system.db, house.first.app.live, name="Not Ann's"))
    for name in (str(theirs.number), str(theirs.uuid), "999999", "acct_nope", "", "\u0661"):
        answer = web.get(PATH, headers=[*_raw(bearer(ann["access"])), (b"X-Account", name.encode())])
        assert (answer.status_code, hold(answer)) == (404, {"detail": "Not found."}), name


def test_who_was_taken_out_of_their_last_account_is_still_who_they_are(
    house: House, web: httpx2.Client, google: GoogleDouble
) -> None:
    made = signed_in(web, google.token(sub="2002", email="left@doe.example"))

    async def taken_out() -> None:
        db, tenant = house.system.db, house.first.app.live
        async with db.tx() as tx:
            user = await views.user_by_number(tx, tenant, made["user"]["id"])
            [place] = await views.memberships(tx, tenant, user.id)
            heir = await cast.make_user(db, tenant, "heir@doe.example")
            await memberships.add(
                tx, tenant, account=place.account_id, user=heir.id, role=Role.OWNER, by="test"
            )
            await memberships.remove(tx, tenant, account=place.account_id, user=user.id, by="test")

    house.run(taken_out())
    mine = web.get(PATH, headers=bearer(made["access"]))
    assert (mine.status_code, mine.json()["email"]) == (200, "left@doe.example")
    assert web.post(PATH, headers=bearer(made["access"])).status_code == 405
    assert web.get("/auth/account/credits", headers=bearer(made["access"])).status_code == 404


def _raw(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in headers.items()]
