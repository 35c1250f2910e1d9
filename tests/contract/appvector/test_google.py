"""POST /api/auth/google/"""

import re
from typing import Any

import httpx2
import pytest

from tallystick.domain.identity import views
from tests import cast
from tests.contract.conformance.holding import hold
from tests.contract.served import House
from tests.doubles.google import GoogleDouble, Outage

from .conftest import bearer, signed_in

pytestmark = pytest.mark.holds("appvector", "POST /api/auth/google/")

PATH = "/api/auth/google/"
JWT = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+")
REFUSED = {"error": "Invalid token", "detail": "The token is invalid or has expired"}


def test_the_answer_is_the_documents(web: httpx2.Client, google: GoogleDouble) -> None:
    token = google.token(sub="1001", email="john@doe.example", first_name="John", last_name="Doe")
    answer = web.post(PATH, json={"access_token": token})
    assert answer.status_code == 201
    assert answer.headers["content-type"] == "application/json"
    body = hold(answer)
    assert list(body) == ["access", "refresh", "user"]
    assert JWT.fullmatch(body["access"])
    assert JWT.fullmatch(body["refresh"])
    user = body["user"]
    assert list(user) == ["id", "email", "first_name", "last_name"]
    assert type(user["id"]) is int
    assert user | {"id": 1} == {
        "id": 1,
        "email": "john@doe.example",
        "first_name": "John",
        "last_name": "Doe",
    }


def test_the_same_person_is_the_same_user(web: httpx2.Client, google: GoogleDouble) -> None:
    first = signed_in(web, google.token(sub="1002", email="jane@doe.example"))
    again = signed_in(web, google.token(sub="1002", email="jane@doe.example"))
    assert again["user"] == first["user"]
    assert again["access"] != first["access"]


@pytest.mark.parametrize("path", ["/api/auth/google", PATH])
@pytest.mark.parametrize("form", ["json", "data", "files"])
def test_bodies_in_every_form(web: httpx2.Client, google: GoogleDouble, path: str, form: str) -> None:
    fields: dict[str, Any] = {"access_token": google.token()}
    if form == "files":
        fields = {"access_token": (None, fields["access_token"])}
    sent: dict[str, Any] = {form: fields}
    assert web.post(path, **sent).status_code == 201


def test_white_space_around_the_token_is_none_of_it(web: httpx2.Client, google: GoogleDouble) -> None:
    assert web.post(PATH, json={"access_token": f" {google.token()}\n"}).status_code == 201


def _bad_tokens(google: GoogleDouble) -> list[str]:
    return [
        "nonsense",
        "two words",
        "naïve",
        "x" * 5000,
        "a\u2028b",
        google.token(expires_in=-5),
        google.token(aud="another-product.apps.googleusercontent.com", azp=None),
        google.token(verified=False),
    ]


def test_every_refused_token_gets_one_answer(web: httpx2.Client, google: GoogleDouble) -> None:
    for token in _bad_tokens(google):
        answer = web.post(PATH, json={"access_token": token})
        assert (answer.status_code, answer.json()) == (400, REFUSED), token
        hold(answer)


def test_who_is_kept_out_stays_out(house: House, web: httpx2.Client, google: GoogleDouble) -> None:
    made = signed_in(web, google.token(sub="1003", email="gone@doe.example"))
    tenant = house.first.app.live
    user = house.run(_user(house, made["user"]["id"]))
    house.run(cast.deactivate(house.system.db, tenant, user))
    answer = web.post(PATH, json={"access_token": google.token(sub="1003", email="gone@doe.example")})
    assert (answer.status_code, answer.json()) == (400, REFUSED)


async def _user(house: House, number: int) -> Any:
    async with house.system.db.connection() as conn:
        return (await views.user_by_number(conn, house.first.app.live, number)).id


@pytest.mark.parametrize("outage", ["down", "html", "redirect"])
def test_while_google_is_away(
    web: httpx2.Client, google: GoogleDouble, outage: Outage, capfd: pytest.CaptureFixture[str]
) -> None:
    token = google.token()
    google.outage = outage
    try:
        answer = web.post(PATH, json={"access_token": token})
    finally:
        google.outage = None
    assert answer.status_code == 503
    assert hold(answer) == {"error": "Service unavailable", "detail": "Google cannot be reached"}
    assert answer.headers["retry-after"] == "5"
    logged = "".join(capfd.readouterr())
    assert "Google could not be asked" in logged
    assert token not in logged


def test_fields_that_are_wrong(web: httpx2.Client) -> None:
    for body, said in [
        ({}, "This field is required."),
        ({"access_token": None}, "This field may not be null."),
        ({"access_token": " "}, "This field may not be blank."),
        ({"access_token": ["x"]}, "Not a valid string."),
        ({"access_token": "a\x00b"}, "Null characters are not allowed."),
    ]:
        answer = web.post(PATH, json=body)
        assert (answer.status_code, hold(answer)) == (400, {"access_token": [said]})


def test_the_app_is_the_one_that_is_named(house: House, web: httpx2.Client, google: GoogleDouble) -> None:
    token = {"access_token": google.token(sub="1004", email="two@apps.example")}
    here = web.post(PATH, json=token)
    there = web.post(PATH, json=token, headers={"X-App": str(house.other.id)})
    tested = web.post(PATH, json=token, headers={"X-App": f"{house.first.app.id}:test"})
    assert [one.status_code for one in (here, there, tested)] == [201, 201, 201]
    assert there.json()["user"]["id"] == 1  # the other app's first
    assert tested.json()["user"] == here.json()["user"]  # one user in both modes
    # a token is good for its own app, and shows that one's user
    shown = web.get("/api/me/", headers=bearer(there.json()["access"])).json()
    assert shown["id"] == 1


@pytest.mark.parametrize(
    "name", ["nope", "3fa85f64-5717-4562-b3fc-2c963f66afa6", ":test", "x" * 5000, "\xe9"]
)
def test_an_app_that_is_not_there(web: httpx2.Client, google: GoogleDouble, name: str) -> None:
    answer = web.post(
        PATH, json={"access_token": google.token()}, headers=[(b"X-App", name.encode("latin-1"))]
    )
    assert answer.status_code == 400
    assert hold(answer) == {"error": "Unknown app", "detail": "X-App names no app of this server"}


def test_an_old_credential_does_not_matter(web: httpx2.Client, google: GoogleDouble) -> None:
    answer = web.post(PATH, json={"access_token": google.token()}, headers={"Authorization": "Bearer old"})
    assert answer.status_code == 201
