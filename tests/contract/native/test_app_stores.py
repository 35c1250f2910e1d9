"""/v2/app-stores/apps, /v2/app-stores/keywords"""

from typing import Any

import pytest

from tallystick.domain.appstores import keeping
from tallystick.domain.appstores.model import normal
from tallystick.domain.appstores.port import Platform
from tallystick.domain.appstores.views import Name
from tests.contract.served import Api, House, fields_of, problem
from tests.doubles.stores.printed import WHATSAPP

pytestmark = pytest.mark.holds("native", "GET /v2/app-stores/apps", "GET /v2/app-stores/keywords")

APPS = "/v2/app-stores/apps"
KEYWORDS = "/v2/app-stores/keywords"


def kept(house: House, app_id: str, *, platform: Platform = "android", asked: bool = True) -> None:
    async def keep() -> None:
        async with house.system.db.tx() as tx:
            name = Name(house.first.app.live, platform, app_id, "us", "en")
            await keeping.keep(tx, name, dict(WHATSAPP), asked=asked)

    house.run(keep())


def counted(house: House, keyword: str, platform: Platform = "android") -> None:
    async def count() -> None:
        async with house.system.db.tx() as tx:
            tenant = house.first.app.live
            await keeping.count_keyword(tx, tenant, platform, normal(keyword), "us", "en")

    house.run(count())


def test_apps(house: House, reader: Api, stranger: Api, test_mode: Api) -> None:
    kept(house, "com.whatsapp")
    kept(house, "com.whatsapp")
    kept(house, "com.met", asked=False)
    kept(house, "310633997", platform="apple")
    page = reader.get(APPS, limit=2).json()
    assert [row["app_id"] for row in page["data"]] == ["310633997", "com.met"]
    rest = reader.get(APPS, limit=2, cursor=page["next_cursor"]).json()
    [row] = rest["data"]
    assert rest["next_cursor"] is None
    times = {name: row[name] for name in ("fetched_at", "last_asked_at", "next_fetch_at", "created_at")}
    assert all(isinstance(moment, str) and moment.endswith("Z") for moment in times.values())
    assert row == {
        "platform": "android", "app_id": "com.whatsapp", "country": "us", "language": "en",
        "title": "WhatsApp Messenger", "tracked": True, "fetches": 2, "failures": 0, **times,
    }  # fmt: skip
    [met] = reader.get(APPS, tracked="false").json()["data"]
    assert (met["app_id"], met["tracked"], met["last_asked_at"], met["next_fetch_at"]) == (
        "com.met", False, None, None,
    )  # fmt: skip
    for asked, found in (
        ({"platform": "apple"}, ["310633997"]),
        ({"app_id": "com.whatsapp"}, ["com.whatsapp"]),
        ({"tracked": "true"}, ["310633997", "com.whatsapp"]),
        ({"app_id": "%", "platform": "android"}, []),
    ):
        assert [row["app_id"] for row in reader.get(APPS, **asked).json()["data"]] == found
    for other in (stranger, test_mode):
        assert other.get(APPS).json() == {"data": [], "next_cursor": None}


def test_keywords(house: House, reader: Api, stranger: Api, test_mode: Api) -> None:
    for keyword in ("Messaging  App", "messaging app", "chat"):
        counted(house, keyword)
    counted(house, "chat", "apple")
    page = reader.get(KEYWORDS, limit=2).json()
    assert [(row["platform"], row["keyword"]) for row in page["data"]] == [
        ("apple", "chat"),
        ("android", "chat"),
    ]
    [row] = reader.get(KEYWORDS, limit=2, cursor=page["next_cursor"]).json()["data"]
    assert row == {
        "platform": "android", "keyword": "messaging app", "country": "us", "language": "en", "searches": 2,
        "first_at": row["first_at"], "last_at": row["last_at"],
    }  # fmt: skip
    assert row["first_at"] < row["last_at"]
    assert reader.get(KEYWORDS, keyword=" MESSAGING app ").json()["data"] == [row]
    assert len(reader.get(KEYWORDS, platform="android").json()["data"]) == 2
    for other in (stranger, test_mode):
        assert other.get(KEYWORDS).json() == {"data": [], "next_cursor": None}


@pytest.mark.parametrize(
    ("path", "asked", "field"),
    [
        (APPS, {"platform": "windows"}, "platform"),
        (APPS, {"tracked": "yes"}, "tracked"),
        (APPS, {"keyword": "x"}, "keyword"),
        (APPS, {"limit": 0}, "limit"),
        (KEYWORDS, {"cursor": "x"}, "cursor"),
        (KEYWORDS, {"platform": ""}, "platform"),
    ],
)
def test_what_may_not_be_asked(reader: Api, path: str, asked: dict[str, Any], field: str) -> None:
    response = reader.get(path, **asked)
    assert fields_of(problem(response, 422, "invalid_request")) == [field]


def test_who_may_not_ask(house: House, nobody: Api) -> None:
    for path in (APPS, KEYWORDS):
        problem(nobody.get(path), 401, "unauthenticated")


def test_control_characters_find_nothing(reader: Api) -> None:
    for path, name in ((APPS, "app_id"), (KEYWORDS, "keyword")):
        response = reader.get(path, **{name: "a\0b"})
        assert response.status_code in (200, 422), response.text
        if response.status_code == 200:
            assert response.json()["data"] == []
