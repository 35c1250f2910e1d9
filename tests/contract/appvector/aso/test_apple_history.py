"""POST /api/aso/apple-history/"""

from datetime import date, timedelta
from typing import Any, Final

import pytest

from tallystick.domain.appstores.model import DETAILS
from tests.contract.conformance.holding import hold
from tests.contract.served import Api, House
from tests.doubles.stores import Stores

from .conftest import Workspace, advance, today, workspace

pytestmark = pytest.mark.holds("appvector", "POST /api/aso/apple-history/")

WHAT: Final = "apple-history"


@pytest.fixture
def timed(house: House, test_mode: Api) -> Workspace:
    """A workspace of the test tenant, whose days pass by the test clock."""
    return workspace(house, test_mode, test=True)


def snapshot(work: Workspace, stores: Stores, number: int, **values: Any) -> date:
    stores.apple.put(number, **values)
    work.got("apple-details", {"app_id": str(number), "force_refresh": True})
    return today(work.api)


def test_as_the_published_example(timed: Workspace, stores: Stores) -> None:
    first = snapshot(timed, stores, 2001, averageUserRating=4.62, userRatingCount=7195000)
    advance(timed.api, days=6)
    second = snapshot(timed, stores, 2001, averageUserRating=4.59, userRatingCount=7180000)
    advance(timed.api, days=1)
    third = snapshot(timed, stores, 2001, averageUserRating=4.63, userRatingCount=7203977)
    start = third - timedelta(days=28)
    body = timed.got(
        WHAT,
        {
            "app_id": "2001",
            "country": "us",
            "language": "en",
            "metadata_type": "fast",
            "start_date": str(start),
            "end_date": str(third),
            "fields": ["score", "ratings"],
        },
    )
    days = [str(third), str(second), str(first)]
    assert body == {
        "success": True,
        "app_id": "2001",
        "country": "us",
        "language": "en",
        "metadata_type": "fast",
        "start_date": str(start),
        "end_date": str(third),
        "tracked_fields": ["score", "ratings"],
        "change_count": 6,
        "data": {
            "fast": {
                "score": [
                    {"date": day, "value": value} for day, value in zip(days, (4.63, 4.59, 4.62), strict=True)
                ],
                "ratings": [
                    {"date": day, "value": value}
                    for day, value in zip(days, (7203977, 7180000, 7195000), strict=True)
                ],
            },
            "slow": {},
        },
    }
    assert list(body) == [
        "success", "app_id", "country", "language", "metadata_type", "start_date", "end_date", "tracked_fields",
        "change_count", "data",
    ]  # fmt: skip
    assert timed.spent() == (3, 3)


def test_by_kind_both_keys_always(timed: Workspace, stores: Stores) -> None:
    day = snapshot(timed, stores, 2002)
    fast = timed.got(WHAT, {"app_id": "2002", "metadata_type": "fast"})
    slow = timed.got(WHAT, {"app_id": "2002", "metadata_type": "slow"})
    both = timed.got(WHAT, {"app_id": "2002"})
    assert (both["metadata_type"], both["end_date"]) == ("both", str(day))
    assert (set(fast["data"]["fast"]), fast["data"]["slow"]) == ({"score", "ratings"}, {})
    assert slow["data"]["fast"] == {}
    assert {"title", "appId", "version"} <= set(slow["data"]["slow"])
    assert both["data"] == {"fast": fast["data"]["fast"], "slow": slow["data"]["slow"]}
    assert both["change_count"] == fast["change_count"] + slow["change_count"]
    kinds = {part: [f.name for f in DETAILS["apple"].values() if f.part == part] for part in ("fast", "slow")}
    assert (fast["tracked_fields"], slow["tracked_fields"]) == (kinds["fast"], kinds["slow"])
    assert sorted(both["tracked_fields"]) == sorted(kinds["fast"] + kinds["slow"])


def test_a_field_of_the_other_kind_has_nothing_there(timed: Workspace, stores: Stores) -> None:
    snapshot(timed, stores, 2003)
    body = timed.got(WHAT, {"app_id": "2003", "metadata_type": "fast", "fields": ["title", "score"]})
    assert set(body["data"]["fast"]) == {"score"}
    assert (body["data"]["slow"], body["change_count"]) == ({}, 1)
    assert body["tracked_fields"] == ["title", "score"]


def test_an_app_that_was_never_fetched_has_none(work: Workspace) -> None:
    body = work.got(WHAT, {"app_id": "2004"})
    assert (body["data"], body["change_count"]) == ({"fast": {}, "slow": {}}, 0)


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"app_id": "com.whatsapp"}, "app_id"),
        ({"app_id": "1", "metadata_type": "all"}, "metadata_type"),
        ({"app_id": "1", "fields": ["androidVersion"]}, "fields"),
        ({"app_id": "1", "start_date": "2025-10-1x"}, "start_date"),
        ({"app_id": "1", "language": "english"}, "language"),
    ],
)
def test_bad_fields(work: Workspace, said: Any, field: str) -> None:
    answer = work.ask(WHAT, said)
    assert answer.status_code == 400
    assert list(hold(answer)) == [field]
