"""/v2/auth: signing in and out, and passwords that are forgotten or changed"""

import asyncio
from typing import Any

import httpx2
import pytest

from tallystick.domain.identity.password_links import AT_MOST
from tallystick.domain.mail.jobs import send_due
from tallystick.gateways.email import FileMailer
from tallystick.kernel.ids import typeid
from tests.contract.native.people.stage import Person, letters, link_in, person, stored
from tests.contract.served import Api, House, fields_of, problem

pytestmark = pytest.mark.holds(
    "native",
    "POST /v2/auth/login",
    "POST /v2/auth/logout",
    "POST /v2/auth/password/forgot",
    "POST /v2/auth/password/reset",
    "POST /v2/auth/password/change",
)

OLD, NEW = "first and simple", "second and better"


@pytest.fixture
def ann(house: House) -> Person:
    return person(house, password=OLD)


def login(client: Api, who: Person, password: str = OLD, **more: Any) -> httpx2.Response:
    return client.post("/v2/auth/login", {"email": who.email, "password": password, **more})


def let_in(house: House, token: str) -> bool:
    with house.client(token) as client:
        return client.get("/v2/me").status_code == 200


def ends(house: House, token: str) -> None:
    """Within a second the token is refused."""
    for _ in range(10_000):
        if not let_in(house, token):
            return
    raise AssertionError("still let in")


def in_app(client: httpx2.Client, who: Person, app: str) -> httpx2.Response:
    body = {"email": who.email, "password": OLD}
    return client.post("/v2/auth/login", json=body, headers={"X-App": app})


def test_the_app_that_is_named(house: House, nobody: Api, ann: Person) -> None:
    app, other = (typeid("app", one.id) for one in (house.first.app, house.other))
    for named, mode in ((app, "live"), (f"{app}:test", "test"), (str(house.first.app.id), "live")):
        signed = in_app(nobody.http, ann, named)
        assert signed.status_code == 200, signed.text
        with house.client(signed.json()["access"]) as client:
            assert client.get("/v2/me").json()["mode"] == mode
    assert login(nobody, ann, mode="test").status_code == 200
    problem(in_app(nobody.http, ann, other), 401, "unauthenticated")
    for unknown in ("x", "app_x", f"{app}:staging", "app_" + "0" * 26, "0" * 32, "é" * 5):
        answer = nobody.http.post(
            "/v2/auth/login",
            json={"email": ann.email, "password": OLD},
            headers=[(b"x-app", unknown.encode("latin-1"))],
        )
        problem(answer, 404, "not_found")


def test_signing_out(house: House, nobody: Api, ann: Person) -> None:
    here, there = (login(nobody, ann).json() for _ in range(2))
    for _ in range(2):
        out = nobody.post("/v2/auth/logout", {"refresh": here["refresh"]})
        assert (out.status_code, out.json()) == (200, {"signed_out": True})
    problem(nobody.post("/v2/auth/refresh", {"refresh": here["refresh"]}), 401, "unauthenticated")
    ends(house, here["access"])
    assert let_in(house, there["access"])
    problem(nobody.post("/v2/auth/logout", {"refresh": "nonsense"}), 401, "unauthenticated")
    assert fields_of(problem(nobody.post("/v2/auth/logout", {}), 422, "invalid_request")) == ["refresh"]


def test_a_forgotten_password(house: House, nobody: Api, ann: Person) -> None:
    before = login(nobody, ann).json()
    asked = nobody.post("/v2/auth/password/forgot", {"email": ann.email.upper()})
    assert asked.status_code == 202
    token = link_in(house, ann.email)
    assert stored(house, token) == []
    short = nobody.post("/v2/auth/password/reset", {"token": token, "password": "short"})
    assert fields_of(problem(short, 422, "invalid_request")) == ["password"]
    done = nobody.post("/v2/auth/password/reset", {"token": token, "password": NEW})
    assert (done.status_code, done.json()) == (200, {"changed": True})
    problem(login(nobody, ann), 401, "unauthenticated")
    assert login(nobody, ann, NEW).status_code == 200
    problem(nobody.post("/v2/auth/refresh", {"refresh": before["refresh"]}), 401, "unauthenticated")
    ends(house, before["access"])
    for used in (token, "x", "é", token + "x"):
        again = nobody.post("/v2/auth/password/reset", {"token": used, "password": NEW})
        problem(again, 404, "not_found")
    half = nobody.post("/v2/auth/password/reset", {"token": "\ud800", "password": NEW})
    assert fields_of(problem(half, 422, "invalid_request")) == ["token"]


def test_the_answer_says_nothing_of_the_address(house: House, nobody: Api, ann: Person, api: Api) -> None:
    gone = person(house, password=OLD)
    api.send("PATCH", f"/v2/users/{gone.id}", {"active": False})
    addresses = (ann.email, gone.email, "nobody@nowhere.example", "nonsense", "é" * 100)
    got = [nobody.post("/v2/auth/password/forgot", {"email": address}) for address in addresses]
    assert {one.status_code for one in got} == {202}
    assert len({one.content for one in got}) == len({tuple(one.headers) for one in got}) == 1
    assert letters(house, gone.email) == letters(house, "nobody@nowhere.example") == []
    assert fields_of(problem(nobody.post("/v2/auth/password/forgot", {}), 422, "invalid_request")) == [
        "email"
    ]


def test_at_most_five_letters_an_hour(house: House, nobody: Api, ann: Person) -> None:
    for _ in range(AT_MOST + 3):
        assert nobody.post("/v2/auth/password/forgot", {"email": ann.email}).status_code == 202
    assert len(letters(house, ann.email)) == AT_MOST


def test_a_link_is_used_once_by_many_at_once(house: House, nobody: Api, ann: Person) -> None:
    nobody.post("/v2/auth/password/forgot", {"email": ann.email})
    token = link_in(house, ann.email)
    words = [f"password number {number}" for number in range(8)]

    async def reset(client: httpx2.AsyncClient) -> list[int]:
        sent = (
            client.post("/v2/auth/password/reset", json={"token": token, "password": word}) for word in words
        )
        return [one.status_code for one in await asyncio.gather(*sent)]

    statuses = house.together(reset)
    assert sorted(statuses) == [200] + [404] * 7
    assert login(nobody, ann, words[statuses.index(200)]).status_code == 200


def test_a_reset_that_is_sent_again_with_its_key(house: House, nobody: Api, ann: Person) -> None:
    nobody.post("/v2/auth/password/forgot", {"email": ann.email})
    body = {"token": link_in(house, ann.email), "password": NEW}
    first, again = (nobody.post("/v2/auth/password/reset", body, key="reset") for _ in range(2))
    assert (first.status_code, again.content) == (200, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    other = nobody.post("/v2/auth/password/reset", body | {"password": NEW + "!"}, key="reset")
    problem(other, 422, "idempotency_key_reused")
    assert stored(house, NEW) == stored(house, body["token"]) == []
    assert login(nobody, ann, NEW).status_code == 200


def test_another_password(house: House, nobody: Api, ann: Person) -> None:
    token = login(nobody, ann).json()["access"]
    with house.client(token) as client:
        for old, new, field in ((OLD, "short", "new"), ("wrong one", NEW, "old"), (5, NEW, "old")):
            got = client.post("/v2/auth/password/change", {"old": old, "new": new})
            assert fields_of(problem(got, 422, "invalid_request")) == [field]
        done = client.post("/v2/auth/password/change", {"old": OLD, "new": NEW}, key="change")
        assert (done.status_code, done.json()) == (200, {"changed": True})
    ends(house, token)
    problem(login(nobody, ann), 401, "unauthenticated")
    assert login(nobody, ann, NEW).status_code == 200


def test_who_guesses_the_old_password_is_locked_out(house: House, nobody: Api, ann: Person) -> None:
    with house.client(ann.access) as client:
        for _ in range(12):
            last = client.post("/v2/auth/password/change", {"old": "guess", "new": NEW})
        problem(last, 429, "too_many_attempts")
        assert int(last.headers["retry-after"]) > 0
        problem(client.post("/v2/auth/password/change", {"old": OLD, "new": NEW}), 429, "too_many_attempts")
    problem(login(nobody, ann), 429, "too_many_attempts")


def test_who_has_no_password_has_none_to_change(house: House, api: Api) -> None:
    bob = person(house)
    with house.client(bob.access) as client:
        got = client.post("/v2/auth/password/change", {"old": OLD, "new": NEW})
        problem(got, 409, "no_password")
    problem(api.post("/v2/auth/password/change", {"old": OLD, "new": NEW}), 403, "forbidden")


def test_a_letter_that_lets_in_is_shown_to_nobody(house: House, nobody: Api, api: Api, ann: Person) -> None:
    """Else a key that reads could take over anybody, and a test key live data."""
    app = typeid("app", house.first.app.id)
    nobody.post("/v2/auth/password/forgot", {"email": ann.email})
    sent = nobody.http.post(
        "/v2/auth/password/forgot", json={"email": ann.email}, headers={"X-App": f"{app}:test"}
    )
    assert sent.status_code == 202
    api.post(f"/v2/accounts/{api.account()}/members", {"email": "letter@example.com"})
    tokens = [link_in(house, ann.email), link_in(house, "letter@example.com")]
    for key in ("read", "admin", "test"):
        with house.client(key) as client:
            shown = client.get("/v2/emails", limit=100)
            assert {one["kind"] for one in shown.json()["data"]} & {"password_reset", "invitation"}
            assert "/password/" not in shown.text
            for one in shown.json()["data"]:
                text = client.get(f"/v2/emails/{one['id']}").text
                assert not [token for token in tokens if token in text]
    house.run(send_due(house.system.db, FileMailer(house.data / "mail", "test"), limit=1000))
    assert any(token in file.read_text() for token in tokens for file in (house.data / "mail").rglob("*.eml"))
    assert not [text for _, text in letters(house, ann.email) if "/password/" in text]
    assert not [text for _, text in letters(house, "letter@example.com") if "/password/" in text]
