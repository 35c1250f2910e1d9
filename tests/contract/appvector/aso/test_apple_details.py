"""POST /api/aso/apple-details/"""

from typing import Any, Final

import pytest

from tests.contract.conformance.holding import hold
from tests.contract.served import Api, House
from tests.doubles.stores import Stores
from tests.doubles.stores.printed import WHATSAPP_APPLE

from .conftest import Workspace, advance, workspace

pytestmark = pytest.mark.holds("appvector", "POST /api/aso/apple-details/")

WHAT: Final = "apple-details"


def whatsapp(stores: Stores, number: int = 310633997, **values: Any) -> str:
    """The store has what the contract's example shows; gives the app's id."""
    told: dict[str, Any] = {
        "trackName": WHATSAPP_APPLE["title"],
        "bundleId": WHATSAPP_APPLE["appId"],
        "averageUserRating": 4.6312,
        "userRatingCount": WHATSAPP_APPLE["ratings"],
        "artistName": WHATSAPP_APPLE["developer"],
        "primaryGenreName": WHATSAPP_APPLE["primaryGenre"],
        "version": WHATSAPP_APPLE["version"],
    }
    stores.apple.put(number, **told | values)
    return str(number)


def test_the_published_example(work: Workspace, stores: Stores) -> None:
    whatsapp(stores)
    asked = {
        "app_id": "310633997",
        "country": "us",
        "language": "en",
        "metadata_type": "both",
        "force_refresh": False,
    }
    body = work.got(WHAT, asked)
    assert list(body) == ["success", "app_id", "country", "language", "metadata_type", "data"]
    data = body.pop("data")
    assert body == {
        "success": True,
        "app_id": "310633997",
        "country": "us",
        "language": "en",
        "metadata_type": "both",
    }
    assert {name: data[name] for name in WHATSAPP_APPLE} == WHATSAPP_APPLE
    assert list(data)[: len(WHATSAPP_APPLE)] == list(WHATSAPP_APPLE)
    assert work.spent() == (1, 1)
    said = {"operation": "apple_app_fetch", "app_id": "310633997", "country": "us", "language": "en"}
    assert [row["metadata"] for row in work.entries()] == [said, said]


def test_of_one_kind_its_fields_alone(work: Workspace, stores: Stores) -> None:
    app = whatsapp(stores, 1001)
    fast = work.got(WHAT, {"app_id": app, "metadata_type": "fast"})
    assert (fast["metadata_type"], set(fast["data"])) == ("fast", {"appId", "score", "ratings"})
    slow = work.got(WHAT, {"app_id": app, "metadata_type": "slow"})
    assert slow["metadata_type"] == "slow"
    assert {"appId", "title", "version"} <= set(slow["data"])
    assert not {"score", "ratings"} & set(slow["data"])
    both = work.got(WHAT, {"app_id": app})
    assert (both["metadata_type"], both["data"]) == ("both", fast["data"] | slow["data"])
    assert work.spent() == (3, 1)


def test_an_id_that_came_as_a_number(work: Workspace, stores: Stores) -> None:
    whatsapp(stores, 1002)
    assert work.got(WHAT, {"app_id": 1002})["app_id"] == "1002"


def test_fast_for_a_day_and_slow_for_seven(house: House, test_mode: Api, stores: Stores) -> None:
    work = workspace(house, test_mode, test=True)
    app = whatsapp(stores, 1003, version="1", userRatingCount=1)
    work.got(WHAT, {"app_id": app})
    whatsapp(stores, 1003, version="2", userRatingCount=2)
    advance(test_mode, hours=23)
    assert work.got(WHAT, {"app_id": app, "metadata_type": "fast"})["data"]["ratings"] == 1
    advance(test_mode, hours=2)
    # slow fields are still good; fast ones are not, and a fetch brings both
    assert work.got(WHAT, {"app_id": app, "metadata_type": "slow"})["data"]["version"] == "1"
    assert work.spent() == (3, 1)
    assert work.got(WHAT, {"app_id": app, "metadata_type": "fast"})["data"]["ratings"] == 2
    assert work.spent() == (4, 2)
    assert work.got(WHAT, {"app_id": app, "metadata_type": "slow"})["data"]["version"] == "2"
    whatsapp(stores, 1003, version="3")
    advance(test_mode, days=6, hours=23)
    assert work.got(WHAT, {"app_id": app, "metadata_type": "slow"})["data"]["version"] == "2"
    advance(test_mode, hours=2)
    assert work.got(WHAT, {"app_id": app, "metadata_type": "slow"})["data"]["version"] == "3"
    assert work.spent() == (7, 3)


def test_fetched_again_when_it_is_forced(work: Workspace, stores: Stores) -> None:
    app = whatsapp(stores, 1004, version="1")
    work.got(WHAT, {"app_id": app})
    whatsapp(stores, 1004, version="2")
    assert work.got(WHAT, {"app_id": app, "force_refresh": True})["data"]["version"] == "2"
    assert work.spent() == (2, 2)


def test_an_app_that_nobody_rated(work: Workspace, stores: Stores) -> None:
    app = whatsapp(stores, 1005, averageUserRating=None, userRatingCount=None)
    data = work.got(WHAT, {"app_id": app, "metadata_type": "fast"})["data"]
    assert (data["score"], data["ratings"]) == (0, 0)


def test_an_unknown_app_costs_nothing(work: Workspace, stores: Stores) -> None:
    for number in ("999", "9223372036854775807"):
        answer = work.ask(WHAT, {"app_id": number})
        assert (answer.status_code, hold(answer)) == (404, {"error": "App not found"})
    assert work.entries() == []
    assert work.spent() == (0, 0)


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({}, "app_id"),
        ({"app_id": "com.whatsapp"}, "app_id"),
        ({"app_id": "0"}, "app_id"),
        ({"app_id": "-5"}, "app_id"),
        ({"app_id": 1.5}, "app_id"),
        ({"app_id": True}, "app_id"),
        ({"app_id": "٣"}, "app_id"),
        ({"app_id": "9223372036854775808"}, "app_id"),
        ({"app_id": "1" * 255}, "app_id"),
        ({"app_id": "1&country=xx"}, "app_id"),
        ({"app_id": "310633997", "metadata_type": "medium"}, "metadata_type"),
        ({"app_id": "310633997", "metadata_type": None}, "metadata_type"),
        ({"app_id": "310633997", "metadata_type": ["fast"]}, "metadata_type"),
        ({"app_id": "310633997", "country": "u"}, "country"),
    ],
)
def test_bad_fields(work: Workspace, stores: Stores, said: Any, field: str) -> None:
    asked = stores.apple.count()
    answer = work.ask(WHAT, said)
    assert answer.status_code == 400
    assert list(hold(answer)) == [field]
    assert stores.apple.count() == asked
    assert work.entries() == []


def test_the_frameworks_own_words(work: Workspace, stores: Stores) -> None:
    answer = work.ask(WHAT, {"app_id": "310633997", "metadata_type": "medium"})
    assert hold(answer) == {"metadata_type": ['"medium" is not a valid choice.']}
