"""Google Play, on a port of this machine: pages with data in scripts, and batched calls for further hits.

Written from what its site sends in October 2026. No page of it stands here: each is made of the app's values.

    with PlayDouble() as play:
        play.put("com.whatsapp", title="WhatsApp Messenger", stars=4.391, ratings=212040976)
        play.finds("messaging", "com.whatsapp", "com.facebook.orca")
        Play(play.url)                      # or Settings(play_store_url=play.url)
        play.count(DETAILS), play.count(SEARCH), play.count(MORE)
        play.fault = "status"               # and see edge.py
"""

import json
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import urlencode

from .edge import Answer, Asked, StoreEdge

SEARCH: Final = "/store/search"
DETAILS: Final = "/store/apps/details"
MORE: Final = "/_/PlayStoreUi/data/batchexecute"

Path = tuple[int, ...]

_IMAGE: Final = "https://play-lh.googleusercontent.com"


@dataclass(frozen=True)
class AndroidApp:
    """An app's values, by what they mean. None: Google Play says nothing of it."""

    app_id: str
    title: str | None = "An App"
    developer: str | None = "Example Inc."
    developer_id: str = "5700313618786177705"
    email: str | None = "help@example.com"
    website: str | None = "https://www.example.com/"
    genre: str | None = "Communication"
    summary: str | None = "Talk &amp; listen."
    description: str | None = "An app.<br>With <b>two</b> lines."
    translated: str | None = None
    icon: str | None = f"{_IMAGE}/icon"
    screenshots: tuple[str, ...] = (f"{_IMAGE}/shot1", f"{_IMAGE}/shot2")
    micros: int | None = 0
    """The price, in millionths; None: the app has no offer."""
    currency: str = "USD"
    stars: float | None = 4.5
    ratings: int | None = 1000
    reviews: int | None = 100
    histogram: tuple[int, ...] = (10, 20, 70, 200, 700)
    installs: str | None = "100,000+"
    version: str | None = "1.0"
    android: str | None = "5.0 and up"
    content_rating: str | None = "Everyone"
    released: int | None = 1287360000
    """Seconds since 1970, as ``updated``."""
    updated: int | None = 1737331200
    sold_in: tuple[str, ...] = ()
    """Countries; empty: all."""
    over: dict[Path, Any] = field(default_factory=dict)
    """What stands instead at places of the array of details; and ``over_row``, of a row."""
    over_row: dict[Path, Any] = field(default_factory=dict)


class PlayDouble(StoreEdge):
    """A running Google Play. A keyword that was not told finds nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.apps: dict[str, AndroidApp] = {}
        self.cards: dict[str, str] = {}
        """The app that a keyword means: the card before its results."""
        self.page_size = 30
        """Hits on the page of results; a following page has as many as are asked for, or ``next_size``."""
        self.next_size: int | None = None
        self.tells_installs = True
        """Whether the rows of the page of results tell installs; those of following pages never do."""
        self.named = True
        """Whether a page says which block answers which service."""
        self.blocks = {"results": "ds:4", "details": "ds:5"}
        self.again = False
        """Following pages give the first page's hits again."""
        self._found: dict[str, list[str]] = {}

    def put(self, app_id: str, **values: Any) -> AndroidApp:
        """An app, or other values of one that is there already; see `AndroidApp`."""
        self.apps[app_id] = replace(self.apps.get(app_id) or AndroidApp(app_id), **values)
        return self.apps[app_id]

    def remove(self, app_id: str) -> None:
        """It is there no more."""
        del self.apps[app_id]

    def finds(self, keyword: str, *app_ids: str) -> None:
        """What a keyword finds, in that order. Those that are no apps yet are made."""
        for app_id in app_ids:
            if app_id not in self.apps:
                self.put(app_id)
        self._found[keyword] = list(app_ids)

    def answer(self, asked: Asked) -> Answer:
        if asked.path == SEARCH and asked.query.get("q"):
            return self._page(self._results(asked.query["q"], asked.query), "results", "lGYRle")
        if asked.path == DETAILS:
            app = self._sold(asked.query.get("id", ""), asked.query)
            return (
                _html(404, "<p>Not found") if app is None else self._page(_details(app), "details", "Ws7gDc")
            )
        if asked.path == MORE and asked.method == "POST" and asked.query.get("rpcids") == "qnKhOb":
            return self._more(asked)
        return _html(404, "<p>Not found")

    def changed(self, asked: Asked) -> Answer:
        if asked.path == MORE:
            return _called([[{"results": []}]])
        link = "/store/apps/details?id=com.example.elsewhere"
        return self._page([[None, [[None, {"7": [link]}]], [[["An App"]]]]], "results", "lGYRle")

    def _sold(self, app_id: str, query: dict[str, str]) -> AndroidApp | None:
        app = self.apps.get(app_id)
        if app is None or (app.sold_in and query.get("gl") not in app.sold_in):
            return None
        return app

    def _listed(self, keyword: str, query: dict[str, str]) -> list[AndroidApp]:
        apps = [self._sold(app_id, query) for app_id in self._found.get(keyword, [])]
        return [app for app in apps if app is not None]

    def _results(self, keyword: str, query: dict[str, str]) -> list[Any]:
        apps = self._listed(keyword, query)
        sections: list[Any] = []
        card = self._sold(self.cards.get(keyword, ""), query)
        if card is not None:
            sections.append(_array({(23,): _card(card)}))
        if apps:
            rows = [[_row(app, installs=self.tells_installs)] for app in apps[: self.page_size]]
            token = _token(keyword, self.page_size) if len(apps) > self.page_size else None
            sections.append(_array({(22, 0): rows, (22, 1, 3, 1): token}))
        return [[None, sections or [_array({(25, 0): "We couldn't find anything for your search"})]]]

    def _more(self, asked: Asked) -> Answer:
        [[[_, inner, _, _]]] = json.loads(asked.form["f.req"])
        [[_, [[_, [_, most]], *_], _, token]] = json.loads(inner)
        try:
            keyword, start = json.loads(bytes.fromhex(token))
        except ValueError:
            return _called(None, 3)
        apps = self._listed(keyword, asked.query)
        size = most if self.next_size is None else self.next_size
        at = 0 if self.again else start
        if at >= len(apps):
            return _called(None, 5)
        following = _token(keyword, start + size) if self.again or at + size < len(apps) else None
        return _called([[_array({(0,): [_further(app) for app in apps[at : at + size]], (7, 1): following})]])

    def _page(self, data: list[Any], key: str, service: str) -> Answer:
        named = self.blocks[key]
        table = {"ds:0": "sYxkDe", named: service, "ds:8": "Ws7gDc", "ds:9": "ag2B9c"}
        requests = ", ".join(f"'{ds}' : {{id:'{service}',request:[[null]]}}" for ds, service in table.items())
        blocks = {"ds:0": [["US", "en"]], named: data, "ds:8": [[], None], "ds:9": [[[0, [["similar"]]]]]}
        scripts = "".join(
            f"<script nonce=\"n\">AF_initDataCallback({{key: '{ds}', hash: '{at}', "
            f"data:{_script(value)}, sideChannel: {{}}}});</script>"
            for at, (ds, value) in enumerate(blocks.items(), 1)
        )
        keys = f"var AF_initDataKeys = {json.dumps(list(blocks))}"
        said = f"{keys}; var AF_dataServiceRequests = {{{requests}}}; var AF_initDataChunkQueue = [];"
        return _html(200, (f'<script nonce="n">{said}</script>' if self.named else "") + scripts)


def _array(places: dict[Path, Any]) -> list[Any]:
    """The array that has these values at these places."""
    made: list[Any] = []
    for path, value in places.items():
        node = made
        for place in path[:-1]:
            _grow(node, place)
            if not isinstance(node[place], list):
                node[place] = []
            node = node[place]
        _grow(node, path[-1])
        node[path[-1]] = value
    return made


def _grow(node: list[Any], place: int) -> None:
    node.extend([None] * (place + 1 - len(node)))


def _image(address: str | None) -> list[Any]:
    return [None, 2, [512, 512], [None, None, address]]


def _offer(app: AndroidApp) -> list[Any] | None:
    return None if app.micros is None else [app.micros, app.currency, ""]


def _stars(app: AndroidApp) -> list[Any] | None:
    return None if app.stars is None else [f"{app.stars:.1f}", app.stars]


def _link(app: AndroidApp) -> str:
    return f"{DETAILS}?{urlencode({'id': app.app_id})}"


def _row(app: AndroidApp, *, installs: bool) -> list[Any]:
    row = {
        (0,): [app.app_id, 7],
        (1,): _image(app.icon),
        (2,): [_image(shot) for shot in app.screenshots],
        (3,): app.title,
        (4,): _stars(app),
        (5,): app.genre,
        (8, 1, 0): _offer(app),
        (10, 4, 2): _link(app),
        (13, 1): app.summary,
        (14,): app.developer,
        (15,): app.installs if installs else None,
    }
    return _array(row | app.over_row)


def _further(app: AndroidApp) -> list[Any]:
    row: dict[Path, Any] = {
        (1, 1, 0): _image(app.icon),
        (2,): app.title,
        (4, 0, 0, 0): app.developer,
        (4, 1, 1, 1, 1): app.summary,
        (6, 0, 2, 1): _stars(app),
        # an app that is free has no offer here
        (7, 0, 3, 2, 1, 0): _offer(app) if app.micros else None,
        (9, 4, 2): _link(app),
        (12,): [app.app_id, 7],
    }
    return _array(row | app.over_row)


def _card(app: AndroidApp) -> list[Any]:
    # an object at the end has the places that are far behind: the twelfth is the place 11
    named = [None, None, _app(app), {"12": [[app.app_id, 7]]}]
    return _array({(16,): named, (17, 0, 0, 4, 2): _link(app), (17, 0, 2, 0, 1, 0): _offer(app)})


def _details(app: AndroidApp) -> list[Any]:
    return [None, [None, None, _app(app)]]


def _app(app: AndroidApp) -> list[Any]:
    """The array of an app's details; the last places in the object at its end, as the site has them."""
    stars = [None, *([None, count] for count in app.histogram)]
    places: dict[Path, Any] = {
        (0, 0): app.title,
        (9, 0): app.content_rating,
        (10,): None if app.released is None else ["Oct 18, 2010", [app.released, 0]],
        (12, 0, 0, 1): app.translated,
        (13,): None if app.installs is None else [app.installs, 100000, 123456, "100K+"],
        (51, 0): _stars(app),
        (51, 1): None if app.ratings is None else stars,
        (51, 2): None if app.ratings is None else [f"{app.ratings:,}", app.ratings],
        (51, 3): None if app.reviews is None else [f"{app.reviews:,}", app.reviews],
        (57, 0, 0, 0, 0, 1, 0): _offer(app),
        (68, 0): app.developer,
        (68, 1, 4, 2): f"/store/apps/dev?id={app.developer_id}",
        (69, 0, 5, 2): app.website,
        (69, 1, 0): app.email,
        (72, 0, 1): app.description,
        (73, 0, 1): app.summary,
        (77, 0): app.app_id,
        (78, 0): [_image(shot) for shot in app.screenshots],
        (79, 0, 0): [app.genre, None, "COMMUNICATION"],
        (95, 0): _image(app.icon),
        (140, 0, 0, 0): app.version,
        (140, 1, 1, 0, 0): [21, app.android],
        (145, 0, 1): [app.updated, 0],
    }
    whole = _array(places | app.over)
    return [*whole[:137], {str(place + 1): whole[place] for place in range(137, len(whole)) if whole[place]}]


def _token(keyword: str, start: int) -> str:
    return json.dumps([keyword, start]).encode().hex()


def _script(value: Any) -> str:
    """JSON in a script: what would end it is written otherwise, as the site does."""
    return json.dumps(value).replace("<", "\\u003c").replace("&", "\\u0026")


def _html(status: int, body: str) -> Answer:
    page = f'<!doctype html><html lang="en"><head><base href="https://play.google.com/"></head><body>{body}</body></html>'
    return Answer(status, page.encode(), "text/html; charset=utf-8")


def _called(payload: Any, status: int | None = None) -> Answer:
    """The answer to a batched call; a status stands where the data would."""
    said = [status, None, [["type.googleapis.com/PlayDataError", [1]]]] if status else None
    frame = ["wrb.fr", "qnKhOb", None if status else json.dumps(payload), None, None, said, "generic"]
    chunks = ([frame, ["di", 42], ["af.httprm", 42, "c", 13]], [["e", 4, None, None, 131]])
    text = "".join(f"{len(json.dumps(chunk)) + 1}\n{json.dumps(chunk)}\n" for chunk in chunks)
    return Answer(200, b")]}'\n\n" + text.encode(), "application/json; charset=utf-8")
