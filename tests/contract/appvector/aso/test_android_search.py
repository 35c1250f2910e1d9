"""POST /api/aso/android-search/"""

from typing import Any, Final

import pytest

from tests.contract.conformance.holding import hold
from tests.doubles.stores import Stores
from tests.doubles.stores.play import DETAILS, MORE, SEARCH
from tests.doubles.stores.printed import MESSAGING

from .conftest import Workspace

pytestmark = pytest.mark.holds("appvector", "POST /api/aso/android-search/")

WHAT: Final = "android-search"


def published(stores: Stores, keyword: str = "messaging") -> None:
    """The store has what the contract's example shows."""
    for hit in MESSAGING:
        stores.play.put(
            str(hit["appId"]),
            title=hit["title"],
            icon=hit.get("icon"),
            developer=hit["developer"],
            summary=hit["summary"],
            stars=hit["score"],
            installs=hit["installs"],
        )
    stores.play.finds(keyword, *(str(hit["appId"]) for hit in MESSAGING))


def test_the_published_example(work: Workspace, stores: Stores) -> None:
    published(stores)
    body = work.got(WHAT, {"keyword": "messaging", "country": "us", "language": "en"})
    assert body == {
        "keyword": "messaging",
        "country": "us",
        "language": "en",
        "results": MESSAGING,
        "count": 2,
    }
    assert list(body) == ["keyword", "country", "language", "results", "count"]
    assert [list(one) for one in body["results"]] == [list(one) for one in MESSAGING]
    assert isinstance(body["results"][0]["price"], int)
    assert work.spent() == (1, 1)


def test_what_it_costs_says_what_it_was(work: Workspace, stores: Stores) -> None:
    published(stores)
    work.got(WHAT, {"keyword": "messaging"})
    entries = work.entries()
    assert {row["credit_type"] for row in entries} == {"api_calls", "data_scrapes"}
    said = {"operation": "android_search", "keyword": "messaging", "country": "us", "language": "en"}
    for row in entries:
        assert (row["kind"], row["amount"], row["metadata"]) == ("capture", "-1", said)


def test_searches_are_not_cached(work: Workspace, stores: Stores) -> None:
    published(stores)
    before = stores.play.count(SEARCH)
    first, second = (work.got(WHAT, {"keyword": "messaging"}) for _ in range(2))
    assert first == second
    assert stores.play.count(SEARCH) == before + 2
    assert work.spent() == (2, 2)


def test_country_and_language(work: Workspace, stores: Stores) -> None:
    stores.play.put("com.example.deutsch", sold_in=("de",))
    stores.play.finds("nachrichten", "com.example.deutsch")
    body = work.got(WHAT, {"keyword": "nachrichten", "country": "DE", "language": "De"})
    assert (body["country"], body["language"], body["count"]) == ("de", "de", 1)
    assert {name: stores.play.asked[-1].query[name] for name in ("gl", "hl")} == {"gl": "de", "hl": "de"}
    assert work.got(WHAT, {"keyword": "nachrichten"})["results"] == []


def test_what_finds_nothing_is_an_answer(work: Workspace, stores: Stores) -> None:
    body = work.got(WHAT, {"keyword": "zzz nothing"})
    assert (body["results"], body["count"]) == ([], 0)
    assert work.spent() == (1, 1)


def test_at_most_250_in_the_stores_order(work: Workspace, stores: Stores) -> None:
    names = [f"com.example.many{n:03}" for n in range(300)]
    stores.play.finds("many", *names)
    # pages after the first do not tell installs: each app is looked up, and kept
    body = work.got(WHAT, {"keyword": "many"})
    assert [one["appId"] for one in body["results"]] == names[:250]
    assert body["count"] == 250
    assert {one["installs"] for one in body["results"]} == {"100,000+"}
    assert work.spent() == (1, 1), "however many requests that took"
    assert stores.play.count(MORE) > 0
    looked = stores.play.count(DETAILS)
    assert work.got(WHAT, {"keyword": "many"}) == body
    assert stores.play.count(DETAILS) == looked, "they were kept"


def test_keywords_are_kept_in_lower_case_and_counted(work: Workspace, stores: Stores) -> None:
    for keyword in ("Road  Maps", " road maps ", "ROAD MAPS"):
        assert work.got(WHAT, {"keyword": keyword})["keyword"] == keyword.strip()
    rows = work.api.get("/v2/app-stores/keywords", keyword="road maps").json()["data"]
    assert [(row["keyword"], row["searches"], row["platform"]) for row in rows] == [
        ("road maps", 3, "android")
    ]


def test_once_for_a_key(work: Workspace, stores: Stores) -> None:
    published(stores)
    first = work.ask(WHAT, {"keyword": "messaging"}, key="search-1")
    stores.play.fault = "down"
    again = work.ask(WHAT, {"keyword": "messaging"}, key="search-1")
    assert (first.status_code, again.status_code) == (200, 200)
    assert hold(again) == hold(first)
    assert again.content == first.content
    assert (first.headers.get("idempotent-replayed"), again.headers["idempotent-replayed"]) == (None, "true")
    assert work.spent() == (1, 1)
    other = work.ask(WHAT, {"keyword": "other"}, key="search-1")
    assert other.status_code == 422
    hold(other)
    assert work.spent() == (1, 1)


def test_a_failure_is_kept_under_no_key(work: Workspace, stores: Stores) -> None:
    published(stores)
    stores.play.fault = "status"
    failed = work.ask(WHAT, {"keyword": "messaging"}, key="search-2")
    assert (failed.status_code, hold(failed)) == (500, {"error": "Failed to search apps"})
    stores.play.fault = None
    assert work.got(WHAT, {"keyword": "messaging"}, key="search-2")["count"] == 2
    assert work.spent() == (1, 1)


REQUIRED: Final = ["This field is required."]
NO_MATCH: Final = ["This value does not match the required pattern."]


@pytest.mark.parametrize(
    ("said", "errors"),
    [
        ({}, {"keyword": REQUIRED}),
        ({"keyword": ""}, {"keyword": ["This field may not be blank."]}),
        ({"keyword": " \t"}, {"keyword": ["This field may not be blank."]}),
        ({"keyword": None}, {"keyword": ["This field may not be null."]}),
        ({"keyword": ["a"]}, {"keyword": ["Not a valid string."]}),
        ({"keyword": "a\0b"}, {"keyword": ["Null characters are not allowed."]}),
        ({"keyword": "x" * 201}, {"keyword": ["Ensure this field has no more than 200 characters."]}),
        ({"keyword": "x", "country": "usa"}, {"country": NO_MATCH}),
        ({"keyword": "x", "country": "u1"}, {"country": NO_MATCH}),
        ({"keyword": "x", "country": "ée"}, {"country": NO_MATCH}),
        ({"keyword": "x", "country": ""}, {"country": ["This field may not be blank."]}),
        ({"keyword": "x", "language": 5}, {"language": NO_MATCH}),
        ({"keyword": "x", "language": "en-US"}, {"language": NO_MATCH}),
        ({"country": "&q", "language": None},
         {"keyword": REQUIRED, "country": NO_MATCH, "language": ["This field may not be null."]}),
    ],
)  # fmt: skip
def test_bad_fields(work: Workspace, stores: Stores, said: Any, errors: dict[str, list[str]]) -> None:
    asked = stores.play.count()
    answer = work.ask(WHAT, said)
    assert (answer.status_code, hold(answer)) == (400, errors)
    assert stores.play.count() == asked
    assert work.entries() == []


@pytest.mark.parametrize(
    "keyword", ["../../x", "http://127.0.0.1:1/", "a&gl=xx#f", "@evil.example", "%0d%0aX:"]
)
def test_what_a_caller_says_leads_nowhere_else(work: Workspace, stores: Stores, keyword: str) -> None:
    work.got(WHAT, {"keyword": keyword})
    asked = stores.play.asked[-1]
    assert (asked.path, asked.query["q"], asked.query["gl"]) == (SEARCH, keyword, "us")


def test_control_characters_are_no_keyword(work: Workspace, stores: Stores) -> None:
    asked = stores.play.count()
    answer = work.ask(WHAT, {"keyword": "a\r\nHost: evil.example"})
    assert answer.status_code == 400
    assert list(hold(answer)) == ["keyword"]
    assert stores.play.count() == asked
