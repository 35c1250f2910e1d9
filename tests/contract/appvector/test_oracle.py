"""The running server against the framework itself: bad requests are answered alike, by status and body."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.clients import http_client
from tests.contract.served import House
from tests.doubles import drf
from tests.doubles.drf import Answer
from tests.unit.http import drf_payloads as sent

pytestmark = pytest.mark.holds(
    "appvector", "POST /api/auth/google/", "POST /api/token/refresh/", "GET /api/me/"
)

SIGN_IN, REFRESH, ME = "/api/auth/google/", "/api/token/refresh/", "/api/me/"
JSON = "application/json"
TOKENS = st.sampled_from(
    ["x", "a.b.c", "..", "eyJhbGciOiJub25lIn0.e30.", "eyJhbGciOiJIUzI1NiJ9.e30.AAAA", "9" * 3000]
) | st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=30)
SCHEMES = st.sampled_from(["Bearer", "bearer", "BEARER", "Token", "Basic", "JWT", "Bearer,", ""])
HEADERS = st.builds(
    lambda scheme, parts, gap: (scheme + gap + gap.join(parts)).strip(),
    SCHEMES,
    st.lists(TOKENS, max_size=3),
    st.sampled_from([" ", "  ", "\t"]),
)
METHODS = st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "PROPFIND"])


@pytest.fixture(scope="module")
def client(house: House) -> Iterator[httpx2.Client]:
    with http_client(house.url) as client:
        yield client


def same(
    client: httpx2.Client,
    method: str,
    path: str,
    body: bytes = b"",
    media: str | None = None,
    authorization: str | None = None,
) -> None:
    media = None if media is None else media.strip()  # no client sends white space around it
    oracle = drf.normal(drf.ask(method, path, body, media, authorization))
    headers = [] if media is None else [(b"content-type", media.encode())]
    if authorization is not None:
        headers.append((b"authorization", authorization.encode("latin-1")))
    answer = client.request(method, quote(path), content=body, headers=headers)
    ours = Answer(answer.status_code, answer.json(), answer.headers.get("www-authenticate"))
    if oracle.status == 500 or not isinstance(oracle.body, dict):
        assert ours.status in (400, 415), (ours, oracle)  # the framework failed, or said it in a page
    else:
        assert ours == oracle


@settings(max_examples=40)
@given(sent.VALUES, st.sampled_from([(SIGN_IN, "access_token"), (REFRESH, "refresh")]))
@example({}, (SIGN_IN, "access_token"))
def test_fields(client: httpx2.Client, value: Any, where: tuple[str, str]) -> None:
    path, field = where
    same(client, "POST", path, sent.json_of({field: value}), JSON)


@settings(max_examples=25)
@given(sent.PAYLOADS, st.sampled_from([SIGN_IN, REFRESH]))
def test_payloads(client: httpx2.Client, payload: Any, path: str) -> None:
    same(client, "POST", path, sent.json_of(payload), JSON)


@settings(max_examples=30)
@given(sent.MEDIA, sent.BROKEN, st.sampled_from([SIGN_IN, REFRESH]))
def test_bodies(client: httpx2.Client, media: str, body: bytes, path: str) -> None:
    same(client, "POST", path, body, media)


@settings(max_examples=40)
@given(HEADERS)
@example("Bearer")
@example("Bearer a b")
@example("Bearer\tx")
@example("Bearer\xa0x")
@example("")
def test_credentials(client: httpx2.Client, header: str) -> None:
    same(client, "GET", ME, authorization=header)


@settings(max_examples=25)
@given(METHODS, st.sampled_from([SIGN_IN, REFRESH, ME]), st.sampled_from([None, "Bearer x", "Basic x"]))
def test_methods(client: httpx2.Client, method: str, path: str, authorization: str | None) -> None:
    same(client, method, path, authorization=authorization)


@settings(max_examples=15)
@given(
    METHODS,
    st.sampled_from(["/api/auth/", "/api/token/", "/api/me/"]),
    st.text(st.characters(codec="utf-8", categories=["L", "N", "S"]), min_size=1, max_size=9),
)
def test_addresses_that_are_none(client: httpx2.Client, method: str, start: str, rest: str) -> None:
    if (start + rest + "/") not in (SIGN_IN, REFRESH):
        same(client, method, f"{start}{rest}/")


MANY = settings(max_examples=3_000, derandomize=False)


@pytest.mark.long
@pytest.mark.timeout(1800)
@MANY
@given(sent.VALUES, st.sampled_from([(SIGN_IN, "access_token"), (REFRESH, "refresh")]))
def test_many_fields(client: httpx2.Client, value: Any, where: tuple[str, str]) -> None:
    path, field = where
    same(client, "POST", path, sent.json_of({field: value}), JSON)


@pytest.mark.long
@pytest.mark.timeout(1800)
@MANY
@given(sent.MEDIA, sent.BROKEN, st.sampled_from([SIGN_IN, REFRESH]))
def test_many_bodies(client: httpx2.Client, media: str, body: bytes, path: str) -> None:
    same(client, "POST", path, body, media)


@pytest.mark.long
@pytest.mark.timeout(1800)
@MANY
@given(HEADERS)
def test_many_credentials(client: httpx2.Client, header: str) -> None:
    same(client, "GET", ME, authorization=header)
