"""Asking Google whose a token is, against a Google of our own on a port."""

import logging
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from tallystick import wiring
from tallystick.config import Settings
from tallystick.domain.identity.google import GoogleDown, GooglePerson, GoogleRefused
from tallystick.gateways.google import Google
from tests.doubles.google import CLIENT_ID, GoogleDouble

pytestmark = pytest.mark.anyio

INVALID = "The token is not valid, or has expired."


@pytest.fixture
def google() -> Iterator[GoogleDouble]:
    with GoogleDouble() as double:
        yield double


@pytest.fixture
async def peer(google: GoogleDouble) -> AsyncIterator[Google]:
    made = Google(("another.apps.googleusercontent.com", CLIENT_ID), google.url, timeout=30)
    yield made
    await made.aclose()


async def refused(peer: Google, token: str) -> str:
    with pytest.raises(GoogleRefused) as fault:
        await peer.person(token)
    assert not token or token not in str(fault.value)
    assert fault.value.__cause__ is None
    return str(fault.value)


async def down(peer: Google, token: str) -> str:
    with pytest.raises(GoogleDown) as fault:
        await peer.person(token)
    assert token not in str(fault.value)
    assert fault.value.__cause__ is None
    return str(fault.value)


async def test_a_good_token_names_a_person(google: GoogleDouble, peer: Google) -> None:
    token = google.token(sub="1076915035", email="Ann@Acme.example", first_name="Ann", last_name="Åkerström")
    assert await peer.person(token) == GooglePerson("1076915035", "Ann@Acme.example", "Ann", "Åkerström")
    assert google.asked == ["/tokeninfo", "/v1/userinfo"]


@pytest.mark.parametrize(
    "values",
    [
        {"verified": "true"},
        {"aud": None},
        {"info": {"expires_in": 3599, "exp": None}},
        {"info": {"expires_in": None, "exp": 4102444800}},
        {"azp": "phone.apps.googleusercontent.com"},
        {"user": {"given_name": None, "family_name": None}},
    ],
)
async def test_forms_in_which_google_says_the_same(
    google: GoogleDouble, peer: Google, values: dict[str, Any]
) -> None:
    assert (await peer.person(google.token(**values))).email == "ann@acme.example"


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"aud": "evil.apps.googleusercontent.com"}, "The token was made out to another application."),
        ({"aud": None, "azp": None}, "The token was made out to another application."),
        ({"info": {"aud": [CLIENT_ID]}, "azp": None}, "The token was made out to another application."),
        ({"expires_in": -1}, INVALID),
        ({"info": {"expires_in": "0"}}, INVALID),
        ({"info": {"expires_in": None, "exp": "1700000000"}}, INVALID),
        ({"info": {"expires_in": None, "exp": None}}, INVALID),
        ({"info": {"expires_in": "soon", "exp": True}}, INVALID),
        ({"info": {"sub": "2"}}, "The token names somebody else."),
        ({"info": {"sub": None}}, "The token names somebody else."),
        ({"verified": False}, "Google has not verified the e-mail address."),
        ({"verified": "false"}, "Google has not verified the e-mail address."),
        ({"verified": 1}, "Google has not verified the e-mail address."),
        ({"verified": None}, "Google has not verified the e-mail address."),
        ({"email": None}, "The token does not tell an e-mail address."),
        ({"email": ""}, "The token does not tell an e-mail address."),
    ],
)
async def test_a_token_that_does_not_do_is_refused(
    google: GoogleDouble, peer: Google, values: dict[str, Any], text: str
) -> None:
    assert await refused(peer, google.token(**values)) == text


async def test_an_unknown_and_a_revoked_token_are_refused(google: GoogleDouble, peer: Google) -> None:
    assert await refused(peer, "ya29.nobodys") == INVALID
    token = google.token()
    google.revoke(token)
    assert await refused(peer, token) == INVALID


@pytest.mark.parametrize("token", ["", "a b", "a\r\nX-Evil: 1", "tökén", "\ud800", "\0", "x" * 4097])
async def test_what_is_no_token_is_not_asked_about(google: GoogleDouble, peer: Google, token: str) -> None:
    assert await refused(peer, token) == INVALID
    assert google.asked == []


async def test_a_token_of_another_application_goes_no_further(google: GoogleDouble, peer: Google) -> None:
    await refused(peer, google.token(aud="evil.apps.googleusercontent.com"))
    assert google.asked == ["/tokeninfo"]


@pytest.mark.parametrize("failing", ["/tokeninfo", "/v1/userinfo"])
@pytest.mark.parametrize(
    ("outage", "text"),
    [
        ("down", "Google failed (503)."),
        ("busy", "Google failed (429)."),
        ("redirect", "Google failed (302)."),
        ("html", "Google's answer is not what it documents."),
        ("list", "Google's answer is not what it documents."),
        ("huge", "Google's answer is too long."),
        ("cut", "Google could not be reached."),
    ],
)
async def test_days_on_which_google_fails(
    google: GoogleDouble, peer: Google, failing: str, outage: Any, text: str
) -> None:
    token = google.token()
    google.outage, google.failing = outage, failing
    assert await down(peer, token) == text
    assert "/elsewhere" not in google.asked
    google.outage = None
    assert (await peer.person(token)).email == "ann@acme.example"


async def test_a_google_that_does_not_answer_is_not_waited_for(google: GoogleDouble) -> None:
    google.outage = "slow"
    peer = Google((CLIENT_ID,), google.url, timeout=0.3)
    assert await down(peer, google.token()) == "Google did not answer in time."
    await peer.aclose()


async def test_a_google_that_is_not_there() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        peer = Google((CLIENT_ID,), f"http://127.0.0.1:{closed.getsockname()[1]}", timeout=30)
        assert await down(peer, "ya29.token") == "Google could not be reached."
        await peer.aclose()


@pytest.mark.parametrize("sub", ["", "x" * 256, "1\n", None, 7])
async def test_a_subject_that_is_none_is_no_answer(google: GoogleDouble, peer: Google, sub: Any) -> None:
    token = google.token(info={"sub": sub}, user={"sub": sub})
    assert await down(peer, token) == "Google's answer is not what it documents."


async def test_the_token_is_in_no_log(
    google: GoogleDouble, peer: Google, caplog: pytest.LogCaptureFixture
) -> None:
    token = google.token()
    with caplog.at_level(logging.INFO):
        await peer.person(token)
    assert token not in caplog.text


async def test_without_client_ids_there_is_no_google(google: GoogleDouble) -> None:
    async with wiring.google(Settings()) as nobody:
        assert nobody is None
    settings = Settings(google_client_ids=(CLIENT_ID,), google_url=google.url)
    async with wiring.google(settings) as peer:
        assert peer is not None
        assert (await peer.person(google.token())).first_name == "Ann"
