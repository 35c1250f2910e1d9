"""Cross-origin requests: what a browser is told, by CORS_ALLOWED_ORIGINS, and what it is never told."""

import os
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.clients import http_client

from .served import House, housed

SHOP = "https://shop.example"
ALLOWED = ("http://localhost:3000", SHOP)
HEADERS = "Authorization, Content-Type, Idempotency-Key, X-App, X-Account, Accept"
EXPOSED = "Idempotent-Replayed, Retry-After, WWW-Authenticate"
METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
ADDRESSES = [
    "/v2/debits",
    "/api/me/",
    "/api/me",
    "/api/auth/google/",
    "/auth/account/credits",
    "/v1/nothing/here/",
]


@pytest.fixture(scope="module")
def house(server: Any, template: str) -> Iterator[House]:
    with housed(server, template, f"tallystick_cors_{os.getpid()}", cors_allowed_origins=ALLOWED) as house:
        yield house


@pytest.fixture
def web(house: House) -> Iterator[httpx2.Client]:
    with http_client(house.url) as client:
        yield client


def told(answer: httpx2.Response) -> dict[str, str]:
    """What the answer says of origins."""
    return {
        name.removeprefix("access-control-"): value
        for name, value in answer.headers.items()
        if name.startswith("access-control-")
    }


def preflight(
    web: httpx2.Client, path: str, origin: str, headers: str = "authorization,content-type"
) -> httpx2.Response:
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": headers,
    }
    return web.options(path, headers=asked)


@pytest.mark.parametrize("path", ADDRESSES)
@pytest.mark.parametrize("origin", ALLOWED)
def test_a_preflight(web: httpx2.Client, path: str, origin: str) -> None:
    answer = preflight(web, path, origin)
    assert answer.status_code == 204
    assert answer.headers["vary"] == "Origin"
    assert told(answer) == {
        "allow-origin": origin,
        "allow-methods": METHODS,
        "allow-headers": HEADERS,
        "max-age": "3600",
    }


@pytest.mark.parametrize(
    "path", ["/v2/accounts", "/api/me/", "/v2/nothing/here", "/auth/account/credits", "/healthz"]
)
def test_an_answer(web: httpx2.Client, path: str) -> None:
    answer = web.get(path, headers={"Origin": SHOP})
    assert answer.status_code in (200, 401, 404)  # errors too: a page wants to read them
    assert answer.headers["vary"] == "Origin"
    assert told(answer) == {"allow-origin": SHOP, "expose-headers": EXPOSED}


def test_hot_answers_too(house: House, web: httpx2.Client) -> None:
    with house.client("admin") as api:
        account = api.funded(5)
        answer = api.http.post("/v2/debits", json={"account": account, "amount": 1}, headers={"Origin": SHOP})
        too_much = api.http.post("/v2/debits", content=b"x" * 2_000_000, headers={"Origin": SHOP})
    assert (answer.status_code, told(answer)["allow-origin"]) == (201, SHOP)
    assert (too_much.status_code, told(too_much)["allow-origin"]) == (413, SHOP)


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "",
        "*",
        "http://shop.example",
        SHOP + ".evil.example",
        SHOP + ":8443",
        SHOP + "/",
    ],
)
def test_other_origins_are_told_nothing(web: httpx2.Client, origin: str) -> None:
    for answer in (preflight(web, "/api/me/", origin), web.get("/api/me/", headers={"Origin": origin})):
        assert told(answer) == {}
        assert answer.headers["vary"] == "Origin"  # lest a cache give this answer to one that is listed
        assert answer.status_code in (204, 401)  # the request itself is answered as ever


@pytest.mark.parametrize("path", ["/pay/a/b", "/portal", "/portal/x", "/password/x", "/webhooks/stripe"])
def test_our_own_pages_are_for_no_other_site(web: httpx2.Client, path: str) -> None:
    for answer in (preflight(web, path, SHOP), web.get(path, headers={"Origin": SHOP})):
        assert told(answer) == {}
        assert "vary" not in answer.headers


def test_without_an_origin_nothing_is_said(web: httpx2.Client) -> None:
    for answer in (web.options("/api/me/"), web.get("/api/me/")):
        assert told(answer) == {}
        assert answer.headers["vary"] == "Origin"  # lest a cache give this answer to a page that is listed


def test_credentials_mode_is_never_allowed(web: httpx2.Client) -> None:
    for answer in (preflight(web, "/api/me/", SHOP), web.get("/api/me/", headers={"Origin": SHOP})):
        assert "access-control-allow-credentials" not in answer.headers


def test_options_that_are_no_preflight(web: httpx2.Client) -> None:
    answer = web.options("/api/me/", headers={"Origin": SHOP})
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS"
    assert told(answer) == {"allow-origin": SHOP, "expose-headers": EXPOSED}


def test_any_origin(server: Any, template: str) -> None:
    name = f"tallystick_cors_any_{os.getpid()}"
    with (
        housed(server, template, name, cors_allowed_origins=("*",)) as house,
        http_client(house.url) as web,
    ):
        answer = preflight(web, "/api/me/", "https://whoever.example")
        assert told(answer)["allow-origin"] == "*"
        assert "vary" not in answer.headers
        assert told(preflight(web, "/portal", "https://whoever.example")) == {}


def test_by_default_nobody_is_allowed(server: Any, template: str) -> None:
    with (
        housed(server, template, f"tallystick_cors_none_{os.getpid()}") as house,
        http_client(house.url) as web,
    ):
        assert told(preflight(web, "/api/me/", SHOP)) == {}
        assert told(web.get("/api/me/", headers={"Origin": SHOP})) == {}
