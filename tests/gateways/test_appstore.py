"""Apple's App Store as it answers: every field of hits and details, and what is left out."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from tallystick.domain.appstores.model import checked, checked_hit
from tallystick.domain.appstores.port import AppUnknown
from tallystick.gateways.appstore import Apple
from tallystick.gateways.appstore.store import POLITE, URL
from tests.doubles.stores import AppleDouble
from tests.doubles.stores.printed import MESSAGING_APPLE

pytestmark = pytest.mark.anyio

WHATSAPP, SIGNAL, THREEMA = 310633997, 874139669, 578665578


@pytest.fixture
def apple() -> Iterator[AppleDouble]:
    with AppleDouble() as double:
        double.put(
            WHATSAPP,
            bundleId="net.whatsapp.WhatsApp",
            trackName="WhatsApp Messenger",
            trackViewUrl=f"https://apps.apple.com/us/app/whatsapp-messenger/id{WHATSAPP}?uo=4",
            artistName="WhatsApp Inc.",
            averageUserRating=4.69334,
            userRatingCount=16707847,
            version="25.30.73",
            minimumOsVersion="15.1",
        )
        double.put(
            SIGNAL,
            bundleId="org.whispersystems.signal",
            trackName="Signal - Private Messenger",
            trackViewUrl=f"https://apps.apple.com/us/app/signal-private-messenger/id{SIGNAL}?uo=4",
            artistName="Signal Messenger, LLC",
            averageUserRating=4.74999,
            userRatingCount=958541,
            version="7.82",
            minimumOsVersion="15.0",
        )
        double.finds("messaging", WHATSAPP, SIGNAL)
        yield double


@pytest.fixture
async def store(apple: AppleDouble) -> AsyncIterator[Apple]:
    made = Apple(apple.url, timeout=60)
    yield made
    await made.aclose()


async def test_the_documents_hits(apple: AppleDouble, store: Apple) -> None:
    hits = await store.search("messaging", "us", "en", 250)
    assert hits == MESSAGING_APPLE
    assert [list(checked_hit("apple", hit).items()) for hit in hits] == [
        list(hit.items()) for hit in MESSAGING_APPLE
    ]
    (asked,) = apple.asked
    assert (asked.method, asked.path) == ("GET", "/search")
    assert asked.query == {
        "term": "messaging",
        "country": "us",
        "lang": "en_us",
        "media": "software",
        "entity": "software",
        "limit": "200",
    }


async def test_all_that_is_said_of_one_app(apple: AppleDouble, store: Apple) -> None:
    details = await store.details(str(WHATSAPP), "us", "en")
    assert details == {
        "title": "WhatsApp Messenger",
        "appId": "net.whatsapp.WhatsApp",
        "score": 4.69,
        "ratings": 16707847,
        "developer": "WhatsApp Inc.",
        "primaryGenre": "Social Networking",
        "price": 0,
        "free": True,
        "version": "25.30.73",
        "id": WHATSAPP,
        "url": f"https://apps.apple.com/us/app/whatsapp-messenger/id{WHATSAPP}",
        "icon": f"https://is1-ssl.mzstatic.com/image/thumb/Purple/{WHATSAPP}/512x512bb.jpg",
        "description": "An app.\nWith two lines.",
        "releaseNotes": "We fixed bugs.",
        "requiredOsVersion": "15.1",
        "released": "2009-05-04",
        "updated": "2025-10-27",
        "contentRating": "12+",
        "currency": "USD",
        "genres": ["Social Networking", "Utilities"],
        "languages": ["EN", "DE"],
        "size": 207826944,
        "developerId": 310634000,
        "developerWebsite": "https://www.example.com",
        "screenshots": [
            f"https://is1-ssl.mzstatic.com/image/thumb/Purple/{WHATSAPP}/392x696bb.png",
            f"https://is1-ssl.mzstatic.com/image/thumb/Purple/{WHATSAPP}/2/392x696bb.png",
        ],
    }
    assert checked("apple", details) == details
    (asked,) = apple.asked
    assert (asked.method, asked.path) == ("GET", "/lookup")
    assert asked.query == {"id": str(WHATSAPP), "country": "us", "lang": "en_us", "entity": "software"}


@pytest.mark.parametrize(("country", "language"), [("de", "en"), ("gb", "fr"), ("jp", "ja")])
async def test_a_country_and_a_language(
    apple: AppleDouble, store: Apple, country: str, language: str
) -> None:
    apple.put(THREEMA, sold_in=("jp", "gb", "de"))
    apple.finds("threema", THREEMA)
    (hit,) = await store.search("threema", country, language, 10)
    assert hit["url"] == f"https://apps.apple.com/{country}/app/app/id{THREEMA}"
    assert (await store.details(str(THREEMA), country, language))["url"] == hit["url"]
    where = [(asked.query["country"], asked.query["lang"]) for asked in apple.asked]
    assert where == [(country, f"{language}_{country}")] * 2


async def test_what_is_not_sold_in_a_country_is_unknown_there(apple: AppleDouble, store: Apple) -> None:
    apple.put(THREEMA, sold_in=("de",))
    apple.finds("threema", THREEMA)
    assert await store.search("threema", "us", "en", 10) == []
    with pytest.raises(AppUnknown):
        await store.details(str(THREEMA), "us", "en")


async def test_an_app_that_is_sold_no_more_is_unknown(apple: AppleDouble, store: Apple) -> None:
    apple.remove(SIGNAL)
    with pytest.raises(AppUnknown):
        await store.details(str(SIGNAL), "us", "en")


@pytest.mark.parametrize(
    "app_id",
    ["", "0", "-1", "007", "1.5", "com.whatsapp", "310633997 ", "٣", "9" * 20, "1,2", "1&country=de", "../1"],
)
async def test_what_is_no_number_of_an_app_is_not_asked_for(
    apple: AppleDouble, store: Apple, app_id: str
) -> None:
    with pytest.raises(AppUnknown):
        await store.details(app_id, "us", "en")
    assert apple.asked == []


async def test_a_keyword_that_finds_nothing(store: Apple) -> None:
    assert await store.search("qqqq", "us", "en", 250) == []


@pytest.mark.parametrize(("there", "limit", "given"), [(7, 5, 5), (3, 5, 3), (260, 250, 200), (1, 1, 1)])
async def test_as_many_as_the_store_gives(
    apple: AppleDouble, store: Apple, there: int, limit: int, given: int
) -> None:
    apple.finds("many", *range(1, there + 1))
    hits = await store.search("many", "us", "en", limit)
    assert [hit["id"] for hit in hits] == list(range(1, given + 1))


async def test_an_app_stands_once_in_the_hits(apple: AppleDouble, store: Apple) -> None:
    apple.finds("twice", 1, 2, 1, 3, 2)
    assert [hit["id"] for hit in await store.search("twice", "us", "en", 250)] == [1, 2, 3]


async def test_an_app_that_nobody_has_rated(apple: AppleDouble, store: Apple) -> None:
    apple.put(1, averageUserRating=None, userRatingCount=None)
    apple.finds("new", 1)
    (hit,) = await store.search("new", "us", "en", 10)
    assert (hit["score"], hit["reviews"]) == (0, 0)
    details = await store.details("1", "us", "en")
    assert (details["score"], details["ratings"]) == (0, 0)


@pytest.mark.parametrize(
    ("said", "price", "free"), [(0, "0", True), (0.0, "0", True), (4.99, "4.99", False), (5.0, "5", False)]
)
async def test_prices(apple: AppleDouble, store: Apple, said: float, price: str, free: bool) -> None:
    apple.put(1, price=said)
    details = await store.details("1", "us", "en")
    assert (repr(details["price"]), details["free"]) == (price, free)


@pytest.mark.parametrize(
    ("said", "score"), [(4.69334, 4.69), (4.695, 4.7), (5.0, 5), (0.0, 0), (3, 3), (4.999, 5.0)]
)
async def test_scores_have_two_decimals(apple: AppleDouble, store: Apple, said: float, score: float) -> None:
    apple.put(1, averageUserRating=said)
    assert (await store.details("1", "us", "en"))["score"] == pytest.approx(score, abs=0.0051)
    assert len(str((await store.details("1", "us", "en"))["score"])) <= 4


@pytest.mark.parametrize(
    ("name", "values", "shown"),
    [
        ("icon", {"artworkUrl512": None}, "https://is1-ssl.mzstatic.com/image/thumb/Purple/1/100x100bb.jpg"),
        ("icon", {"artworkUrl512": None, "artworkUrl100": None, "artworkUrl60": None}, None),
        ("updated", {"currentVersionReleaseDate": None}, "2009-05-04"),
        ("released", {"releaseDate": "2024-02-29T08:00:00Z"}, "2024-02-29"),
        ("released", {"releaseDate": "2023-02-29T08:00:00Z"}, None),
        ("released", {"releaseDate": "soon"}, None),
        ("contentRating", {"contentAdvisoryRating": None, "trackContentRating": "17+"}, "17+"),
        ("releaseNotes", {"releaseNotes": None}, None),
        ("size", {"fileSizeBytes": 1234}, 1234),
        ("size", {"fileSizeBytes": "many"}, None),
        (
            "screenshots",
            {"screenshotUrls": [], "ipadScreenshotUrls": ["https://a.example/1"]},
            ["https://a.example/1"],
        ),
        ("screenshots", {"screenshotUrls": None, "ipadScreenshotUrls": None}, None),
        ("languages", {"languageCodesISO2A": ["EN", 7, None, ""]}, ["EN"]),
        ("developerWebsite", {"sellerUrl": "javascript:alert(1)"}, None),
        ("requiredOsVersion", {"minimumOsVersion": None}, None),
    ],
)
async def test_what_is_said_otherwise_or_not_at_all(
    apple: AppleDouble, store: Apple, name: str, values: dict[str, Any], shown: Any
) -> None:
    apple.put(1, **values)
    details = await store.details("1", "us", "en")
    assert details.get(name) == shown
    assert checked("apple", details) == details


@pytest.mark.parametrize(
    "values",
    [
        {"wrapperType": "track", "kind": "song"},
        {"wrapperType": "audiobook", "kind": None},
        {"kind": "mac-software"},
        {"kind": "ebook"},
    ],
)
async def test_other_kinds_are_left_out(apple: AppleDouble, store: Apple, values: dict[str, Any]) -> None:
    apple.put(1, **values)
    apple.finds("mixed", 1, 2)
    assert [hit["id"] for hit in await store.search("mixed", "us", "en", 10)] == [2]
    with pytest.raises(AppUnknown):
        await store.details("1", "us", "en")


async def test_an_app_that_apple_does_not_call_one(apple: AppleDouble, store: Apple) -> None:
    apple.put(1, wrapperType=None, kind=None)
    assert (await store.details("1", "us", "en"))["id"] == 1


def test_its_own_origin_is_asked_politely() -> None:
    assert URL == "https://itunes.apple.com"
    assert (POLITE.a_minute, POLITE.burst) == (20, 20)
