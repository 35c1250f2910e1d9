"""Searches, against a Google Play of our own on a port: the page of results, and the pages after it."""

import json
from typing import Any

import pytest

from tallystick.domain.appstores.model import checked_hit
from tallystick.domain.appstores.port import StoreFailed
from tallystick.gateways.playstore import Play
from tallystick.gateways.playstore.client import PAGES
from tests.doubles.stores.play import MORE, SEARCH, PlayDouble
from tests.doubles.stores.printed import MESSAGING

pytestmark = pytest.mark.anyio


def ids(number: int, *, start: int = 0) -> list[str]:
    return [f"com.example.app{at}" for at in range(start, start + number)]


async def search(store: Play, keyword: str = "messaging", limit: int = 250) -> list[dict[str, Any]]:
    hits = await store.search(keyword, "us", "en", limit)
    assert [checked_hit("android", hit) for hit in hits] == hits
    return hits


async def found(store: Play, keyword: str = "messaging", limit: int = 250) -> list[str]:
    return [hit["appId"] for hit in await search(store, keyword, limit)]


async def changed(store: Play) -> None:
    with pytest.raises(StoreFailed) as failed:
        await store.search("messaging", "us", "en", 250)
    assert failed.value.fault == "changed"


async def test_the_contracts_example_to_the_letter(play: PlayDouble, store: Play) -> None:
    play.finds("messaging", "com.google.android.apps.messaging", "com.facebook.orca")
    play.put(
        "com.google.android.apps.messaging",
        title="Google Messages",
        icon="https://play-lh.googleusercontent.com/...",
        developer="Google LLC",
        summary="Google Messages is the official Google app for messaging...",
        stars=4.5712,
        installs="5,000,000,000+",
    )
    play.put(
        "com.facebook.orca",
        title="Messenger",
        icon=None,
        developer="Meta Platforms, Inc.",
        summary="Messenger is a free messaging app...",
        stars=4.70,
        installs="5,000,000,000+",
    )
    assert json.dumps(await search(store)) == json.dumps(MESSAGING)
    assert play.asked[0].target == f"{SEARCH}?q=messaging&c=apps&hl=en&gl=us"


async def test_the_same_hit_on_the_page_after_it_on_its_card_and_as_details(
    play: PlayDouble, store: Play
) -> None:
    play.put("com.example.app0", micros=1_490_000, currency="EUR", stars=3.999, title="A &lt;b&gt;")
    play.finds("row", "com.example.app0")
    play.page_size = 1
    play.finds("further", "com.example.app1", "com.example.app0")
    play.cards["card"] = "com.example.app0"
    [row] = await search(store, "row")
    [card] = await search(store, "card")
    further = (await search(store, "further"))[1]
    told = await store.details("com.example.app0", "us", "en")
    assert row == card == {name: told[name] for name in row}
    # the pages after the first do not tell installs
    assert {name: value for name, value in row.items() if name != "installs"} == further
    assert (row["price"], row["free"], row["score"], row["title"]) == (1.49, False, 4, "A <b>")


async def test_rows_that_tell_no_installs(play: PlayDouble, store: Play) -> None:
    play.tells_installs = False
    play.finds("messaging", *ids(3))
    assert all("installs" not in hit for hit in await search(store))


async def test_two_hundred_and_fifty_results_by_following_the_pages(play: PlayDouble, store: Play) -> None:
    play.finds("messaging", *ids(400))
    assert await found(store) == ids(250)
    assert (play.count(SEARCH), play.count(MORE)) == (1, 3)
    assert play.asked[-1].target == f"{MORE}?rpcids=qnKhOb&hl=en&gl=us"


@pytest.mark.parametrize(
    ("there", "limit", "given", "pages"),
    [
        (400, 30, 30, 0),
        (400, 31, 31, 1),
        (400, 1, 1, 0),
        (30, 250, 30, 0),
        (31, 250, 31, 1),
        (140, 250, 140, 2),
    ],
)
async def test_fewer_where_the_store_gives_fewer_or_fewer_are_wanted(
    play: PlayDouble, store: Play, there: int, limit: int, given: int, pages: int
) -> None:
    play.finds("messaging", *ids(there))
    assert await found(store, limit=limit) == ids(given)
    assert play.count(MORE) == pages


async def test_a_page_that_repeats_what_was_seen_ends_it(play: PlayDouble, store: Play) -> None:
    play.finds("messaging", *ids(40))
    play.again = True
    assert await found(store) == ids(40)
    assert play.count(MORE) == 2


async def test_pages_that_hardly_go_on_are_not_followed_for_ever(play: PlayDouble, store: Play) -> None:
    play.finds("messaging", *ids(400))
    play.next_size = 1
    assert await found(store) == ids(30 + PAGES - 1)
    assert play.count(MORE) == PAGES - 1


async def test_the_card_comes_first_and_once(play: PlayDouble, store: Play) -> None:
    play.finds("messaging", *ids(40))
    play.cards["messaging"] = "com.example.app35"
    assert await found(store) == ["com.example.app35", *ids(35), *ids(4, start=36)]


async def test_what_finds_nothing(play: PlayDouble, store: Play) -> None:
    assert await search(store, "zxqwkjhz") == []


@pytest.mark.parametrize(
    "keyword",
    [
        "a&gl=de#x",
        "../../etc?",
        "http://127.0.0.1/",
        "@127.0.0.1",
        "100% ünï + ポケモン",
        "a\r\nHost: b",
        "half \ud83d",
    ],
)
async def test_a_keyword_stays_one(play: PlayDouble, store: Play, keyword: str) -> None:
    sent = keyword.encode(errors="replace").decode()
    play.finds(sent, *ids(31))
    assert await found(store, keyword) == ids(31)
    [page, more] = play.asked
    assert page.path == SEARCH
    assert page.query == {"q": sent, "c": "apps", "hl": "en", "gl": "us"}
    assert more.path == MORE
    assert more.query == {"rpcids": "qnKhOb", "hl": "en", "gl": "us"}


async def test_country_and_language_go_with_every_page(play: PlayDouble, store: Play) -> None:
    play.finds("messaging", *ids(31))
    play.put("com.example.app30", sold_in=("de",))
    assert len(await store.search("messaging", "de", "fr", 250)) == 31
    assert [(asked.query["gl"], asked.query["hl"]) for asked in play.asked] == [("de", "fr")] * 2
    assert len(await store.search("messaging", "us", "en", 250)) == 30


async def test_the_block_is_found_by_its_service_and_where_none_is_named_by_its_form(
    play: PlayDouble, store: Play
) -> None:
    play.finds("messaging", *ids(31))
    play.blocks["results"] = "ds:12"
    assert await found(store) == ids(31)
    play.named = False
    assert await found(store) == ids(31)
    play.finds("messaging")
    await changed(store)  # that there are none is believed of the block that is said to tell it alone


ODD: list[dict[str, Any]] = [
    {"title": None},
    {"developer": None},
    {"micros": "free"},
    {"micros": -1},
    {"over_row": {(0,): ["not a package", 7], (12,): ["not a package", 7]}},
    {"over_row": {(4,): ["many", 5.5], (6, 0, 2, 1): ["many", 5.5]}},
]


@pytest.mark.parametrize("values", ODD)
async def test_a_hit_that_lacks_what_it_must_have_is_left_out(
    play: PlayDouble, store: Play, values: dict[str, Any]
) -> None:
    play.finds("messaging", *ids(40))
    for app_id in ("com.example.app3", "com.example.app33"):
        play.put(app_id, **values)
    assert await found(store) == [
        app_id
        for app_id in ids(40)
        if not app_id.endswith("3") or app_id in ("com.example.app13", "com.example.app23")
    ]


@pytest.mark.parametrize("values", ODD)
async def test_a_page_without_one_hit_that_can_be_read_has_changed(
    play: PlayDouble, store: Play, values: dict[str, Any]
) -> None:
    play.finds("messaging", *ids(32))
    for app_id in ids(2, start=30):
        play.put(app_id, **values)
    await changed(store)
    play.finds("messaging", *ids(2, start=30))
    await changed(store)


async def test_a_hit_without_an_offer(play: PlayDouble, store: Play) -> None:
    play.page_size = 1
    play.finds("messaging", *ids(2))
    for app_id in ids(2):
        play.put(app_id, micros=None, stars=None, summary=None)
    row, further = await search(store)
    assert (row["price"], row["free"], row["score"], row["summary"]) == (0, False, 0, "")
    # there an app that is free has none
    assert (further["price"], further["free"], further["score"], further["summary"]) == (0, True, 0, "")


async def test_addresses_are_built_and_never_the_stores_own(play: PlayDouble, store: Play) -> None:
    play.finds("messaging", "com.example.app0")
    play.put("com.example.app0", icon="http://127.0.0.1:1/", over_row={(10, 4, 2): "https://evil.example/"})
    [hit] = await search(store)
    assert hit["url"] == "https://play.google.com/store/apps/details?id=com.example.app0"
    assert "icon" not in hit
    assert play.count() == 1
