"""What is asked of the app stores and what is answered, in the contract's names and order."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any, Final, NamedTuple

import msgspec

from tallystick.domain.appstores.desk import History
from tallystick.domain.appstores.model import DETAILS, PARTS, Parts, app_id_of, fields_of, keyword_of
from tallystick.domain.appstores.port import Fields, Platform
from tallystick.http.contract import Ask
from tallystick.http.drf.fields import Boolean, Char, Choice, Field, read
from tallystick.http.drf.formed import Choices, Date, Pattern
from tallystick.kernel.errors import Invalid

_encode: Final = msgspec.json.Encoder().encode
_CODE: Final = re.compile("[A-Za-z]{2}")
_PLACE: Final[Mapping[str, Field]] = {
    "country": Pattern(pattern=_CODE, default="us"),
    "language": Pattern(pattern=_CODE, default="en"),
}
_APP: Final[Mapping[str, Field]] = {"app_id": Char(max_length=255), **_PLACE}
_PARTS: Final[Mapping[Platform, Mapping[str, Field]]] = {
    "android": {},
    "apple": {"metadata_type": Choice(PARTS, default="both")},
}
_SEARCH: Final[Mapping[str, Field]] = {"keyword": Char(max_length=200), **_PLACE}
_DETAILS: Final[Mapping[Platform, Mapping[str, Field]]] = {
    platform: {**_APP, **parts, "force_refresh": Boolean(default=False)} for platform, parts in _PARTS.items()
}
_HISTORY: Final[Mapping[Platform, Mapping[str, Field]]] = {
    platform: {
        **_APP,
        **parts,
        "start_date": Date(required=False),
        "end_date": Date(required=False),
        "fields": Choices(DETAILS[platform], required=False),
    }
    for platform, parts in _PARTS.items()
}


class _Plain(msgspec.Struct, forbid_unknown_fields=True):
    """A body of details as nearly all have it."""

    app_id: str
    country: str = "us"
    language: str = "en"
    force_refresh: bool = False
    workspace_id: str | int | None = None


class _PlainApple(_Plain, forbid_unknown_fields=True):
    metadata_type: Parts = "both"


_PLAIN: Final[Mapping[Platform, msgspec.json.Decoder[_Plain]]] = {
    "android": msgspec.json.Decoder(_Plain),
    "apple": msgspec.json.Decoder(_PlainApple),
}


class Search(NamedTuple):
    keyword: str
    country: str
    language: str


class App(NamedTuple):
    """One app in a store, and which of its fields are meant."""

    platform: Platform
    app_id: str
    country: str
    language: str
    parts: Parts

    @property
    def name(self) -> tuple[Platform, str, str, str]:
        return self[:4]


class Wanted(NamedTuple):
    """What a call of details asks for. ``force``: it is to be fetched again."""

    app: App
    force: bool


class Span(NamedTuple):
    """What of a history is asked for."""

    start: date | None
    end: date | None
    fields: list[str]


def search(said: Any) -> Search:
    """Raises ValidationFailed and Invalid, as the others do."""
    values = read(_SEARCH, said)
    return Search(keyword_of(values["keyword"]), *_place(values))


def details(platform: Platform, said: Any) -> Wanted:
    values = read(_DETAILS[platform], said)
    return Wanted(_app(platform, values), values["force_refresh"])


def quickly(platform: Platform, ask: Ask) -> tuple[str | int | None, Wanted] | None:
    """The workspace and the rest of a call of details, where the body is in the plain form that nearly all have and
    nothing is wrong with it: it is on the hot path. Any other body is for `details`."""
    if ask.content_type != "application/json":
        return None
    try:
        said = _PLAIN[platform].decode(ask.body)
        app_id = app_id_of(platform, said.app_id)
    except (msgspec.MsgspecError, UnicodeDecodeError, Invalid):
        return None
    if not (_CODE.fullmatch(said.country) and _CODE.fullmatch(said.language)):
        return None
    parts = said.metadata_type if isinstance(said, _PlainApple) else "both"
    app = App(platform, app_id, said.country.lower(), said.language.lower(), parts)
    return said.workspace_id, Wanted(app, said.force_refresh)


def history(platform: Platform, said: Any) -> tuple[App, Span]:
    values = read(_HISTORY[platform], said)
    app = _app(platform, values)
    # no fields at all, as a form sends where nothing is ticked, means every field
    fields = fields_of(platform, app.parts, values.get("fields") or None)
    return app, Span(values.get("start_date"), values.get("end_date"), fields)


def _app(platform: Platform, values: Mapping[str, Any]) -> App:
    app_id = app_id_of(platform, values["app_id"])
    return App(platform, app_id, *_place(values), values.get("metadata_type", "both"))


def _place(values: Mapping[str, Any]) -> tuple[str, str]:
    return values["country"].lower(), values["language"].lower()


def hits(asked: Search, found: list[Fields]) -> bytes:
    """What a search answers."""
    return _encode({**asked._asdict(), "results": found, "count": len(found)})


def told(app: App, data: bytes) -> bytes:
    """What details answer; ``data`` is JSON already."""
    return _encode(_named(app))[:-1] + b',"data":' + data + b"}"


def _named(app: App) -> dict[str, Any]:
    """What every answer about one app begins with."""
    said: dict[str, Any] = {"success": True, "app_id": app.app_id}
    said |= {"country": app.country, "language": app.language}
    return said if app.platform == "android" else said | {"metadata_type": app.parts}


def changes(app: App, history: History) -> dict[str, Any]:
    """What a history answers; Apple's by kind of field, both kinds always."""
    table, data = DETAILS[app.platform], _by_field(history)
    shown: dict[str, Any] = data
    if app.platform == "apple":
        shown = {
            part: {name: rows for name, rows in data.items() if table[name].part == part}
            for part in ("fast", "slow")
        }
    return _named(app) | {
        "start_date": str(history.start),
        "end_date": str(history.end),
        "tracked_fields": history.fields,
        "change_count": len(history.changes),
        "data": shown,
    }


def _by_field(history: History) -> dict[str, list[dict[str, Any]]]:
    """The fields that changed, in the order in which they were asked for, and each one's days."""
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in history.fields}
    for one in history.changes:
        rows[one.field].append({"date": str(one.day), "value": one.value})
    return {name: days for name, days in rows.items() if days}
