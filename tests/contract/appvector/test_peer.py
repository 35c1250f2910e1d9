"""POST /api/auth/google/ with the tokens of an OpenID Connect provider that is not ours."""

import os
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.contract.conformance.holding import hold
from tests.contract.served import House, housed
from tests.doubles.peer import Peer

from .conftest import bearer, signed_in

pytestmark = pytest.mark.holds("appvector", "POST /api/auth/google/", "GET /api/me/")

OURS, ANOTHERS = "ours.apps.googleusercontent.com", "anothers.apps.googleusercontent.com"
PEOPLE = {"ada@peer.example": "Ada Lovelace", "blaise@peer.example": "Blaise Pascal"}


@pytest.fixture(scope="module")
def peer() -> Iterator[Peer]:
    with Peer((OURS, ANOTHERS), PEOPLE) as peer:
        yield peer


@pytest.fixture(scope="module")
def house(server: Any, template: str, peer: Peer) -> Iterator[House]:
    name = f"tallystick_peer_{os.getpid()}"
    with housed(server, template, name, google_url=peer.url, google_client_ids=(OURS,)) as house:
        yield house


def test_who_signed_in_there_is_signed_in_here(web: httpx2.Client, peer: Peer) -> None:
    done = signed_in(web, peer.sign_in("ada@peer.example", OURS))
    said = done["user"]
    assert said | {"id": 1} == {
        "id": 1,
        "email": "ada@peer.example",
        "first_name": "Ada",
        "last_name": "Lovelace",
    }
    me = hold(web.get("/api/me/", headers=bearer(done["access"])))
    assert me | {"date_joined": ""} == {**said, "date_joined": ""}


def test_the_same_person_is_the_same_user(web: httpx2.Client, peer: Peer) -> None:
    first, again = (signed_in(web, peer.sign_in("blaise@peer.example", OURS)) for _ in range(2))
    assert again["user"] == first["user"]


def test_a_token_of_another_product_signs_nobody_in(web: httpx2.Client, peer: Peer) -> None:
    token = peer.sign_in("ada@peer.example", ANOTHERS)
    answer = web.post("/api/auth/google/", json={"access_token": token})
    assert answer.status_code == 400
    assert hold(answer) == {"error": "Invalid token", "detail": "The token is invalid or has expired"}


def test_a_token_that_was_never_given_out_signs_nobody_in(web: httpx2.Client, peer: Peer) -> None:
    answer = web.post("/api/auth/google/", json={"access_token": "google_made-up"})
    assert answer.status_code == 400
    assert hold(answer) == {"error": "Invalid token", "detail": "The token is invalid or has expired"}
