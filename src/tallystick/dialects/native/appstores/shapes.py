"""How apps and keywords are shown."""

import msgspec

from tallystick.dialects.native.answers import Time
from tallystick.domain.appstores.port import Platform
from tallystick.domain.appstores.views import Keyword, Tracked
from tallystick.kernel.clock import iso


class StoreApp(msgspec.Struct):
    """An app in one country's store and one language.

    ``fetches`` counts how often the store was asked for it, ``failures`` the daily fetches that failed since.
    ``last_asked_at`` is to within a day, and null for what was only met in a search. ``next_fetch_at`` is null for an
    app that is not tracked.
    """

    platform: Platform
    app_id: str
    country: str
    language: str
    title: str
    tracked: bool
    fetches: int
    failures: int
    fetched_at: Time
    last_asked_at: Time | None
    next_fetch_at: Time | None
    created_at: Time


class StoreKeyword(msgspec.Struct):
    """``searches`` counts those that succeeded."""

    platform: Platform
    keyword: str
    country: str
    language: str
    searches: int
    first_at: Time
    last_at: Time


def app(row: Tracked) -> StoreApp:
    return StoreApp(
        platform=row.platform,
        app_id=row.app_id,
        country=row.country,
        language=row.language,
        title=row.title,
        tracked=row.due_at is not None,
        fetches=row.fetches,
        failures=row.failures,
        fetched_at=iso(row.fetched_at),
        last_asked_at=None if row.asked_at is None else iso(row.asked_at),
        next_fetch_at=None if row.due_at is None else iso(row.due_at),
        created_at=iso(row.created_at),
    )


def keyword(row: Keyword) -> StoreKeyword:
    return StoreKeyword(
        platform=row.platform,
        keyword=row.keyword,
        country=row.country,
        language=row.language,
        searches=row.searches,
        first_at=iso(row.first_at),
        last_at=iso(row.last_at),
    )
