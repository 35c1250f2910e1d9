"""Reading from a store: what is sent, what is given, and what is done about a store that fails."""

import logging
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from email.utils import formatdate

import pytest

from tallystick.domain.appstores.port import Fault
from tallystick.gateways.fetching import Fetcher, NotThere
from tests.doubles.stores import Answer
from tests.doubles.stores import edge as doubles
from tests.doubles.wire import receiver, says

from .shelf import MEDIA, Shelf, failed, got

pytestmark = pytest.mark.anyio

MOST = 100_000


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    with Shelf() as double:
        yield double


@pytest.fixture
async def fetcher(shelf: Shelf) -> AsyncIterator[Fetcher]:
    made = Fetcher(shelf.url, timeout=60, patience=60, most=MOST, chance=lambda: 0)
    yield made
    await made.aclose()


async def test_what_a_get_sends(shelf: Shelf, fetcher: Fetcher) -> None:
    params = {"q": "a b&c=d/é", "empty": ""}
    assert await fetcher.get("/page", params, expect=(MEDIA,)) == b'{"a":1}'
    (asked,) = shelf.asked
    assert (asked.method, asked.target) == ("GET", "/page?q=a+b%26c%3Dd%2F%C3%A9&empty=")
    assert asked.query == params
    assert asked.headers == {
        "host": shelf.url.removeprefix("http://"),
        "user-agent": "Tallystick",
        "accept": "*/*",
        "accept-encoding": "gzip",
    }


async def test_what_a_post_sends(shelf: Shelf, fetcher: Fetcher) -> None:
    form = {"f.req": '[["a&b", "c=d"]]'}
    assert await fetcher.post("/call", {"hl": "en"}, form, expect=(MEDIA,)) == b'{"a":1}'
    (asked,) = shelf.asked
    assert (asked.method, asked.target, asked.form) == ("POST", "/call?hl=en", form)
    assert asked.headers["content-type"] == "application/x-www-form-urlencoded"


async def test_an_origin_with_a_path_keeps_it(shelf: Shelf) -> None:
    fetcher = Fetcher(shelf.url + "/mirror/")
    await got(fetcher)
    await fetcher.aclose()
    assert shelf.asked[0].target == "/mirror/page?q=a"


@pytest.mark.parametrize(
    "origin",
    [
        "",
        "play.example",
        "ftp://play.example",
        "http://",
        "http://[",
        "https://play.example:99999",
        "https://play.example:port",
        "https://ann@play.example",
        "https://play.example/?a",
        "https://play.example/#a",
    ],
)
def test_what_is_no_origin(origin: str) -> None:
    with pytest.raises(ValueError, match="address must be such as"):
        Fetcher(origin)


async def test_half_a_character_is_sent_as_a_question_mark(shelf: Shelf, fetcher: Fetcher) -> None:
    await fetcher.get("/page", {"q": "a\ud800b"}, expect=(MEDIA,))
    assert shelf.asked[0].query == {"q": "a?b"}


async def test_a_packed_answer_is_unpacked(shelf: Shelf, fetcher: Fetcher) -> None:
    shelf.kept = Answer(200, b"0" * MOST, MEDIA)  # the double packs what is long
    assert await got(fetcher) == b"0" * MOST


@pytest.mark.parametrize(
    "media", ["application/json; charset=utf-8", "Application/JSON ;x=y", "application/json"]
)
async def test_media_types_are_compared_as_such(shelf: Shelf, fetcher: Fetcher, media: str) -> None:
    shelf.kept = Answer(200, b"{}", media)
    assert await got(fetcher) == b"{}"


async def test_no_cookie_is_kept(shelf: Shelf, fetcher: Fetcher) -> None:
    shelf.kept = Answer(200, b"{}", MEDIA, {"Set-Cookie": "NID=5; Path=/"})
    for _ in range(2):
        await got(fetcher)
    assert [asked.headers.get("cookie") for asked in shelf.asked] == [None, None]


@pytest.mark.parametrize(
    ("fault", "said", "tries"),
    [
        ("down", "unreachable", 3),
        ("cut", "unreachable", 3),
        ("status", "status", 3),
        ("html", "changed", 1),
        ("huge", "too_large", 1),
        ("bomb", "too_large", 1),
        ("redirect", "redirect", 1),
    ],
)
async def test_faults_by_name_and_how_often_they_are_tried(
    shelf: Shelf, fetcher: Fetcher, fault: doubles.Fault, said: Fault, tries: int
) -> None:
    shelf.fault = fault
    text = await failed(fetcher, said)
    assert len(shelf.asked) == tries
    assert shelf.url not in text
    assert "/page" not in text
    shelf.fault = None
    assert await got(fetcher) == b'{"a":1}'


@pytest.mark.parametrize("fault", ["slow", "drip"])
async def test_a_store_that_takes_too_long(shelf: Shelf, fault: doubles.Fault) -> None:
    fetcher = Fetcher(shelf.url, timeout=0.3)
    shelf.fault = fault
    await failed(fetcher, "timeout")
    await fetcher.aclose()


async def test_a_port_where_nobody_listens() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        fetcher = Fetcher(f"http://127.0.0.1:{free.getsockname()[1]}", timeout=60)
        await failed(fetcher, "unreachable")
        await fetcher.aclose()


async def test_a_certificate_that_nobody_vouches_for(
    authority: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    async with receiver(says(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"), authority[0]) as there:
        fetcher = Fetcher(there.url("localhost", "https", path=""), timeout=60, chance=lambda: 0)
        await failed(fetcher, "unreachable")
        await fetcher.aclose()
    assert there.requests == []


async def test_a_store_that_has_gone(shelf: Shelf, fetcher: Fetcher) -> None:
    await got(fetcher)
    shelf.kill()
    await failed(fetcher, "unreachable")


@pytest.mark.parametrize(
    ("status", "tries"),
    [(201, 1), (204, 1), (400, 1), (403, 1), (410, 1), (500, 1), (429, 3), (502, 3), (503, 3), (504, 3)],
)
async def test_another_status(shelf: Shelf, fetcher: Fetcher, status: int, tries: int) -> None:
    shelf.fault, shelf.status = "status", status
    assert await failed(fetcher, "status") == f"The store answered {status}."
    assert len(shelf.asked) == tries


async def test_what_is_not_there_is_said_apart(shelf: Shelf, fetcher: Fetcher) -> None:
    shelf.fault, shelf.status = "status", 404
    with pytest.raises(NotThere) as failure:
        await got(fetcher)
    assert failure.value.fault == "status"
    assert len(shelf.asked) == 1


@pytest.mark.parametrize("fault", ["down", "cut", "status"])
@pytest.mark.parametrize("times", [1, 2])
async def test_what_passes_is_tried_again(
    shelf: Shelf, fetcher: Fetcher, fault: doubles.Fault, times: int
) -> None:
    shelf.fault, shelf.times = fault, times
    assert await got(fetcher) == b'{"a":1}'
    assert len(shelf.asked) == times + 1


async def test_a_post_is_sent_again_whole(shelf: Shelf, fetcher: Fetcher) -> None:
    shelf.fault, shelf.times = "status", 1
    await fetcher.post("/call", {}, {"a": "b"}, expect=(MEDIA,))
    assert [asked.form for asked in shelf.asked] == [{"a": "b"}] * 2


async def test_a_try_may_be_the_only_one(shelf: Shelf) -> None:
    fetcher = Fetcher(shelf.url, tries=1)
    shelf.fault, shelf.times = "status", 1
    await failed(fetcher, "status")
    assert len(shelf.asked) == 1
    await fetcher.aclose()


@pytest.mark.parametrize(
    "after", ["0", "1", formatdate(0, usegmt=True), "soon", "-5", "1e3", "9" * 400 + "x"]
)
async def test_a_wait_that_fits_is_kept(shelf: Shelf, fetcher: Fetcher, after: str) -> None:
    shelf.fault, shelf.times, shelf.retry_after = "status", 1, after
    assert await got(fetcher) == b'{"a":1}'
    assert len(shelf.asked) == 2


@pytest.mark.parametrize("after", ["3600", "9" * 400, formatdate(4_102_444_800, usegmt=True)])
async def test_a_wait_that_does_not_fit_ends_it_and_others_keep_it_too(shelf: Shelf, after: str) -> None:
    fetcher = Fetcher(shelf.url, timeout=60, patience=0)
    shelf.fault, shelf.times, shelf.retry_after = "status", 1, after
    await failed(fetcher, "status")
    await failed(fetcher, "busy")
    assert len(shelf.asked) == 1
    await fetcher.aclose()


async def test_the_last_tries_wait_is_kept_by_others(shelf: Shelf) -> None:
    fetcher = Fetcher(shelf.url, tries=1, patience=0)
    shelf.fault, shelf.retry_after = "status", "30"
    await failed(fetcher, "status")
    await failed(fetcher, "busy")
    await fetcher.aclose()


@pytest.mark.parametrize("coding", ["br", "zstd", "deflate", "gzip, gzip", "compress"])
async def test_codings_that_were_not_asked_for(shelf: Shelf, fetcher: Fetcher, coding: str) -> None:
    shelf.kept = Answer(200, b"{}", MEDIA, {"Content-Encoding": coding})
    await failed(fetcher, "changed")


async def test_what_is_called_packed_and_is_not(shelf: Shelf, fetcher: Fetcher) -> None:
    shelf.kept = Answer(200, b"{}", MEDIA, {"Content-Encoding": "gzip"})
    await failed(fetcher, "changed")


async def test_one_byte_more_than_the_most_is_too_many(shelf: Shelf, fetcher: Fetcher) -> None:
    shelf.kept = Answer(200, b"0" * (MOST + 1), MEDIA)
    assert await failed(fetcher, "too_large") == f"The answer has more than {MOST} bytes."


async def test_addresses_are_not_logged(
    shelf: Shelf, fetcher: Fetcher, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger=""):
        await fetcher.get("/page", {"q": "a secret plan"}, expect=(MEDIA,))
        shelf.fault = "down"
        await failed(fetcher, "unreachable")
    assert "secret" not in caplog.text
    assert "/page" not in caplog.text
