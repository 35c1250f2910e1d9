"""Whose credential, role and workspace the six operations want: the same of each."""

from typing import Any, Final

import pytest

from tallystick.kernel.actor import Role
from tests.contract.conformance.holding import hold
from tests.contract.served import Api, House
from tests.doubles.stores import Stores

from .conftest import Workspace, member, post, workspace

ASKED: Final[dict[str, dict[str, Any]]] = {
    "android-search": {"keyword": "who"},
    "apple-search": {"keyword": "who"},
    "android-details": {"app_id": "com.example.who"},
    "android-history": {"app_id": "com.example.who"},
    "apple-details": {"app_id": "4001"},
    "apple-history": {"app_id": "4001"},
}

pytestmark = [
    pytest.mark.holds("appvector", "POST /api/aso/android-search/", "POST /api/aso/apple-search/"),
    pytest.mark.holds("appvector", "POST /api/aso/android-details/", "POST /api/aso/apple-details/"),
    pytest.mark.holds("appvector", "POST /api/aso/android-history/", "POST /api/aso/apple-history/"),
    pytest.mark.parametrize("what", ASKED),
]

MISSING: Final = {"detail": "Authentication credentials were not provided."}
NOT_VALID: Final = {"detail": "Given token not valid for any token type", "code": "token_not_valid"}
FORBIDDEN: Final = {"detail": "You do not have permission to perform this action."}
NOT_FOUND: Final = {"detail": "Not found."}


@pytest.fixture(autouse=True)
def _apps(stores: Stores) -> None:
    stores.play.put("com.example.who")
    stores.apple.put(4001)


def path_of(what: str) -> str:
    return f"/api/aso/{what}/"


def test_without_a_credential(nobody: Api, what: str) -> None:
    answer = post(nobody, what, ASKED[what])
    assert (answer.status_code, hold(answer)) == (401, MISSING)
    # what is wrong with the body is nobody's business before
    assert hold(nobody.post(path_of(what), "{")) == MISSING


def test_with_one_that_does_not_do(house: House, what: str) -> None:
    for token in ("x", "a.b.c", "cb_live_" + "0" * 72):
        with house.client(token) as client:
            answer = post(client, what, ASKED[what])
            assert (answer.status_code, hold(answer)) == (401, NOT_VALID)


def test_a_viewer_may_not(house: House, api: Api, what: str) -> None:
    work = workspace(house, api, role=Role.VIEWER)
    answer = work.ask(what, ASKED[what])
    assert (answer.status_code, hold(answer)) == (403, FORBIDDEN)
    assert work.entries() == []
    # whoever may not is not told what is wrong with the body either
    assert work.ask(what, {}).status_code == 403


@pytest.mark.parametrize("role", [Role.MEMBER, Role.ADMIN, Role.OWNER])
def test_who_works_here_may(house: House, api: Api, what: str, role: Role) -> None:
    work = workspace(house, api, role=role)
    work.got(what, ASKED[what])


def test_a_key_that_only_reads_may_not(reader: Api, api: Api, what: str) -> None:
    answer = post(reader, what, ASKED[what] | {"workspace_id": api.account()})
    assert (answer.status_code, hold(answer)) == (403, FORBIDDEN)


def test_a_key_names_a_workspace(writer: Api, work: Workspace, what: str) -> None:
    answer = post(writer, what, ASKED[what])
    assert (answer.status_code, hold(answer)) == (400, {"workspace_id": ["This field is required."]})
    number = int(work.api.get(f"/v2/accounts/{work.id}").json()["number"])
    for named in (work.id, str(work.uuid), str(number), number):
        answer = post(writer, what, ASKED[what] | {"workspace_id": named})
        assert answer.status_code == 200, answer.text
        hold(answer)
    answer = post(writer, what, ASKED[what], **{"X-Account": str(number)})
    assert answer.status_code == 200
    paid = 0 if what.endswith("history") else 5
    assert work.spent()[0] == paid


def test_the_workspace_of_the_body_is_meant_before_the_headers(house: House, api: Api, what: str) -> None:
    work, other = workspace(house, api), workspace(house, api)
    answer = post(api, what, ASKED[what] | {"workspace_id": work.id}, **{"X-Account": other.id})
    assert answer.status_code == 200
    assert other.entries() == []
    assert bool(work.entries()) is not what.endswith("history")


def test_a_workspace_that_is_none_of_theirs(
    house: House, api: Api, stranger: Api, work: Workspace, what: str
) -> None:
    theirs = [
        stranger.account(),
        workspace(house, api).id,
        "999999999",
        "acct_nope",
        "nope",
        "\u0661",
        "0",
        "-1",
        "9" * 30,
    ]
    for named in theirs:
        answer = work.ask(what, ASKED[what] | {"workspace_id": named})
        assert (answer.status_code, hold(answer)) == (404, NOT_FOUND), named
    for named in theirs[:4]:
        answer = work.ask(what, ASKED[what], **{"X-Account": named})
        assert (answer.status_code, hold(answer)) == (404, NOT_FOUND), named
    for wrong in ([1], {"a": 1}, True, 1.5, 10**30):
        answer = work.ask(what, ASKED[what] | {"workspace_id": wrong})
        assert answer.status_code in (400, 404), wrong
        hold(answer)
    assert work.entries() == []


def test_who_was_kept_out(house: House, api: Api, what: str) -> None:
    account = api.account()
    token = member(house, account, Role.OWNER, active=False)
    answer = Workspace(house, api, account, token).ask(what, ASKED[what])
    said = {"detail": "User is inactive", "code": "user_inactive"}
    assert (answer.status_code, hold(answer)) == (401, said)


def test_other_methods(work: Workspace, what: str) -> None:
    with work.house.client(work.token) as client:
        for method in ("GET", "PUT", "DELETE"):
            answer = client.send(method, path_of(what))
            assert (answer.status_code, answer.headers["allow"]) == (405, "OPTIONS, POST")
            assert answer.json() == {"detail": f'Method "{method}" not allowed.'}


BROKEN: Final = (
    ("application/json", b"{", 400),
    ("application/json", b'{"keyword": NaN}', 400),
    ("application/json", b"\xff", 400),
    ("application/json", b"[" * 5000, 400),
    ("text/plain", b"keyword=x", 415),
    ("application/json", b" " * (1 << 20) + b"{}", 413),
)


def test_bodies_that_cannot_be_read(work: Workspace, what: str) -> None:
    with work.house.client(work.token) as client:
        for media, body, status in BROKEN:
            client.http.headers["Content-Type"] = media
            answer = client.post(path_of(what), body)
            assert answer.status_code == status
            assert list(hold(answer)) == ["detail"]
        client.http.headers["Content-Type"] = "application/json"
        for value in ("null", "[]", '"x"', "1"):
            answer = client.post(path_of(what), value)
            assert answer.status_code == 400
            assert list(hold(answer)) == ["non_field_errors"]
