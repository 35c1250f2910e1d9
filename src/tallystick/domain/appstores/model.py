"""What is known of apps, as pure tables and checks: the fields of a hit and of details, and what a caller may name.

A hit is one app of a search's results; details are all that a store says of one app. The names are the contract's,
and those that it does not speak of are after its fashion. Of Apple's fields score and ratings are ``fast``: they are
good for a day. All others, and all of Android's, are ``slow``: good for a week.
"""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from math import isfinite
from typing import Any, Final, Literal, get_args

from tallystick.domain.identity.model import storable
from tallystick.kernel.errors import Invalid

from .port import Fields, Platform, StoreFailed

Kind = Literal["text", "whole", "number", "flag", "texts", "wholes", "date"]
"""``number``: at least 0 and finite; ``whole``: at least 0; ``date``: YYYY-MM-DD; ``texts``, ``wholes``: lists."""

Part = Literal["fast", "slow"]
Parts = Literal["both", "fast", "slow"]
"""Which of Apple's fields are asked for; of Android always both."""

PARTS: Final[tuple[Parts, ...]] = get_args(Parts)


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    kind: Kind
    required: bool = True
    part: Part = "slow"


def _table(*fields: Field) -> dict[str, Field]:
    return {field.name: field for field in fields}


def _maybe(name: str, kind: Kind) -> Field:
    return Field(name, kind, required=False)


HIT: Final[dict[Platform, dict[str, Field]]] = {
    "android": _table(
        Field("title", "text"),
        Field("appId", "text"),
        Field("url", "text"),
        _maybe("icon", "text"),
        Field("developer", "text"),
        Field("price", "number"),
        Field("free", "flag"),
        Field("summary", "text"),
        Field("score", "number"),
        # the store's page of hits may not tell it: a search completes it
        _maybe("installs", "text"),
    ),
    "apple": _table(
        Field("id", "whole"),
        Field("appId", "text"),
        Field("title", "text"),
        Field("url", "text"),
        Field("developer", "text"),
        Field("primaryGenre", "text"),
        Field("score", "number"),
        Field("reviews", "whole"),
        Field("price", "number"),
        Field("free", "flag"),
        Field("version", "text"),
        Field("requiredOsVersion", "text"),
    ),
}
"""The fields of a hit, by platform, in the contract's order."""

DETAILS: Final[dict[Platform, dict[str, Field]]] = {
    "android": _table(
        Field("title", "text"),
        Field("score", "number"),
        Field("ratings", "whole"),
        Field("installs", "text"),
        Field("developer", "text"),
        Field("genre", "text"),
        Field("price", "number"),
        Field("free", "flag"),
        Field("version", "text"),
        Field("androidVersion", "text"),
        _maybe("appId", "text"),
        _maybe("url", "text"),
        _maybe("icon", "text"),
        _maybe("summary", "text"),
        _maybe("description", "text"),
        _maybe("reviews", "whole"),
        _maybe("histogram", "wholes"),
        _maybe("currency", "text"),
        _maybe("released", "text"),
        _maybe("updated", "date"),
        _maybe("contentRating", "text"),
        _maybe("developerId", "text"),
        _maybe("developerEmail", "text"),
        _maybe("developerWebsite", "text"),
        _maybe("screenshots", "texts"),
    ),
    "apple": _table(
        Field("title", "text"),
        Field("appId", "text"),
        Field("score", "number", part="fast"),
        Field("ratings", "whole", part="fast"),
        Field("developer", "text"),
        Field("primaryGenre", "text"),
        Field("price", "number"),
        Field("free", "flag"),
        Field("version", "text"),
        _maybe("id", "whole"),
        _maybe("url", "text"),
        _maybe("icon", "text"),
        _maybe("description", "text"),
        _maybe("releaseNotes", "text"),
        _maybe("requiredOsVersion", "text"),
        _maybe("released", "date"),
        _maybe("updated", "date"),
        _maybe("contentRating", "text"),
        _maybe("currency", "text"),
        _maybe("genres", "texts"),
        _maybe("languages", "texts"),
        _maybe("size", "whole"),
        _maybe("developerId", "whole"),
        _maybe("developerWebsite", "text"),
        _maybe("screenshots", "texts"),
    ),
}
"""The fields of details, by platform, in the contract's order; what is optional stands where the store tells it."""

GOOD_FOR: Final[dict[Platform, dict[Part, timedelta]]] = {
    "android": {"fast": timedelta(days=7), "slow": timedelta(days=7)},
    "apple": {"fast": timedelta(days=1), "slow": timedelta(days=7)},
}
"""How long what was fetched is answered again without asking the store."""

LONGEST: Final = 20_000
"""Characters of one text."""
MOST: Final = 200
"""Texts or numbers in one list."""

_MAX_WHOLE: Final = 2**63 - 1
_MAX_NUMBER: Final = 1e12
_MAX_APP_ID: Final = 255
_MAX_KEYWORD: Final = 200
_PACKAGE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*(?:\.[A-Za-z][A-Za-z0-9_]*)+")
_TRACK: Final = re.compile(r"[1-9][0-9]{0,18}")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


# What a caller names -----------------------------------------------------------------------------------


def app_id_of(platform: Platform, text: str) -> str:
    """The id that the platform's store knows an app by: a package's name, or Apple's number. Raises Invalid."""
    if platform == "android":
        if len(text) > _MAX_APP_ID or _PACKAGE.fullmatch(text) is None:
            raise Invalid("app_id", "must be the name of a package, such as com.whatsapp")
    elif _TRACK.fullmatch(text) is None or int(text) > _MAX_WHOLE:
        raise Invalid("app_id", "must be Apple's number of the app, such as 310633997")
    return text


def keyword_of(text: str) -> str:
    """What is searched for, without blanks around it. Raises Invalid."""
    keyword = text.strip()
    if not 1 <= len(keyword) <= _MAX_KEYWORD:
        raise Invalid("keyword", f"must have 1 to {_MAX_KEYWORD} characters")
    if not storable(keyword):
        raise Invalid("keyword", "must not hold control characters")
    return keyword


def normal(keyword: str) -> str:
    """The form that keywords are counted under: lower case, and one blank between words."""
    return " ".join(keyword.lower().split())


def fields_of(platform: Platform, parts: Parts, named: list[str] | None = None) -> list[str]:
    """The fields of details that are meant: those named, once each, or all of these parts. Raises Invalid."""
    table = DETAILS[platform]
    if named is None:
        return [field.name for field in table.values() if of_part(platform, field.name, parts)]
    for name in named:
        if name not in table:
            raise Invalid("fields", f"must be of {', '.join(table)}")
    return list(dict.fromkeys(named))


def of_part(platform: Platform, name: str, parts: Parts) -> bool:
    """Whether a field is one of these parts; of Android all are of any."""
    return platform == "android" or parts in ("both", DETAILS[platform][name].part)


# What a store gave -------------------------------------------------------------------------------------


def checked_hit(platform: Platform, given: Fields) -> Fields:
    """A hit as it is shown: its fields in the table's order. Raises StoreFailed for one that is not whole."""
    return _checked(HIT[platform], given)


def checked(platform: Platform, given: Fields) -> Fields:
    """Details as they are kept and shown: every required field, in the table's order, and each of its kind.

    Raises StoreFailed ("changed") otherwise. A name that the table does not have is left out; a number that is whole
    is an int, so that equal values are the same JSON.
    """
    return _checked(DETAILS[platform], given)


def _checked(table: dict[str, Field], given: Fields) -> Fields:
    found: Fields = {}
    for name, field in table.items():
        value = given.get(name)
        if value is None:
            if field.required:
                raise StoreFailed("changed", f"the store's answer lacks {name}")
            continue
        if not _FITS[field.kind](value):
            raise StoreFailed("changed", f"the store's {name} is not what it was: {type(value).__name__}")
        whole = field.kind == "number" and value == int(value)
        found[name] = int(value) if whole else value
    return found


def shown(platform: Platform, details: Fields, parts: Parts) -> Fields:
    """Details of the parts that are asked for; of one part with the ``appId`` beside."""
    return {
        name: value for name, value in details.items() if name == "appId" or of_part(platform, name, parts)
    }


def good_for(platform: Platform, parts: Parts) -> timedelta:
    """How long what was fetched is good for who asks for these parts."""
    return min(good for part, good in GOOD_FOR[platform].items() if parts in ("both", part))


def _text(value: Any) -> bool:
    # descriptions have lines: what PostgreSQL's JSON does not take is NUL, and half a character
    return isinstance(value, str) and len(value) <= LONGEST and "\0" not in value and _encodable(value)


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _whole(value: Any) -> bool:
    return type(value) is int and 0 <= value <= _MAX_WHOLE


def _number(value: Any) -> bool:
    return type(value) in (int, float) and isfinite(value) and 0 <= value <= _MAX_NUMBER


def _date(value: Any) -> bool:
    if not isinstance(value, str) or _DATE.fullmatch(value) is None:
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


_FITS: Final = {
    "text": _text,
    "whole": _whole,
    "number": _number,
    "flag": lambda value: isinstance(value, bool),
    "texts": lambda value: isinstance(value, list) and len(value) <= MOST and all(map(_text, value)),
    "wholes": lambda value: isinstance(value, list) and len(value) <= MOST and all(map(_whole, value)),
    "date": _date,
}
