"""POST /api/aso/apple-search/"""

from typing import Any, Final

import pytest

from tests.contract.conformance.holding import hold
from tests.doubles.stores import Stores
from tests.doubles.stores.printed import MESSAGING_APPLE

from .conftest import Workspace

pytestmark = pytest.mark.holds("appvector", "POST /api/aso/apple-search/")

WHAT: Final = "apple-search"


def published(stores: Stores) -> None:
    """The store has what the contract's example shows."""
    for hit in MESSAGING_APPLE:
        stores.apple.put(
            hit["id"],
            trackName=hit["title"],
            bundleId=hit["appId"],
            trackViewUrl=hit["url"],
            artistName=hit["developer"],
            averageUserRating=hit["score"] + 0.001,
            userRatingCount=hit["reviews"],
            price=0.0,
            version=hit["version"],
            minimumOsVersion=hit["requiredOsVersion"],
        )
    stores.apple.finds("messaging", *(hit["id"] for hit in MESSAGING_APPLE))


def test_the_published_example(work: Workspace, stores: Stores) -> None:
    published(stores)
    body = work.got(WHAT, {"keyword": "messaging", "country": "us", "language": "en"})
    assert body == {
        "keyword": "messaging",
        "country": "us",
        "language": "en",
        "results": MESSAGING_APPLE,
        "count": 2,
    }
    assert list(body) == ["keyword", "country", "language", "results", "count"]
    assert [list(one) for one in body["results"]] == [list(one) for one in MESSAGING_APPLE]
    assert isinstance(body["results"][0]["price"], int)
    assert work.spent() == (1, 1)
    said = {"operation": "apple_search", "keyword": "messaging", "country": "us", "language": "en"}
    assert [row["metadata"] for row in work.entries()] == [said, said]


def test_country_and_language(work: Workspace, stores: Stores) -> None:
    stores.apple.put(77, sold_in=("de",))
    stores.apple.finds("nachrichten", 77)
    body = work.got(WHAT, {"keyword": "nachrichten", "country": "DE", "language": "DE"})
    assert (body["country"], body["language"], body["count"]) == ("de", "de", 1)
    assert stores.apple.asked[-1].query["country"].lower() == "de"
    assert work.got(WHAT, {"keyword": "nachrichten", "language": "de"})["results"] == []


def test_what_is_no_app_is_left_out(work: Workspace, stores: Stores) -> None:
    stores.apple.put(78, wrapperType="track", kind="song")
    stores.apple.put(79)
    stores.apple.finds("songs", 78, 79)
    assert [one["id"] for one in work.got(WHAT, {"keyword": "songs"})["results"]] == [79]


def test_a_foreign_address_is_not_passed_on(work: Workspace, stores: Stores) -> None:
    for address in (
        "javascript:alert(1)",
        "http://apps.apple.com/us/app/id80",
        "https://apple.com.evil.example/",
    ):
        stores.apple.put(80, trackViewUrl=address)
        stores.apple.finds("foreign", 80)
        [one] = work.got(WHAT, {"keyword": "foreign"})["results"]
        assert one["url"].startswith("https://apps.apple.com/")


def test_keywords_are_counted_apart_from_androids(work: Workspace, stores: Stores) -> None:
    for what in (WHAT, WHAT, "android-search"):
        work.got(what, {"keyword": "Apart"})
    rows = work.api.get("/v2/app-stores/keywords", keyword="apart").json()["data"]
    assert {row["platform"]: row["searches"] for row in rows} == {"apple": 2, "android": 1}


@pytest.mark.parametrize(
    ("said", "errors"),
    [
        ({}, {"keyword": ["This field is required."]}),
        ({"keyword": "  "}, {"keyword": ["This field may not be blank."]}),
        ({"keyword": "x", "country": "u"}, {"country": ["This value does not match the required pattern."]}),
        ([], {"non_field_errors": ["Invalid data. Expected a dictionary, but got list."]}),
    ],
)
def test_bad_fields(work: Workspace, stores: Stores, said: Any, errors: dict[str, list[str]]) -> None:
    answer = work.ask(WHAT, said)
    assert (answer.status_code, hold(answer)) == (400, errors)
    assert work.entries() == []
