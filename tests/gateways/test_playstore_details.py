"""Details of apps, against a Google Play of our own on a port."""

import json
from typing import Any

import pytest

from tallystick.domain.appstores.model import LONGEST, MOST, checked
from tallystick.domain.appstores.port import AppUnknown, StoreFailed
from tallystick.gateways.playstore import Play
from tests.doubles.stores.play import DETAILS, PlayDouble
from tests.doubles.stores.printed import WHATSAPP

pytestmark = pytest.mark.anyio


async def details(store: Play, app_id: str = "com.example.app") -> dict[str, Any]:
    """Of an app, as the domain keeps them."""
    found = await store.details(app_id, "us", "en")
    assert checked("android", found) == found
    return found


async def changed(store: Play, app_id: str = "com.example.app") -> str:
    with pytest.raises(StoreFailed) as failed:
        await store.details(app_id, "us", "en")
    assert failed.value.fault == "changed"
    return str(failed.value)


async def test_every_field_of_the_contracts_example(play: PlayDouble, store: Play) -> None:
    play.put(
        "com.whatsapp",
        title="WhatsApp Messenger",
        stars=4.39,
        ratings=212040976,
        installs="10,000,000,000+",
        developer="WhatsApp LLC",
        genre="Communication",
        version="2.25.2.75",
        android=None,
    )
    found = await details(store, "com.whatsapp")
    told = {
        name: found[name]
        for name in (
            *("title", "score", "ratings", "installs", "developer", "genre", "price", "free", "version"),
            "androidVersion",
        )
    }
    assert json.dumps(told) == json.dumps(WHATSAPP)


async def test_all_else_that_the_store_tells(play: PlayDouble, store: Play) -> None:
    play.put("com.example.app", developer_id="Example+Inc.")
    found = await details(store)
    assert {name: found[name] for name in list(found)[10:]} == {
        "icon": "https://play-lh.googleusercontent.com/icon",
        "summary": "Talk & listen.",
        "description": "An app.\nWith two lines.",
        "reviews": 100,
        "histogram": [10, 20, 70, 200, 700],
        "released": "2010-10-18",
        "updated": "2025-01-20",
        "contentRating": "Everyone",
        "developerId": "Example Inc.",
        "developerEmail": "help@example.com",
        "developerWebsite": "https://www.example.com/",
        "screenshots": [f"https://play-lh.googleusercontent.com/shot{at}" for at in (1, 2)],
        "currency": "USD",
        "appId": "com.example.app",
        "url": "https://play.google.com/store/apps/details?id=com.example.app",
    }


async def test_what_the_store_does_not_tell_is_left_out(play: PlayDouble, store: Play) -> None:
    nothing = (
        "stars",
        "ratings",
        "reviews",
        "installs",
        "version",
        "android",
        "summary",
        "description",
        "icon",
    )
    play.put(
        "com.example.app",
        **dict.fromkeys((*nothing, "email", "website", "content_rating", "released", "updated", "micros")),
        screenshots=(),
        developer_id="",
    )
    assert await details(store) == {
        "title": "An App",
        "score": 0,
        "ratings": 0,
        "installs": "",
        "developer": "Example Inc.",
        "genre": "Communication",
        "price": 0,
        "free": False,  # it cannot be had: it has no offer
        "version": "VARY",
        "androidVersion": "VARY",
        "screenshots": [],
        "appId": "com.example.app",
        "url": "https://play.google.com/store/apps/details?id=com.example.app",
    }


@pytest.mark.parametrize(
    ("values", "name", "told"),
    [
        ({"micros": 4_990_000, "currency": "EUR"}, "price", 4.99),
        ({"micros": 15_000_000_000, "currency": "IDR"}, "price", 15000),
        ({"micros": 4_990_000}, "free", False),
        ({"stars": 4.695}, "score", 4.7),
        ({"stars": 4.6749}, "score", 4.67),
        ({"stars": 5}, "score", 5),
        ({"installs": "10万+"}, "installs", "10万+"),
        ({"android": "8.0.1 und höher"}, "androidVersion", "8.0.1"),
        ({"android": "5.0以上"}, "androidVersion", "5.0"),
        ({"android": "Variiert je nach Gerät"}, "androidVersion", "VARY"),
        ({"android": 14}, "androidVersion", "VARY"),
        ({"version": ""}, "version", "VARY"),
        ({"title": " Fish &amp;\nChips\x00 \x07 "}, "title", "Fish & Chips"),
        ({"title": "Half \ud83d of one, whole \U0001f600"}, "title", "Half of one, whole \U0001f600"),
        ({"title": "x" * 5000}, "title", "x" * 500),
        (
            {"description": "a<br/>b<BR>c</p>d\r\n\te <i>f</i> &lt;g&gt; <<h\x00"},
            "description",
            "a\nb\nc\nd\n e f <g> <<h",
        ),
        ({"description": "é" * 100_000}, "description", "é" * LONGEST),
        ({"translated": "Eine App."}, "description", "Eine App."),
        ({"website": "http://example.com/?a=b"}, "developerWebsite", "http://example.com/?a=b"),
        ({"screenshots": ("https://a.example/1",) * 1000}, "screenshots", ["https://a.example/1"] * MOST),
        ({"screenshots": ("http://a.example/1", "javascript:alert(1)")}, "screenshots", []),
        ({"over": {(10,): ["18.10.2010"]}}, "released", "18.10.2010"),
        ({"over": {(77,): None}}, "title", "An App"),
    ],
)
async def test_forms_of_values(
    play: PlayDouble, store: Play, values: dict[str, Any], name: str, told: Any
) -> None:
    play.put("com.example.app", **values)
    assert json.dumps((await details(store))[name]) == json.dumps(told)


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"icon": "http://169.254.169.254/latest"}, "icon"),
        ({"icon": "https://a.example/ b"}, "icon"),
        ({"icon": "https://a.example/" + "x" * 3000}, "icon"),
        ({"icon": "https://a.example/\x00"}, "icon"),
        ({"website": "ftp://a.example"}, "developerWebsite"),
        ({"website": "javascript:alert(1)"}, "developerWebsite"),
        ({"reviews": -1}, "reviews"),
        ({"updated": 10**12}, "updated"),
        ({"updated": -5}, "updated"),
        ({"updated": True}, "updated"),
        ({"histogram": (1, 2, 3)}, "histogram"),
        ({"histogram": (1, 2, 3, 4, "5")}, "histogram"),
        ({"over": {(78, 0): "none"}}, "screenshots"),
        ({"over": {(68, 1, 4, 2): "//[::"}}, "developerId"),
        ({"over": {(68, 1, 4, 2): "/dev?" + "&".join(f"a{n}" for n in range(500))}}, "developerId"),
        ({"currency": 5}, "currency"),
        ({"email": ["a@b.example"]}, "developerEmail"),
    ],
)
async def test_what_need_not_be_there_is_left_out_where_it_is_not_what_it_was(
    play: PlayDouble, store: Play, values: dict[str, Any], name: str
) -> None:
    play.put("com.example.app", **values)
    assert name not in await details(store)


@pytest.mark.parametrize(
    "values",
    [
        {"title": None},
        {"title": " "},
        {"title": ["An App"]},
        {"developer": 7},
        {"genre": None},
        {"micros": "free"},
        {"micros": -1},
        {"micros": 0.5},
        {"micros": 10**30},
        {"over": {(57, 0, 0, 0, 0, 1, 0): "free"}},
        {"stars": 6},
        {"stars": -1},
        {"stars": True},
        {"over": {(51, 0): ["many", 10**400]}},
        {"ratings": 1.5},
        {"ratings": 10**30},
        {"over": {(77, 0): "com.example.another"}},
    ],
)
async def test_what_must_be_there_and_is_not_what_it_was(
    play: PlayDouble, store: Play, values: dict[str, Any]
) -> None:
    play.put("com.example.app", **values)
    assert "Google Play's page" in await changed(store) or "of an app" in await changed(store)


async def test_the_block_is_found_by_its_service_and_where_none_is_named_by_its_form(
    play: PlayDouble, store: Play
) -> None:
    play.put("com.example.app")
    play.blocks["details"] = "ds:17"
    assert (await details(store))["title"] == "An App"
    play.named = False
    assert (await details(store))["title"] == "An App"
    play.put("com.example.app", over={(77, 0): None})
    await changed(store)  # then nothing says that it is this app's


@pytest.mark.parametrize(
    "app_id",
    [
        "",
        "..",
        "com",
        "com.example.app&gl=de",
        "http://127.0.0.1/",
        "@127.0.0.1",
        "com.a\r\nHost: b",
        "com.é",
        "a." * 200 + "b",
    ],
)
async def test_what_is_no_package_is_not_asked_for(play: PlayDouble, store: Play, app_id: str) -> None:
    with pytest.raises(AppUnknown):
        await store.details(app_id, "us", "en")
    assert play.asked == []


async def test_an_app_that_is_not_there_or_not_in_that_country(play: PlayDouble, store: Play) -> None:
    play.put("com.example.app", sold_in=("de",))
    for app_id in ("com.example.none", "com.example.app"):
        with pytest.raises(AppUnknown):
            await store.details(app_id, "us", "en")
    assert (await store.details("com.example.app", "de", "fr"))["title"] == "An App"
    assert play.asked[-1].target == f"{DETAILS}?id=com.example.app&hl=fr&gl=de"
