"""POST /api/aso/android-details/"""

from typing import Any, Final

import pytest

from tests.contract.conformance.holding import hold
from tests.contract.served import Api, House
from tests.doubles.stores import Stores
from tests.doubles.stores.play import DETAILS
from tests.doubles.stores.printed import WHATSAPP

from .conftest import Workspace, advance, post, workspace

pytestmark = pytest.mark.holds("appvector", "POST /api/aso/android-details/")

WHAT: Final = "android-details"


def whatsapp(stores: Stores, app_id: str = "com.whatsapp", **values: Any) -> None:
    """The store has what the contract's example shows."""
    told = {
        "title": WHATSAPP["title"],
        "stars": 4.391,
        "ratings": WHATSAPP["ratings"],
        "installs": WHATSAPP["installs"],
        "developer": WHATSAPP["developer"],
        "genre": WHATSAPP["genre"],
        "version": WHATSAPP["version"],
        "android": None,
    }
    stores.play.put(app_id, **told | values)


def test_the_published_example(work: Workspace, stores: Stores) -> None:
    whatsapp(stores)
    asked = {"app_id": "com.whatsapp", "country": "us", "language": "en", "force_refresh": False}
    body = work.got(WHAT, asked)
    assert list(body) == ["success", "app_id", "country", "language", "data"]
    data = body.pop("data")
    assert body == {"success": True, "app_id": "com.whatsapp", "country": "us", "language": "en"}
    assert {name: data[name] for name in WHATSAPP} == WHATSAPP
    assert list(data)[: len(WHATSAPP)] == list(WHATSAPP)
    assert isinstance(data["price"], int)
    assert work.spent() == (1, 1)
    said = {"operation": "android_app_fetch", "app_id": "com.whatsapp", "country": "us", "language": "en"}
    assert [row["metadata"] for row in work.entries()] == [said, said]


def test_cached_without_the_store(work: Workspace, stores: Stores) -> None:
    whatsapp(stores, "com.example.cached")
    first = work.got(WHAT, {"app_id": "com.example.cached"})
    asked = stores.play.count(DETAILS)
    stores.play.fault = "down"
    assert work.got(WHAT, {"app_id": "com.example.cached", "country": "US"}) == first
    assert stores.play.count(DETAILS) == asked
    assert work.spent() == (2, 1)
    newest = work.entries()[0]
    assert (newest["kind"], newest["credit_type"], newest["amount"]) == ("debit", "api_calls", "-1")
    assert newest["metadata"]["operation"] == "android_app_fetch"


def test_one_cache_for_the_tenants_workspaces_and_none_for_others(
    house: House, api: Api, stranger: Api, work: Workspace, stores: Stores
) -> None:
    whatsapp(stores, "com.example.shared")
    other = workspace(house, api)
    work.got(WHAT, {"app_id": "com.example.shared"})
    other.got(WHAT, {"app_id": "com.example.shared"})
    assert (work.spent(), other.spent()) == ((1, 1), (1, 0))
    account = stranger.funded(5)
    said = {"app_id": "com.example.shared", "workspace_id": account}
    answer = post(stranger, "android-details", said)
    assert answer.status_code == 402, "another tenant's credits, of other types"
    assert hold(answer)["remaining"] == 0


def test_countries_and_languages_are_apart(work: Workspace, stores: Stores) -> None:
    whatsapp(stores, "com.example.places")
    for country, language in (("us", "en"), ("de", "en"), ("us", "de")):
        body = work.got(WHAT, {"app_id": "com.example.places", "country": country, "language": language})
        assert (body["country"], body["language"]) == (country, language)
        query = stores.play.asked[-1].query
        assert (query["gl"], query["hl"]) == (country, language)
    assert work.spent() == (3, 3)


def test_fetched_again_when_it_is_forced(work: Workspace, stores: Stores) -> None:
    whatsapp(stores, "com.example.forced", version="1.0")
    work.got(WHAT, {"app_id": "com.example.forced"})
    whatsapp(stores, "com.example.forced", version="2.0")
    assert work.got(WHAT, {"app_id": "com.example.forced"})["data"]["version"] == "1.0"
    assert work.got(WHAT, {"app_id": "com.example.forced", "force_refresh": True})["data"]["version"] == "2.0"
    # what is remembered is the newer one at once
    assert work.got(WHAT, {"app_id": "com.example.forced", "force_refresh": "no"})["data"]["version"] == "2.0"
    assert work.spent() == (4, 2)


def test_good_for_seven_days(house: House, test_mode: Api, stores: Stores) -> None:
    work = workspace(house, test_mode, test=True)
    whatsapp(stores, "com.example.week", version="1.0")
    work.got(WHAT, {"app_id": "com.example.week"})
    whatsapp(stores, "com.example.week", version="2.0")
    advance(test_mode, days=6, hours=23)
    assert work.got(WHAT, {"app_id": "com.example.week"})["data"]["version"] == "1.0"
    advance(test_mode, hours=2)
    assert work.got(WHAT, {"app_id": "com.example.week"})["data"]["version"] == "2.0"
    assert work.spent() == (3, 2)


def test_an_unknown_app_costs_nothing(work: Workspace, stores: Stores) -> None:
    for _ in range(2):
        answer = work.ask(WHAT, {"app_id": "com.example.nowhere"})
        assert (answer.status_code, hold(answer)) == (404, {"error": "App not found"})
    whatsapp(stores, "com.example.german", sold_in=("de",))
    assert work.ask(WHAT, {"app_id": "com.example.german"}).status_code == 404
    assert work.entries() == []
    assert work.spent() == (0, 0)
    assert work.got(WHAT, {"app_id": "com.example.german", "country": "de"})["success"] is True


def test_too_few_credits_before_anything_is_fetched(house: House, api: Api, stores: Stores) -> None:
    whatsapp(stores, "com.example.poor")
    asked = stores.play.count()
    for calls, scrapes in ((0, 5), (5, 0), (0, 0)):
        poor = workspace(house, api, calls=calls, scrapes=scrapes)
        answer = poor.ask(WHAT, {"app_id": "com.example.poor"})
        assert answer.status_code == 402
        body = hold(answer)
        assert (body["error"], body["remaining"]) == ("Insufficient credits", 0)
        assert poor.entries() == []
        assert poor.held() == (0, 0)
    assert stores.play.count() == asked
    # what is cached needs no data_scrapes
    workspace(house, api).got(WHAT, {"app_id": "com.example.poor"})
    one = workspace(house, api, calls=1, scrapes=0)
    one.got(WHAT, {"app_id": "com.example.poor"})
    answer = one.ask(WHAT, {"app_id": "com.example.poor"})
    assert (answer.status_code, hold(answer)["remaining"]) == (402, 0)


def test_once_for_a_key(work: Workspace, stores: Stores) -> None:
    whatsapp(stores, "com.example.key")
    said = {"app_id": "com.example.key", "force_refresh": True}
    first, again = (work.ask(WHAT, said, key="details-1") for _ in range(2))
    assert (first.status_code, again.status_code) == (200, 200)
    assert hold(again) == hold(first)
    assert again.content == first.content
    assert again.headers["idempotent-replayed"] == "true"
    assert stores.play.count(DETAILS)
    assert work.spent() == (1, 1)
    other = work.ask(WHAT, said | {"country": "de"}, key="details-1")
    assert other.status_code == 422
    hold(other)
    # a key is one workspace's, and one contract's
    assert work.ask("apple-details", {"app_id": "310633997"}, key="details-1").status_code == 422
    assert work.spent() == (1, 1)
    bad = work.ask(WHAT, said, key="x" * 256)
    assert (bad.status_code, list(hold(bad))) == (400, ["Idempotency-Key"])


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({}, "app_id"),
        ({"app_id": ""}, "app_id"),
        ({"app_id": None}, "app_id"),
        ({"app_id": {"a": 1}}, "app_id"),
        ({"app_id": "whatsapp"}, "app_id"),
        ({"app_id": "../../etc/passwd"}, "app_id"),
        ({"app_id": "com.whatsapp&gl=xx"}, "app_id"),
        ({"app_id": "com.whatsapp\r\nHost: evil.example"}, "app_id"),
        ({"app_id": "http://127.0.0.1/"}, "app_id"),
        ({"app_id": "com." + "a" * 260}, "app_id"),
        ({"app_id": "com.whatsapp", "force_refresh": "perhaps"}, "force_refresh"),
        ({"app_id": "com.whatsapp", "force_refresh": None}, "force_refresh"),
        ({"app_id": "com.whatsapp", "country": "../"}, "country"),
        ({"app_id": "com.whatsapp", "language": ["en"]}, "language"),
    ],
)
def test_bad_fields(work: Workspace, stores: Stores, said: Any, field: str) -> None:
    asked = stores.play.count()
    answer = work.ask(WHAT, said)
    assert answer.status_code == 400
    assert list(hold(answer)) == [field]
    assert stores.play.count() == asked
    assert work.entries() == []


def test_the_frameworks_own_words(work: Workspace, stores: Stores) -> None:
    said = {"country": "usa", "force_refresh": "perhaps"}
    assert hold(work.ask(WHAT, said)) == {
        "app_id": ["This field is required."],
        "country": ["This value does not match the required pattern."],
        "force_refresh": ["Must be a valid boolean."],
    }


def test_as_a_form_and_without_the_slash(work: Workspace, stores: Stores) -> None:
    whatsapp(stores, "com.example.form")
    with work.house.client(work.token) as member:
        form = {"app_id": "com.example.form", "country": "US"}
        answer = member.http.post("/api/aso/android-details", data=form)
    assert (answer.status_code, hold(answer)["data"]["title"]) == (200, WHATSAPP["title"])


def test_it_counts_in_the_workspaces_statistics_and_its_contract_history(
    work: Workspace, stores: Stores
) -> None:
    whatsapp(stores, "com.example.told")
    work.got(WHAT, {"app_id": "com.example.told"})
    query = {"workspace_id": str(work.uuid), "feature_key": "api_calls"}
    rows = work.api.get("/api/billing/credits/history/", **query)
    assert rows.status_code == 200, rows.text
    [row] = hold(rows)["history"]
    assert (row["feature_key"], row["consumed_amount"], row["operation"]) == (
        "api_calls",
        1,
        "android_app_fetch",
    )
    assert row["metadata"] == {"app_id": "com.example.told", "country": "us", "language": "en"}


def test_a_blocked_workspace_gets_nothing(work: Workspace, stores: Stores) -> None:
    stores.play.put("com.example.blocked")
    asked = stores.play.count()
    changed = work.api.send("PATCH", f"/v2/accounts/{work.id}", {"status": "blocked"})
    assert changed.status_code == 200, changed.text
    answer = work.ask(WHAT, {"app_id": "com.example.blocked"})
    assert answer.status_code == 409
    assert list(hold(answer)) == ["detail"]
    assert stores.play.count() == asked
    assert work.held() == (0, 0)
