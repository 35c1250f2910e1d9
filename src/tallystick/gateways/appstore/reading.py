"""What Apple says of an app, by Apple's names, as the fields of a hit and of details: pure.

Texts are cut, lists too; a number is finite and not below 0. An optional field that is not what it should be is left
out; without a required one there is no app.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final
from urllib.parse import quote, urlsplit

from tallystick.domain.appstores.model import MOST
from tallystick.domain.appstores.port import Fields
from tallystick.gateways.shown import address, line, lines, score, whole

_MAX_PRICE: Final = 1e9
_DIGITS: Final = re.compile(r"[0-9]{1,18}")


def is_app(one: Any) -> bool:
    """Whether it is an app for a phone or tablet: other kinds are left out (a book, an app for the Mac)."""
    return isinstance(one, dict) and all(
        one.get(name) in (None, "software") for name in ("wrapperType", "kind")
    )


def hit_of(one: Mapping[str, Any], country: str) -> Fields | None:
    """An app of a search. None where a field of a hit is missing."""
    common = _common(one, country)
    if common is None or common["requiredOsVersion"] is None:
        return None
    return common


def details_of(one: Mapping[str, Any], country: str) -> Fields | None:
    """All that Apple says of an app, as far as we show it. None where a required field is missing."""
    common = _common(one, country)
    if common is None:
        return None
    ratings = common.pop("reviews")
    found = common | {
        "ratings": ratings,
        "icon": _first(one, address, "artworkUrl512", "artworkUrl100", "artworkUrl60"),
        "description": lines(one.get("description")),
        "releaseNotes": lines(one.get("releaseNotes")),
        "released": _day(one.get("releaseDate")),
        "updated": _first(one, _day, "currentVersionReleaseDate", "releaseDate"),
        "contentRating": _first(one, line, "contentAdvisoryRating", "trackContentRating"),
        "currency": line(one.get("currency")),
        "genres": _listed(one.get("genres"), line),
        "languages": _listed(one.get("languageCodesISO2A"), line),
        "size": _size(one.get("fileSizeBytes")),
        "developerId": whole(one.get("artistId")),
        "developerWebsite": address(one.get("sellerUrl"), "https", "http"),
        "screenshots": _listed(one.get("screenshotUrls"), address)
        or _listed(one.get("ipadScreenshotUrls"), address),
    }
    return {name: value for name, value in found.items() if value is not None}


def _common(one: Mapping[str, Any], country: str) -> Fields | None:
    """The fields of a hit; ``requiredOsVersion`` may be None. None where one that an app always has is missing."""
    track_id = whole(one.get("trackId"))
    if not track_id:
        return None
    price = _price(one.get("price"))
    found: Fields = {
        "id": track_id,
        "appId": line(one.get("bundleId")),
        "title": line(one.get("trackName")),
        "url": _shop(one.get("trackViewUrl")) or f"https://apps.apple.com/{country}/app/id{track_id}",
        "developer": line(one.get("artistName")),
        "primaryGenre": line(one.get("primaryGenreName")),
        # nobody has rated it yet: Apple says nothing then
        "score": 0 if one.get("averageUserRating") is None else score(one["averageUserRating"]),
        "reviews": 0 if one.get("userRatingCount") is None else whole(one["userRatingCount"]),
        "price": price,
        "free": price == 0,
        "version": line(one.get("version")),
    }
    if any(value is None for value in found.values()):
        return None
    return found | {"requiredOsVersion": line(one.get("minimumOsVersion"))}


def _price(value: Any) -> int | float | None:
    """Units of the country's currency. A number that is whole is an int: equal values are the same JSON."""
    # what is not a number, or has no end, is not within bounds either
    if type(value) not in (int, float) or not 0 <= value <= _MAX_PRICE:
        return None
    return int(value) if value == int(value) else value


def _size(value: Any) -> int | None:
    """Bytes, which Apple writes as a text."""
    return int(value) if isinstance(value, str) and _DIGITS.fullmatch(value) else whole(value)


def _day(value: Any) -> str | None:
    """The day of a moment such as 2025-10-27T15:07:12Z."""
    if not isinstance(value, str) or not value.isascii():
        return None
    try:
        return date.fromisoformat(value[:10]).isoformat()
    except ValueError:
        return None


def _shop(value: Any) -> str | None:
    """The app's page, if it is one of Apple's; without what Apple puts behind it to count who came."""
    found = address(value)
    if found is None:
        return None
    try:
        parts = urlsplit(found)
    except ValueError:
        return None
    if not re.fullmatch(r"(?:[a-z0-9-]+\.)*apple\.com", parts.netloc):
        return None
    path = quote(parts.path, safe="/%:@!$&'()*+,;=~")
    return f"https://{parts.netloc}{path}"


def _listed(value: Any, kind: Callable[[Any], str | None]) -> list[str] | None:
    """Those that are of a kind; None where there is no list."""
    if not isinstance(value, list):
        return None
    return [found for found in map(kind, value[:MOST]) if found is not None]


def _first(one: Mapping[str, Any], kind: Callable[[Any], str | None], *names: str) -> str | None:
    """The first of several fields that has something of a kind."""
    return next((found for found in (kind(one.get(name)) for name in names) if found is not None), None)
