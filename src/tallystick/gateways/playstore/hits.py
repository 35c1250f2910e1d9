"""Hits out of Google Play's arrays: those of a page of results, and of the pages after it.

A hit stands there in one of three forms: a row of the page, a row of a following page, and the card of the one app that
a search means, which has the app's details in it. Places as of October 2026. A hit that lacks what it must have is left
out; a page of which none is left, or which names apps outside the places known, is StoreFailed ("changed").
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from tallystick.domain.appstores.model import app_id_of
from tallystick.domain.appstores.port import Fields
from tallystick.gateways.shown import address, score
from tallystick.kernel.errors import Invalid

from . import details
from .pages import answers, called, changed
from .values import at, line, price

SERVICE: Final = "lGYRle"
"""The service whose answer a page of results holds."""

_LONGEST_TOKEN: Final = 4096
_ROWS: Final = (22, 0)
_CARD: Final = 23
_APP: Final = "/store/apps/details?id="
SHOWN_AT: Final = f"https://play.google.com{_APP}"


@dataclass(frozen=True, slots=True)
class Page:
    hits: list[Fields]
    token: str | None
    """What the hits after these are asked for with; None: there are no more."""


def first(page: bytes) -> Page:
    """The page of results. Raises StoreFailed."""
    for named, answer in answers(page, SERVICE):
        sections = at(answer, 0, 1)
        # where no block is named, the one with results is meant; that there are none is believed of a named one alone
        if isinstance(sections, list) and (named or any(map(_has_results, sections))):
            return _first(sections)
    raise changed("page of results has no results to read")


def following(answer: bytes) -> Page:
    """The hits of a page after that. Raises StoreFailed."""
    payload = called(answer)
    if payload is None:
        return Page([], None)
    page = at(payload, 0, 0)
    rows = at(page, 0)
    if not isinstance(page, list) or not (rows is None or isinstance(rows, list)):
        raise changed("further results have another form")
    return Page(_hits(rows or []), _token(at(page, 7, 1)))


def _has_results(section: Any) -> bool:
    return isinstance(at(section, *_ROWS), list) or _card(at(section, _CARD)) is not None


def _first(sections: list[Any]) -> Page:
    """Of the sections on the page the first that has rows is the answer; the card stands anywhere."""
    cards = [card for card in (_card(at(section, _CARD)) for section in sections) if card is not None]
    for section in sections:
        rows = at(section, *_ROWS)
        if isinstance(rows, list) and rows:
            return Page(cards[:1] + _hits(rows), _token(at(section, 22, 1, 3, 1)))
    if not cards and _names_apps(sections):
        raise changed("results stand elsewhere")
    return Page(cards[:1], None)


def _hits(rows: list[Any]) -> list[Fields]:
    hits = [hit for hit in map(_hit, rows) if hit is not None]
    if rows and not hits:
        raise changed("results have another form")
    return hits


def _hit(row: Any) -> Fields | None:
    """By where the app's id stands."""
    for form, place in _FORMS:
        app_id = _id(at(row, *place))
        if app_id is not None:
            return form(row, app_id)
    return None


def _inner(row: Any, app_id: str) -> Fields | None:
    return _row(at(row, 0), app_id)


def _row(row: Any, app_id: str) -> Fields | None:
    return _whole(
        app_id,
        title=at(row, 3),
        icon=at(row, 1, 3, 2),
        developer=at(row, 14),
        offer=at(row, 8, 1, 0),
        summary=at(row, 13, 1),
        stars=at(row, 4, 1),
        installs=at(row, 15),
    )


def _further(row: Any, app_id: str) -> Fields | None:
    offer = at(row, 7, 0, 3, 2, 1, 0)
    return _whole(
        app_id,
        title=at(row, 2),
        icon=at(row, 1, 1, 0, 3, 2),
        developer=at(row, 4, 0, 0, 0),
        # on these pages an app that is free has no offer
        offer=[0] if offer is None else offer,
        summary=at(row, 4, 1, 1, 1, 1),
        stars=at(row, 6, 0, 2, 1, 1),
        installs=None,
    )


def _card(card: Any) -> Fields | None:
    app = at(card, 16, 2)
    app_id = _id(at(card, 16, 11, 0, 0)) or _id(at(app, *details.APP_ID))
    if app_id is None:
        return None
    return _whole(
        app_id,
        title=at(app, *details.TITLE),
        icon=at(app, *details.ICON),
        developer=at(app, *details.DEVELOPER),
        offer=at(card, 17, 0, 2, 0, 1, 0) or at(app, *details.OFFER),
        summary=at(app, *details.SUMMARY),
        stars=at(app, *details.SCORE),
        installs=at(app, *details.INSTALLS),
    )


_FORMS: Final[tuple[tuple[Callable[[Any, str], Fields | None], tuple[int, ...]], ...]] = (
    (_inner, (0, 0, 0)),
    (_row, (0, 0)),
    (_further, (12, 0)),
)


def _whole(
    app_id: str, *, title: Any, icon: Any, developer: Any, offer: Any, summary: Any, stars: Any, installs: Any
) -> Fields | None:
    """A hit; None where it lacks what it must have. Without an offer (not out yet, or not there) it is not free."""
    name, maker = line(title), line(developer)
    cost = price(at(offer, 0)) if offer is not None else 0
    rated = score(stars) if stars is not None else 0
    if name is None or maker is None or cost is None or rated is None:
        return None
    hit: Fields = {"title": name, "appId": app_id, "url": SHOWN_AT + app_id, "icon": address(icon)}
    hit |= {"developer": maker, "price": cost, "free": offer is not None and cost == 0}
    hit |= {"summary": line(summary, details.SUMMARIES) or "", "score": rated, "installs": line(installs)}
    return {name: value for name, value in hit.items() if value is not None}


def _id(value: Any) -> str | None:
    if not isinstance(value, str):
        return None
    try:
        return app_id_of("android", value)
    except Invalid:
        return None


def _token(value: Any) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= _LONGEST_TOKEN else None


def _names_apps(sections: list[Any]) -> bool:
    """Whether an app is linked to anywhere in there."""
    left: list[Any] = [sections]
    while left:
        node = left.pop()
        if isinstance(node, str):
            if _APP in node:
                return True
        elif isinstance(node, list):
            left.extend(node)
        elif isinstance(node, dict):
            left.extend(node.values())
    return False
