"""What holds for every address of the contract: slashes, methods, sizes, outages, many at once."""

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from tests.clients import http_client
from tests.contract.conformance.holding import hold
from tests.contract.served import House, housed
from tests.doubles.google import GoogleDouble

from .conftest import bearer, signed_in

pytestmark = pytest.mark.holds(
    "appvector", "POST /api/auth/google/", "POST /api/token/refresh/", "GET /api/me/"
)

SIGN_IN, REFRESH, ME = "/api/auth/google/", "/api/token/refresh/", "/api/me/"


@pytest.mark.parametrize("path", [SIGN_IN, REFRESH, SIGN_IN[:-1], REFRESH[:-1]])
def test_other_methods(web: httpx2.Client, path: str) -> None:
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        answer = web.request(method, path)
        assert (answer.status_code, answer.json()) == (405, {"detail": f'Method "{method}" not allowed.'})
        assert answer.headers["allow"] == "OPTIONS, POST"


def test_the_credential_is_looked_at_before_the_method(web: httpx2.Client, ann: dict[str, Any]) -> None:
    assert web.delete(ME).json() == {"detail": "Authentication credentials were not provided."}
    answer = web.delete(ME, headers=bearer(ann["access"]))
    assert (answer.status_code, answer.json()) == (405, {"detail": 'Method "DELETE" not allowed.'})
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS"


def test_nothing_here(web: httpx2.Client) -> None:
    for path in ("/api/me/x", "/api/auth/", "/api/token", "/api/me//"):
        answer = web.get(path)
        assert (answer.status_code, answer.json()) == (404, {"detail": "Not found."}), path


def test_a_body_that_is_too_large(web: httpx2.Client) -> None:
    answer = web.post(REFRESH, content=b"x" * (2**20 + 1))
    assert (answer.status_code, hold(answer)) == (413, {"detail": "A body here is at most 1048576 bytes."})


def test_a_card_number_is_refused(web: httpx2.Client) -> None:
    answer = web.post(REFRESH, json={"refresh": "4242 4242 4242 4242"})
    assert answer.status_code == 400
    assert list(hold(answer)) == ["detail"]
    assert "4242" not in answer.text


def test_a_token_reads_in_no_other_scheme(web: httpx2.Client, ann: dict[str, Any]) -> None:
    for scheme in ("bearer", "JWT", "Token"):
        answer = web.get(ME, headers={"Authorization": f"{scheme} {ann['access']}"})
        assert (answer.status_code, answer.json()) == (
            401,
            {"detail": "Authentication credentials were not provided."},
        )


def test_two_credentials_are_none(web: httpx2.Client, ann: dict[str, Any]) -> None:
    header = (b"Authorization", f"Bearer {ann['access']}".encode())
    answer = web.get(ME, headers=[header, header])
    assert (answer.status_code, answer.json()) == (
        401,
        {"detail": "Authentication credentials were not provided."},
    )


def test_many_first_sign_ins_at_once(house: House, web: httpx2.Client, google: GoogleDouble) -> None:
    given = [google.token(sub="3001", email="crowd@doe.example") for _ in range(16)]
    with ThreadPoolExecutor(16) as pool:
        made = list(pool.map(lambda token: signed_in(web, token), given))
    assert len({one["user"]["id"] for one in made}) == 1
    with house.client("admin") as api:
        accounts = api.get("/v2/accounts", limit=100).json()["data"]
    assert [one["email"] for one in accounts].count("crowd@doe.example") == 1


def test_many_refreshes_at_once(web: httpx2.Client, ann: dict[str, Any]) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: web.post(REFRESH, json={"refresh": ann["refresh"]}), range(16)))
    assert {one.status_code for one in answers} == {200}


def test_while_the_database_is_away(house: House, web: httpx2.Client, google: GoogleDouble) -> None:
    made, token = signed_in(web, google.token()), google.token()
    with house.without_database():
        for answer in (
            web.get(ME, headers=bearer(made["access"])),
            web.post(REFRESH, json={"refresh": made["refresh"]}),
            web.post(SIGN_IN, json={"access_token": token}),
        ):
            assert answer.status_code == 503, answer.text
            assert list(hold(answer)) == ["detail"]
            assert int(answer.headers["retry-after"]) >= 1
    assert web.get(ME, headers=bearer(made["access"])).status_code == 200


def test_without_google(server: Any, template: str) -> None:
    with (
        housed(server, template, f"tallystick_no_google_{os.getpid()}") as house,
        http_client(house.url) as web,
    ):
        answer = web.post(SIGN_IN, json={"access_token": "ya29.x"})
        assert answer.status_code == 503
        assert hold(answer) == {
            "error": "Service unavailable",
            "detail": "Google sign-in is not set up on this server",
        }


def test_the_explorer_shows_this_contract_first(web: httpx2.Client) -> None:
    page = web.get("/api/docs/")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert web.get("/api/docs").content == page.content
    assert page.content == web.get("/docs").content.replace(b"/docs/start.js", b"/api/docs/start.js")
    ours = '{ title: "AppVector contract", url: "/api/auth/openapi.yaml"'
    start = web.get("/api/docs/start.js").text
    assert start.count("default: true") == 1
    assert f"{ours}, default: true }}" in start
    assert start.replace(", default: true", "") == web.get("/docs/start.js").text
    assert web.post("/api/docs/").status_code == 405
