"""An app's details out of Google Play's arrays. Places as of October 2026; what it need not say may be missing."""

import re
from typing import Any, Final

from tallystick.domain.appstores.model import MOST
from tallystick.domain.appstores.port import Fields
from tallystick.gateways.shown import address, score, whole

from .pages import answers, changed
from .values import at, day, id_in, line, lines, price

SERVICE: Final = "Ws7gDc"
"""The service whose answer an app's page holds, beside others of the same."""
VARY: Final = "VARY"
"""A version that is another one on other devices."""
SUMMARIES: Final = 1000
"""Characters of a summary."""

TITLE: Final = (0, 0)
APP_ID: Final = (77, 0)
INSTALLS: Final = (13, 0)
SCORE: Final = (51, 0, 1)
OFFER: Final = (57, 0, 0, 0, 0, 1, 0)
DEVELOPER: Final = (68, 0)
SUMMARY: Final = (73, 0, 1)
ICON: Final = (95, 0, 3, 2)

_GENRE: Final = (79, 0, 0, 0)
_VERSION: Final = (140, 0, 0, 0)
_ANDROID: Final = (140, 1, 1, 0, 0, 1)
_NUMBER: Final = re.compile(r"[0-9]{1,4}(?:\.[0-9]{1,4}){0,3}")


def details(page: bytes, app_id: str) -> Fields:
    """What a page says of an app. ``appId`` and ``url`` are the caller's to add. Raises StoreFailed ("changed")."""
    return _fields(_app(page, app_id))


def _app(page: bytes, app_id: str) -> Any:
    """The array of the app: among the answers of its service, or else anywhere on the page, the one of its form."""
    for named, answer in answers(page, SERVICE):
        app = at(answer, 1, 2)
        known = at(app, *APP_ID)
        if (
            (known == app_id or (named and known is None))
            and line(at(app, *TITLE))
            and line(at(app, *DEVELOPER))
        ):
            return app
    raise changed("page of an app has no such app to read")


def _fields(app: Any) -> Fields:
    genre, offer = line(at(app, *_GENRE)), at(app, *OFFER)
    cost = price(at(offer, 0)) if offer is not None else 0
    stars, ratings = at(app, *SCORE), at(app, 51, 2, 1)
    rated = score(stars) if stars is not None else 0
    count = whole(ratings) if ratings is not None else 0
    if genre is None or cost is None or rated is None or count is None:
        raise changed("genre, price or ratings of an app have another form")
    fields: Fields = {
        "title": line(at(app, *TITLE)),
        "score": rated,
        "ratings": count,
        # an app that is not out yet has none
        "installs": line(at(app, *INSTALLS)) or "",
        "developer": line(at(app, *DEVELOPER)),
        "genre": genre,
        "price": cost,
        # without an offer (not out yet, or not in that country) it costs nothing, and is not free
        "free": offer is not None and cost == 0,
        "version": line(at(app, *_VERSION)) or VARY,
        "androidVersion": _android(at(app, *_ANDROID)),
    }
    beside = _beside(app) | {"currency": line(at(offer, 1))}
    return fields | {name: value for name, value in beside.items() if value is not None}


def _beside(app: Any) -> Fields:
    """What is shown where the store tells it."""
    developer = at(app, 69)
    return {
        "icon": address(at(app, *ICON)),
        "summary": line(at(app, *SUMMARY), SUMMARIES),
        # the store's own translation stands before the developer's text
        "description": lines(at(app, 12, 0, 0, 1)) or lines(at(app, 72, 0, 1)),
        "reviews": whole(at(app, 51, 3, 1)),
        "histogram": _histogram(at(app, 51, 1)),
        "released": day(at(app, 10, 1, 0)) or line(at(app, 10, 0)),
        "updated": day(at(app, 145, 0, 1, 0)),
        "contentRating": line(at(app, 9, 0)),
        "developerId": id_in(at(app, 68, 1, 4, 2)),
        "developerEmail": line(at(developer, 1, 0)),
        "developerWebsite": address(at(developer, 0, 5, 2), "https", "http"),
        "screenshots": _screenshots(at(app, 78, 0)),
    }


def _android(value: Any) -> str:
    """The number that a text such as "5.0 and up" begins with, whatever the language after it."""
    found = _NUMBER.match(value) if isinstance(value, str) else None
    return found[0] if found is not None else VARY


def _histogram(stars: Any) -> list[int] | None:
    """How many gave 1, 2, 3, 4 and 5 stars."""
    counts = [whole(at(stars, star, 1)) for star in range(1, 6)]
    known = [count for count in counts if count is not None]
    return known if len(known) == len(counts) else None


def _screenshots(shots: Any) -> list[str] | None:
    if not isinstance(shots, list):
        return None
    found = (address(at(shot, 3, 2)) for shot in shots[:MOST])
    return [shot for shot in found if shot is not None]
