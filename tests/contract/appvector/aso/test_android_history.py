"""POST /api/aso/android-history/"""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, Final

import pytest

from tallystick.domain.appstores.model import DETAILS
from tests.contract.conformance.holding import hold
from tests.contract.native import subscribing
from tests.contract.served import Api, House, housed
from tests.doubles.stores import Stores

from .conftest import Workspace, advance, credit_types, database, post, today, workspace

pytestmark = pytest.mark.holds("appvector", "POST /api/aso/android-history/")

WHAT: Final = "android-history"


def snapshot(work: Workspace, stores: Stores, app_id: str, **values: Any) -> date:
    """The store has these values now, and was asked; gives the tenant's day."""
    stores.play.put(app_id, **values)
    work.got("android-details", {"app_id": app_id, "force_refresh": True})
    return today(work.api)


def next_day(api: Api, days: int = 1) -> date:
    advance(api, days=days)
    return today(api)


@pytest.fixture
def timed(house: House, test_mode: Api) -> Workspace:
    """A workspace of the test tenant, whose days pass by the test clock."""
    return workspace(house, test_mode, test=True)


def test_as_the_published_example(timed: Workspace, stores: Stores) -> None:
    app = "com.example.history"
    first = snapshot(timed, stores, app, stars=4.38, ratings=210500000)
    next_day(timed.api, 6)
    second = snapshot(timed, stores, app, stars=4.35, ratings=211500000)
    next_day(timed.api)
    third = snapshot(timed, stores, app, stars=4.39, ratings=212040976)
    start = third - timedelta(days=30)
    body = timed.got(
        WHAT,
        {
            "app_id": app,
            "country": "us",
            "language": "en",
            "start_date": str(start),
            "end_date": str(third),
            "fields": ["score", "ratings"],
        },
    )
    days = [str(third), str(second), str(first)]
    assert body == {
        "success": True,
        "app_id": app,
        "country": "us",
        "language": "en",
        "start_date": str(start),
        "end_date": str(third),
        "tracked_fields": ["score", "ratings"],
        "change_count": 6,
        "data": {
            "score": [
                {"date": day, "value": value} for day, value in zip(days, (4.39, 4.35, 4.38), strict=True)
            ],
            "ratings": [
                {"date": day, "value": value}
                for day, value in zip(days, (212040976, 211500000, 210500000), strict=True)
            ],
        },
    }
    assert list(body) == [
        "success", "app_id", "country", "language", "start_date", "end_date", "tracked_fields", "change_count", "data",
    ]  # fmt: skip
    assert list(body["data"]) == ["score", "ratings"], (
        "in the order of tracked_fields, as the document shows them"
    )
    spent = timed.spent()
    timed.got(WHAT, {"app_id": app})
    assert timed.spent() == spent == (3, 3), "a history costs nothing"


def test_thirty_days_and_all_fields_if_nothing_is_said(timed: Workspace, stores: Stores) -> None:
    app = "com.example.defaults"
    day = snapshot(timed, stores, app)
    body = timed.got(WHAT, {"app_id": app})
    assert (body["start_date"], body["end_date"]) == (str(day - timedelta(days=30)), str(day))
    assert body["tracked_fields"] == list(DETAILS["android"])
    # the first snapshot counts as a change of every field
    assert set(body["data"]) <= set(DETAILS["android"])
    assert {"title", "score", "version"} <= set(body["data"])
    assert all([row["date"] for row in rows] == [str(day)] for rows in body["data"].values())
    assert body["change_count"] == len(body["data"])
    nothing: Any
    for nothing in ([], {}):
        assert timed.got(WHAT, {"app_id": app, "fields": nothing}) == body


def test_only_what_changed_and_a_days_last_value(timed: Workspace, stores: Stores) -> None:
    app = "com.example.changes"
    first = snapshot(timed, stores, app, version="1", stars=4.0)
    second = next_day(timed.api)
    for version in ("2", "3"):
        snapshot(timed, stores, app, version=version)
    third = next_day(timed.api)
    for version in ("4", "3"):  # there and back again
        snapshot(timed, stores, app, version=version)
    data = timed.got(WHAT, {"app_id": app, "fields": ["version", "score"]})["data"]
    assert data == {
        "version": [{"date": str(second), "value": "3"}, {"date": str(first), "value": "1"}],
        "score": [{"date": str(first), "value": 4}],
    }
    assert third == today(timed.api)


def test_a_field_that_is_told_no_more(timed: Workspace, stores: Stores) -> None:
    app = "com.example.website"
    snapshot(timed, stores, app, website="https://www.example.com/")
    next_day(timed.api)
    snapshot(timed, stores, app, website=None)
    rows = timed.got(WHAT, {"app_id": app, "fields": ["developerWebsite"]})["data"]["developerWebsite"]
    assert [row["value"] for row in rows] == [None, "https://www.example.com/"]


def test_a_range_of_days_both_ends_included(timed: Workspace, stores: Stores) -> None:
    app = "com.example.range"
    days = []
    for version in "1234":
        days.append(snapshot(timed, stores, app, version=version))
        next_day(timed.api)
    said = {"app_id": app, "start_date": str(days[1]), "end_date": str(days[2]), "fields": ["version"]}
    body = timed.got(WHAT, said)
    assert body["data"] == {
        "version": [{"date": str(days[2]), "value": "3"}, {"date": str(days[1]), "value": "2"}]
    }
    assert body["change_count"] == 2
    alone = timed.got(WHAT, said | {"start_date": str(days[2])})
    assert [row["value"] for row in alone["data"]["version"]] == ["3"]
    # an end alone: the 30 days before it
    before = timed.got(WHAT, {"app_id": app, "end_date": str(days[0]), "fields": ["version"]})
    assert before["start_date"] == str(days[0] - timedelta(days=30))
    assert [row["value"] for row in before["data"]["version"]] == ["1"]


def test_an_app_that_was_never_fetched_has_none(work: Workspace, stores: Stores) -> None:
    asked = stores.play.count()
    body = work.got(WHAT, {"app_id": "com.example.unseen", "fields": ["score"]})
    assert (body["data"], body["change_count"], body["tracked_fields"]) == ({}, 0, ["score"])
    assert stores.play.count() == asked
    assert work.entries() == []


def test_it_is_this_tenants_and_this_places_alone(
    house: House, work: Workspace, stranger: Api, stores: Stores
) -> None:
    stores.play.put("com.example.mine")
    work.got("android-details", {"app_id": "com.example.mine"})
    assert work.got(WHAT, {"app_id": "com.example.mine"})["change_count"] > 0
    assert work.got(WHAT, {"app_id": "com.example.mine", "country": "de"})["change_count"] == 0
    assert work.got(WHAT, {"app_id": "com.example.mine", "language": "de"})["change_count"] == 0
    said = {"app_id": "com.example.mine", "workspace_id": stranger.account()}
    answer = post(stranger, WHAT, said)
    assert (answer.status_code, hold(answer)["change_count"]) == (200, 0)


def test_a_key_does_nothing(work: Workspace, stores: Stores) -> None:
    first = work.ask(WHAT, {"app_id": "com.example.key"}, key="history-1")
    other = work.ask(WHAT, {"app_id": "com.example.other"}, key="history-1")
    assert (first.status_code, other.status_code) == (200, 200)
    assert "idempotent-replayed" not in other.headers


@pytest.mark.parametrize(
    ("said", "errors"),
    [
        ({}, {"app_id": ["This field is required."]}),
        ({"fields": ["score", "nope"]}, {"fields": ['"nope" is not a valid choice.']}),
        ({"fields": "score"}, {"fields": ['Expected a list of items but got type "str".']}),
        ({"fields": None}, {"fields": ["This field may not be null."]}),
        ({"fields": [["score"]]}, {"fields": ["\"['score']\" is not a valid choice."]}),
    ],
)
def test_bad_fields(work: Workspace, said: Any, errors: dict[str, list[str]]) -> None:
    asked = said if not said else {"app_id": "com.example.bad"} | said
    answer = work.ask(WHAT, asked)
    assert (answer.status_code, hold(answer)) == (400, errors)


@pytest.mark.parametrize(
    "text",
    [
        "yesterday",
        "29.09.2025",
        "2025-13-01",
        "2025-02-30",
        "2025-09-29T00:00:00Z",
        "",
        20250929,
        True,
        ["x"],
    ],
)
def test_bad_dates(work: Workspace, text: Any) -> None:
    wrong = ["Date has wrong format. Use one of these formats instead: YYYY-MM-DD."]
    for name in ("start_date", "end_date"):
        answer = work.ask(WHAT, {"app_id": "com.example.bad", name: text})
        assert (answer.status_code, hold(answer)) == (400, {name: wrong})


def test_an_end_before_the_start(work: Workspace) -> None:
    said = {"app_id": "com.example.bad", "start_date": "2025-10-02", "end_date": "2025-10-01"}
    answer = work.ask(WHAT, said)
    assert answer.status_code == 400
    assert list(hold(answer)) == ["end_date"]


@pytest.mark.parametrize(
    ("start", "end"),
    [("0001-01-01", "9999-12-31"), (None, "0001-01-01"), (None, "0001-01-20"), ("9999-12-31", "9999-12-31")],
)
def test_days_at_the_ends_of_time(work: Workspace, start: str | None, end: str) -> None:
    said = {"app_id": "com.example.bad", "end_date": end} | ({"start_date": start} if start else {})
    body = work.got(WHAT, said)
    assert body["end_date"] == end


@pytest.fixture(scope="module")
def limiting(server: Any, template: str, _stores: Stores) -> Iterator[House]:
    """A server whose tenant limits how far back one may look."""
    with housed(server, template, database(), **_stores.settings) as house, house.client("admin") as api:
        credit_types(api)
        subscribing.feature(api, "historical_data_days")
        yield house


def test_what_the_plan_does_not_show_is_clamped(limiting: House, stores: Stores) -> None:
    with limiting.client("admin") as api:
        work = workspace(limiting, api)
        stores.play.put("com.example.plan")
        work.got("android-details", {"app_id": "com.example.plan"})
        day = today(api)
        for limit, start in ((7, day - timedelta(days=7)), (90, day - timedelta(days=60))):
            one = workspace(limiting, api)
            terms = {"historical_data_days": limit}
            subscribing.subscribe(api, subscribing.plan(api, features=terms), one.id)
            body = one.got(WHAT, {"app_id": "com.example.plan", "start_date": str(day - timedelta(days=60))})
            assert body["start_date"] == str(start), limit
            assert body["change_count"] > 0
        # without a plan: today only
        body = work.got(WHAT, {"app_id": "com.example.plan", "start_date": "2020-01-01"})
        assert (body["start_date"], body["end_date"]) == (str(day), str(day))
        assert body["change_count"] > 0
        # what ends before the first day that is shown is nothing, and no fault
        old = work.got(
            WHAT, {"app_id": "com.example.plan", "start_date": "2020-01-01", "end_date": "2020-02-01"}
        )
        assert (old["change_count"], old["data"], old["end_date"]) == (0, {}, "2020-02-01")
