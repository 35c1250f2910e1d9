"""The document's snippets of the app stores, word for word but for the base address and the token."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract import snippets
from tests.contract.conformance.tiers import ANDROID, APPLE
from tests.contract.igny8.shops import Shop, shop
from tests.contract.served import House

from .store_snippets import ANDROID_SEARCH, APPLE_SEARCH

pytestmark = pytest.mark.holds("appvector", "POST /api/aso/android-search/", "POST /api/aso/apple-search/")


@pytest.fixture
def given(house: House) -> Iterator[dict[str, str]]:
    """What the snippets take as given: the access token of somebody whose workspace has credits."""
    here = shop(house)
    yield {name: _token(here) for name in ("accessToken", "access_token", "ACCESS_TOKEN")}
    with here.admin() as api:
        wallets = api.get(f"/v2/accounts/{here.id}/balance").json()["balances"]
    assert {one["credit_type"]: one["available"] for one in wallets} == {
        "api_calls": "9",
        "data_scrapes": "9",
    }


def _token(here: Shop) -> str:
    with here.admin() as api:
        for code in ("api_calls", "data_scrapes"):
            assert api.send("PUT", "/v2/credit-types", {"code": code, "name": code}).status_code == 200
            if not api.get(f"/v2/accounts/{here.id}/grants", credit_type=code).json()["data"]:
                api.grant(here.id, 10, credit_type=code)
    return here.token(here.user())


@pytest.mark.parametrize("language", snippets.LANGUAGES)
def test_searching_google_play(house: House, given: dict[str, str], language: str) -> None:
    said = snippets.run(language, ANDROID_SEARCH[language], house.url, given, "data")
    asked_for(said)
    assert [one["appId"] for one in said["results"]] == ["com.google.android.apps.messaging", ANDROID]
    [first, second] = said["results"]
    assert (first["title"], first["score"], first["installs"]) == ("Google Messages", 4.57, "5,000,000,000+")
    assert first["url"] == f"https://play.google.com/store/apps/details?id={first['appId']}"
    assert (second["title"], second["price"], second["free"]) == ("WhatsApp Messenger", 0, True)


@pytest.mark.parametrize("language", snippets.LANGUAGES)
def test_searching_the_app_store(house: House, given: dict[str, str], language: str) -> None:
    said = snippets.run(language, APPLE_SEARCH[language], house.url, given, "data")
    asked_for(said)
    first = said["results"][0]
    assert (first["id"], first["appId"]) == (APPLE, "net.whatsapp.WhatsApp")
    assert (first["version"], first["requiredOsVersion"]) == ("25.30.73", "15.1")
    assert (first["score"], first["reviews"]) == (4.63, 7203977)


def asked_for(said: dict[str, Any]) -> None:
    asked = {name: said[name] for name in ("keyword", "country", "language")}
    assert asked == {"keyword": "messaging", "country": "us", "language": "en"}
    assert said["count"] == len(said["results"]) == 2
