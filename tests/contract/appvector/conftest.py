"""A server where people sign in with Google, and Google itself; and the two stores, which it asks about apps."""

import itertools
import os
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.clients import http_client
from tests.contract.conformance.tiers import SITE, stock
from tests.contract.served import House, housed
from tests.doubles.google import GoogleDouble
from tests.doubles.stores import Stores
from tests.doubles.stripe import StripeDouble

_numbers = itertools.count(1)


@pytest.fixture(scope="package")
def google() -> Iterator[GoogleDouble]:
    with GoogleDouble() as google:
        yield google


@pytest.fixture(scope="package")
def _shelf() -> Iterator[Stores]:
    with Stores() as stores:
        stock(stores)
        yield stores


@pytest.fixture(scope="package")
def house(server: Any, template: str, google: GoogleDouble, _shelf: Stores) -> Iterator[House]:
    """The package's server. The document's site is among those that may call it, and be come back to."""
    name = f"tallystick_appvector_{os.getpid()}_{next(_numbers)}"
    ours = {"google_url": google.url, "google_client_ids": (google.client_id,)}
    with housed(server, template, name, cors_allowed_origins=(SITE,), **ours, **_shelf.settings) as house:
        yield house


@pytest.fixture(scope="module")
def stripe() -> Iterator[StripeDouble]:
    """A Stripe of the module's own, for a server that takes payments with it."""
    with StripeDouble() as stripe:
        yield stripe


@pytest.fixture
def web(house: House) -> Iterator[httpx2.Client]:
    """A client without a credential."""
    with http_client(house.url) as client:
        yield client


@pytest.fixture
def ann(web: httpx2.Client, google: GoogleDouble) -> dict[str, Any]:
    """Ann, signed in: ``access``, ``refresh`` and ``user``."""
    return signed_in(web, google.token())


def signed_in(web: httpx2.Client, token: str) -> dict[str, Any]:
    answer = web.post("/api/auth/google/", json={"access_token": token})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
