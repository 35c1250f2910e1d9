"""Nothing that a store answers, a caller says or the environment has leads a request anywhere else (SSRF)."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest

from tallystick.domain.appstores.port import AppUnknown, Store, StoreFailed
from tallystick.gateways.appstore import Apple
from tallystick.gateways.fetching import Fetcher
from tallystick.gateways.playstore import Play
from tests.doubles.stores import Answer, AppleDouble, PlayDouble, StoreEdge

from .shelf import MEDIA, Shelf, got

pytestmark = pytest.mark.anyio

HARMFUL = [
    "../",
    "../../lookup?id=1",
    "..%2f..%2fadmin",
    "/../../etc/passwd",
    "//internal.example/",
    "http://127.0.0.1/",
    "http://169.254.169.254/latest/meta-data/",
    "file:///etc/passwd",
    "a&country=zz",
    "a&term=b&limit=0",
    "a#fragment",
    "a?b=c",
    "@internal.example",
    "user:password@internal.example/",
    "a\r\nHost: internal.example",
    "a\r\n\r\nGET /admin HTTP/1.1\r\nHost: internal.example\r\n\r\n",
    "a\0b",
    "a b\tc",
    "%0d%0aX-Injected: 1",
    "\\\\internal.example\\share",
    "ｈｔｔｐ：／／１２７.０.０.１",
    "{keyword}",
    "${jndi:ldap://internal.example/}",
]


@pytest.fixture
def inside() -> Iterator[Shelf]:
    """A server that nobody outside is to reach."""
    with Shelf() as double:
        yield double


@pytest.fixture
def play() -> Iterator[PlayDouble]:
    with PlayDouble() as double:
        double.finds("app", "com.example.one", "com.example.two")
        yield double


@pytest.fixture
def apple() -> Iterator[AppleDouble]:
    with AppleDouble() as double:
        double.finds("app", 1, 2)
        yield double


@pytest.fixture
async def stores(
    play: PlayDouble, apple: AppleDouble
) -> AsyncIterator[dict[str, tuple[Store, StoreEdge, str]]]:
    """Each with its double and an app that it has."""
    android, ios = Play(play.url, timeout=60), Apple(apple.url, timeout=60)
    yield {"play": (android, play, "com.example.one"), "apple": (ios, apple, "1")}
    await android.aclose()
    await ios.aclose()


Stores = dict[str, tuple[Store, StoreEdge, str]]


@pytest.mark.parametrize("name", ["play", "apple"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(stores: Stores, inside: Shelf, name: str, status: int) -> None:
    store, double, app_id = stores[name]
    double.fault, double.status, double.leads_to = "redirect", status, inside.url + "/admin"
    calls: list[Callable[[], Awaitable[object]]] = [
        lambda: store.search("app", "us", "en", 250),
        lambda: store.details(app_id, "us", "en"),
    ]
    for call in calls:
        with pytest.raises(StoreFailed) as failure:
            await call()
        assert failure.value.fault == "redirect"
        assert inside.url not in str(failure.value)
    assert inside.count() == 0
    assert double.count() == 2  # nor is it asked for again at the store itself


async def test_other_ways_to_lead_elsewhere_are_not_followed(inside: Shelf) -> None:
    """A refresh, a location of an answer that is no redirect, another service in the same place."""
    ways = {
        "Refresh": f"0; url={inside.url}/",
        "Location": f"{inside.url}/",
        "Content-Location": f"{inside.url}/",
        "Alt-Svc": f'h2="{inside.url.removeprefix("http://")}"',
        "Link": f"<{inside.url}/>; rel=preload",
    }
    with Shelf() as shelf:
        shelf.kept = Answer(200, b"{}", MEDIA, ways)
        fetcher = Fetcher(shelf.url)
        for _ in range(2):
            assert await got(fetcher) == b"{}"
        await fetcher.aclose()
        assert shelf.count() == 2
    assert inside.count() == 0


async def test_addresses_of_store_data_are_shown_and_never_fetched(
    stores: Stores, play: PlayDouble, apple: AppleDouble, inside: Shelf
) -> None:
    there = inside.url.replace("http://", "https://") + "/picture.png"
    play.put("com.example.one", icon=there, screenshots=(there,), website=there)
    apple.put(
        1,
        artworkUrl512=there,
        screenshotUrls=[there],
        trackViewUrl=there,
        sellerUrl=there,
        artistViewUrl=there,
    )
    for store, double, app_id in stores.values():
        await store.search("app", "us", "en", 250)
        details = await store.details(app_id, "us", "en")
        assert details["icon"] == there
        assert inside.url.removeprefix("http://") not in details["url"]
        assert double.count() == 2
    assert inside.connections_made == 0


@pytest.mark.parametrize("keyword", HARMFUL)
async def test_a_keyword_stays_in_its_parameter(stores: Stores, keyword: str) -> None:
    for name, (store, double, _) in stores.items():
        assert await store.search(keyword, "us", "en", 250) == []
        (asked,) = double.asked
        assert asked.path == ("/store/search" if name == "play" else "/search")
        assert asked.query["q" if name == "play" else "term"] == keyword
        assert asked.query["gl" if name == "play" else "country"] == "us"
        assert asked.headers["host"] == double.url.removeprefix("http://")
        assert "x-injected" not in asked.headers
        assert asked.target.isascii()


@pytest.mark.parametrize("app_id", HARMFUL)
async def test_an_id_that_is_none_is_not_sent(stores: Stores, app_id: str) -> None:
    for store, double, _ in stores.values():
        with pytest.raises(AppUnknown):
            await store.details(app_id, "us", "en")
        assert double.count() == 0


@pytest.mark.parametrize("country", ["us&gl=de", "../", "@internal.example", "u\r\ns", "//internal.example"])
async def test_a_country_and_a_language_stay_in_their_parameters(stores: Stores, country: str) -> None:
    """They are checked before; were they not, they would still be no more than values."""
    for name, (store, double, _) in stores.items():
        await store.search("app", country, country, 250)
        asked = double.asked[-1]
        assert asked.path == ("/store/search" if name == "play" else "/search")
        assert asked.query["gl" if name == "play" else "country"] == country
        assert asked.headers["host"] == double.url.removeprefix("http://")


async def test_proxies_of_the_environment_are_not_used(
    stores: Stores, inside: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, inside.url)
    for store, double, app_id in stores.values():
        assert await store.details(app_id, "us", "en")
        assert double.count() == 1
    assert inside.connections_made == 0
