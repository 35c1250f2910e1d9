"""An App Store that fails, has changed, or means harm."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from tallystick.domain.appstores.model import LONGEST, MOST, checked, checked_hit
from tallystick.domain.appstores.port import Fault, StoreFailed
from tallystick.gateways.appstore import Apple
from tests.doubles.stores import Answer, AppleDouble, Asked
from tests.doubles.stores import edge as doubles

pytestmark = pytest.mark.anyio

REQUIRED = ["trackId", "bundleId", "trackName", "artistName", "primaryGenreName", "price", "version"]


class Saying(AppleDouble):
    """Says what a test says, if it says something."""

    body: bytes | None = None
    media = "text/javascript; charset=utf-8"

    def answer(self, asked: Asked) -> Answer:
        return super().answer(asked) if self.body is None else Answer(200, self.body, self.media)


@pytest.fixture
def apple() -> Iterator[Saying]:
    with Saying() as double:
        double.finds("app", 1, 2)
        yield double


@pytest.fixture
async def store(apple: Saying) -> AsyncIterator[Apple]:
    made = Apple(apple.url, timeout=60)
    yield made
    await made.aclose()


async def both_fail(store: Apple, fault: Fault) -> None:
    with pytest.raises(StoreFailed) as failure:
        await store.details("1", "us", "en")
    assert failure.value.fault == fault
    assert failure.value.__cause__ is None
    with pytest.raises(StoreFailed) as failure:
        await store.search("app", "us", "en", 250)
    assert failure.value.fault == fault


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("html", "changed"),
        ("broken", "changed"),
        ("changed", "changed"),
        ("bomb", "too_large"),
        ("huge", "too_large"),
        ("redirect", "redirect"),
    ],
)
async def test_days_on_which_it_fails(apple: Saying, store: Apple, fault: doubles.Fault, said: Fault) -> None:
    apple.fault = fault
    await both_fail(store, said)
    assert len(apple.asked) == 2
    apple.fault = None
    assert (await store.details("1", "us", "en"))["id"] == 1


@pytest.mark.parametrize("status", [400, 403, 404, 500])
async def test_a_status_is_no_unknown_app(apple: Saying, store: Apple, status: int) -> None:
    apple.fault, apple.status = "status", status
    await both_fail(store, "status")


async def test_an_app_store_that_is_slow(apple: Saying) -> None:
    store = Apple(apple.url, timeout=0.3)
    apple.fault = "slow"
    await both_fail(store, "timeout")
    await store.aclose()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"{}",
        b'{"resultCount":0}',
        b'{"resultCount":1,"results":{}}',
        b'{"resultCount":"1","results":[]}',
        b'{"results":[]}',
        b'{"resultCount":1,"results":[',
        b'{"resultCount":NaN,"results":[]}',
        b'{"resultCount":1,"results":[{"price":Infinity}]}',
        b'{"resultCount":1,"results":[{"price":-Infinity}]}',
        b'{"resultCount":1,"results":[' + b"9" * 5000 + b"]}",
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 100_000,
        b'\xff\xfe{"resultCount":0,"results":[]}',
        b'{"resultCount":1,"results":[{"trackName":"\xff"}]}',
        b"callback({})",
    ],
)
async def test_what_is_no_answer_of_apples(apple: Saying, store: Apple, body: bytes) -> None:
    apple.body = body
    await both_fail(store, "changed")


@pytest.mark.parametrize("media", ["text/html", "text/plain", "application/octet-stream", "", "json"])
async def test_another_media_type(apple: Saying, store: Apple, media: str) -> None:
    apple.body, apple.media = b'{"resultCount":0,"results":[]}', media
    await both_fail(store, "changed")


@pytest.mark.parametrize(
    "media", ["text/javascript", "application/json; charset=utf-8", "application/javascript"]
)
async def test_media_types_that_it_may_have(apple: Saying, store: Apple, media: str) -> None:
    apple.body, apple.media = b'{"resultCount":0,"results":[]}', media
    assert await store.search("app", "us", "en", 250) == []


@pytest.mark.parametrize("name", [*REQUIRED, "minimumOsVersion"])
@pytest.mark.parametrize("value", [None, [], {}, True])
async def test_a_hit_that_lacks_something_is_left_out(
    apple: Saying, store: Apple, name: str, value: Any
) -> None:
    apple.put(1, **{name: value})
    assert [hit["id"] for hit in await store.search("app", "us", "en", 250)] == [2]
    apple.put(2, **{name: value})
    with pytest.raises(StoreFailed) as failure:
        await store.search("app", "us", "en", 250)
    assert failure.value.fault == "changed"


@pytest.mark.parametrize("name", REQUIRED)
async def test_details_that_lack_something_are_not_what_they_were(
    apple: Saying, store: Apple, name: str
) -> None:
    values: dict[str, Any] = {name: None}
    apple.put(1, **values)
    with pytest.raises(StoreFailed) as failure:
        await store.details("1", "us", "en")
    assert failure.value.fault == "changed"


async def test_another_app_than_the_one_asked_for(apple: Saying, store: Apple) -> None:
    apple.put(1, trackId=2)
    with pytest.raises(StoreFailed) as failure:
        await store.details("1", "us", "en")
    assert failure.value.fault == "changed"


@pytest.mark.parametrize("one", [None, 1, "app", [], {}, {"wrapperType": "software"}, True])
async def test_results_that_are_no_apps(apple: Saying, store: Apple, one: Any) -> None:
    apple.body = json.dumps({"resultCount": 1, "results": [one]}).encode()
    with pytest.raises(StoreFailed) as failure:
        await store.search("app", "us", "en", 250)
    assert failure.value.fault == "changed"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("averageUserRating", -1),
        ("averageUserRating", 5.01),
        ("averageUserRating", "4.5"),
        ("averageUserRating", True),
        pytest.param("averageUserRating", 10**400, id="score-huge"),
        ("userRatingCount", -1),
        ("userRatingCount", 1.5),
        ("userRatingCount", 2**63),
        ("userRatingCount", True),
        ("price", -0.01),
        pytest.param("price", 10**400, id="price-huge"),
        ("price", "0"),
        ("trackId", 0),
        ("trackId", -1),
        ("trackId", 2**63),
        ("trackId", "1"),
        ("trackName", " \n"),
        ("trackName", "\0"),
    ],
)
async def test_numbers_and_texts_that_are_none(apple: Saying, store: Apple, name: str, value: Any) -> None:
    apple.put(1, **{name: value})
    assert [hit["id"] for hit in await store.search("app", "us", "en", 250)] == [2]


async def test_a_number_without_an_end(apple: Saying, store: Apple) -> None:
    apple.body = json.dumps({"resultCount": 1, "results": [apple.put(1)]}).encode().replace(b"4.5", b"1e999")
    with pytest.raises(StoreFailed):
        await store.details("1", "us", "en")


async def test_texts_that_cannot_be_kept_are_made_so(apple: Saying, store: Apple) -> None:
    app = apple.put(1, trackName="A\0pp \ud83d", description="\0x" * LONGEST, genres=["a\0"] * (MOST + 5))
    apple.body = json.dumps({"resultCount": 1, "results": [app]}).encode()
    details = await store.details("1", "us", "en")
    assert details["title"] == "A pp"
    assert set(details["description"]) == {"x", " "}
    assert details["genres"] == ["a"] * MOST
    assert checked("apple", details) == details
    (hit,) = await store.search("app", "us", "en", 250)
    assert checked_hit("apple", hit) == hit


@pytest.mark.parametrize(
    ("view", "url"),
    [
        ("https://apps.apple.com/us/app/an-app/id1?mt=8&uo=4#x", "https://apps.apple.com/us/app/an-app/id1"),
        ("https://apps.apple.com/cn/app/%E5%BE%AE/id1", "https://apps.apple.com/cn/app/%E5%BE%AE/id1"),
        ("https://itunes.apple.com/us/app/id1?mt=8", "https://itunes.apple.com/us/app/id1"),
        ("", "https://apps.apple.com/us/app/id1"),
        (7, "https://apps.apple.com/us/app/id1"),
        ("http://apps.apple.com/us/app/an-app/id1", "https://apps.apple.com/us/app/id1"),
        ("https://apps.apple.com.evil.example/id1", "https://apps.apple.com/us/app/id1"),
        ("https://evilapple.com/id1", "https://apps.apple.com/us/app/id1"),
        ("https://apps.apple.com@evil.example/id1", "https://apps.apple.com/us/app/id1"),
        ("https://evil.example\\.apple.com/id1", "https://apps.apple.com/us/app/id1"),
        ("https://apps.apple.com:8443/id1", "https://apps.apple.com/us/app/id1"),
        ("https://[::1/id1", "https://apps.apple.com/us/app/id1"),
        ("javascript:alert(1)//apps.apple.com/", "https://apps.apple.com/us/app/id1"),
        ("https://apps.apple.com/us/app/a b/id1", "https://apps.apple.com/us/app/id1"),
        ('https://apps.apple.com/"><script>', "https://apps.apple.com/us/app/id1"),
        ("https://apps.apple.com/" + "a" * 3000, "https://apps.apple.com/us/app/id1"),
    ],
)
async def test_an_apps_page_is_one_of_apples(apple: Saying, store: Apple, view: Any, url: str) -> None:
    apple.put(1, trackViewUrl=view)
    assert (await store.details("1", "us", "en"))["url"] == url


@pytest.mark.parametrize(
    "address",
    ["http://a.example/i.png", "javascript:alert(1)", "data:image/png;base64,AA", "//a.example", "", 7],
)
async def test_a_picture_has_an_address_of_https(apple: Saying, store: Apple, address: Any) -> None:
    apple.put(1, artworkUrl512=address, artworkUrl100=address, artworkUrl60=address, screenshotUrls=[address])
    details = await store.details("1", "us", "en")
    assert "icon" not in details
    assert not details.get("screenshots")
