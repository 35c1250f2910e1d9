"""Keeping what a store said: the listing as it is now, and on which days its fields changed."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

import msgspec

from tallystick.db.pool import Tx, one_row, run, value
from tallystick.domain.identity import views as identity
from tallystick.kernel.errors import Conflict

from .model import DETAILS
from .port import Fields, Platform
from .views import Listing, Name, q

_ROUNDS: Final = 3


@dataclass(slots=True)
class _Known:
    id: int
    data: Fields
    before: Fields | None
    day: date
    asked_at: datetime | None


async def keep(tx: Tx, name: Name, data: Fields, *, asked: bool) -> Listing:
    """Keep details that were just fetched, and note which fields changed: one row a field and day, the day's last
    value; none for a field that is again what it was before the day. Of the first snapshot every field changed.

    ``data`` is as `model.checked` gave it. ``asked``: somebody asked for this app, so that it is fetched daily from now
    on; else that stays as it is. Locks the listing. The days are UTC's, by the tenant's time.
    """
    for _ in range(_ROUNDS):
        known = await one_row(tx, _Known, q.lock_listing, name._asdict())
        # read after the lock: what is kept later was fetched later
        now = await identity.now(tx, name.tenant)
        if known is None:
            made = await _first(tx, name, data, now, asked)
            if made is not None:
                return made
            continue  # somebody else was first: theirs is there to be locked now
        return await _next(tx, name, known, data, now, asked)
    raise Conflict("busy", "The app was being kept by somebody else.")


async def _first(tx: Tx, name: Name, data: Fields, now: datetime, asked: bool) -> Listing | None:
    day = now.astimezone(UTC).date()
    values = {
        **name._asdict(),
        "data": _json(data),
        "day": day,
        "now": now,
        "asked_at": now if asked else None,
    }
    number = await value(tx, q.insert_listing, values)
    if number is None:
        return None
    await _note_changes(tx, name, number, day, {}, data)
    return _listing(name, number, data, now, 1, asked)


async def _next(tx: Tx, name: Name, known: _Known, data: Fields, now: datetime, asked: bool) -> Listing:
    # a test tenant's clock never goes back, so neither does the day
    day = max(now.astimezone(UTC).date(), known.day)
    before = known.data if day > known.day else known.before
    asked_at = now if asked else known.asked_at
    values: dict[str, Any] = {
        "tenant": name.tenant,
        "id": known.id,
        "data": _json(data),
        "day": day,
        "now": now,
    }
    values |= {"asked_at": asked_at, "before": None if before is None else _json(before)}
    fetches = await value(tx, q.save_listing, values)
    await _note_changes(tx, name, known.id, day, before or {}, data)
    return _listing(name, known.id, data, now, fetches, asked)


async def _note_changes(tx: Tx, name: Name, number: int, day: date, before: Fields, data: Fields) -> None:
    names = changed(name.platform, before, data)
    same = [field for field in DETAILS[name.platform] if field not in names]
    values = {"tenant": name.tenant, "id": number, "day": day}
    await run(tx, q.drop_changes, values | {"fields": same})
    texts = [_json(data.get(field)) for field in names]
    await run(tx, q.put_changes, values | {"fields": names, "values": texts})


def changed(platform: Platform, before: Fields, data: Fields) -> list[str]:
    """The fields that are no more what they were; what is told no more is null."""
    return [field for field in DETAILS[platform] if before.get(field) != data.get(field)]


async def note_asked(tx: Tx, tenant: int, found: Listing) -> None:
    """Write down that somebody asked for an app, from which on it is fetched daily."""
    await run(tx, q.asked, {"tenant": tenant, "id": found.id, "now": found.now})


async def count_keyword(
    tx: Tx, tenant: int, platform: Platform, keyword: str, country: str, language: str
) -> None:
    """Count one search. ``keyword`` is in the form of `model.normal`."""
    values = {
        "tenant": tenant,
        "platform": platform,
        "keyword": keyword,
        "country": country,
        "language": language,
    }
    await run(tx, q.count_keyword, values)


def _json(data: Any) -> str:
    return msgspec.json.encode(data).decode()


def _listing(name: Name, number: int, data: Fields, now: datetime, fetches: int, asked: bool) -> Listing:
    _, platform, app_id, country, language = name
    return Listing(number, platform, app_id, country, language, data, now, fetches, now, untold=not asked)
