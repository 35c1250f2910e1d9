"""What may be read of apps and keywords. The caller has checked whose the tenant is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, NamedTuple

from tallystick.db.pool import Tx, all_rows, one_row
from tallystick.db.sql import Queries
from tallystick.domain.identity.model import storable
from tallystick.kernel.page import MAX_KEY, Page, page_of

from .model import Parts, good_for
from .port import Fields, Platform

q: Final = Queries("tallystick.domain.appstores")


class Name(NamedTuple):
    """Which app is meant: in one country's store and one language, as one tenant knows it."""

    tenant: int
    platform: Platform
    app_id: str
    country: str
    language: str


@dataclass(frozen=True, slots=True)
class Listing:
    """What is known of an app, and the tenant's time when it was read. ``fetches`` counts how often it was fetched;
    ``untold``: that somebody asks for it was not written down within a day."""

    id: int
    platform: Platform
    app_id: str
    country: str
    language: str
    data: Fields
    fetched_at: datetime
    fetches: int
    now: datetime
    untold: bool

    def good(self, parts: Parts) -> bool:
        """Whether it answers who asks for these parts without asking the store."""
        return self.now < self.fetched_at + good_for(self.platform, parts)


@dataclass(frozen=True, slots=True)
class Change:
    """A field's value at the end of a day on which it changed."""

    day: date
    field: str
    value: Any


@dataclass(frozen=True, slots=True)
class Tracked:
    """An app as the tenant's list shows it. ``due_at`` None: it is not fetched daily."""

    id: int
    platform: Platform
    app_id: str
    country: str
    language: str
    title: str
    fetched_at: datetime
    fetches: int
    asked_at: datetime | None
    due_at: datetime | None
    failures: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Keyword:
    """What was searched for, in lower case, and how often."""

    id: int
    platform: Platform
    keyword: str
    country: str
    language: str
    searches: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Installs:
    app_id: str
    installs: str
    good: bool


async def listing(conn: Tx, name: Name) -> Listing | None:
    """What is known of an app, if it was fetched once."""
    return await one_row(conn, Listing, q.listing, name._asdict())


async def changes(
    conn: Tx, tenant: int, listing: int, start: date, end: date, fields: Sequence[str]
) -> list[Change]:
    """The changes of some fields in a range of days, both ends included, the newest first."""
    values = {"tenant": tenant, "id": listing, "start": start, "end": end, "fields": list(fields)}
    return await all_rows(conn, Change, q.history, values)


async def installs(
    conn: Tx, tenant: int, app_ids: Sequence[str], country: str, language: str, since: datetime
) -> dict[str, Installs]:
    """What is known of the installs of Android apps, and whether it was fetched after ``since``."""
    values: dict[str, Any] = {
        "tenant": tenant,
        "app_ids": list(app_ids),
        "country": country,
        "language": language,
    }
    return {row.app_id: row for row in await all_rows(conn, Installs, q.installs, values | {"since": since})}


async def listings(
    conn: Tx, tenant: int, *, platform: Platform | None = None, app_id: str | None = None,
    tracked: bool | None = None, before: int | None = None, limit: int = 50,
) -> Page[Tracked]:  # fmt: skip
    """The apps that the tenant knows, the newest first; filters are exact."""
    if app_id is not None and not storable(app_id):
        return Page([])
    values: dict[str, Any] = {"tenant": tenant, "platform": platform, "app_id": app_id, "tracked": tracked}
    values |= {"before": MAX_KEY if before is None else before, "limit": limit + 1}
    return page_of(await all_rows(conn, Tracked, q.listings, values), limit, lambda row: row.id)


async def keywords(
    conn: Tx, tenant: int, *, platform: Platform | None = None, keyword: str | None = None,
    before: int | None = None, limit: int = 50,
) -> Page[Keyword]:  # fmt: skip
    """What was searched for, the newest first. ``keyword`` is exact, in the form of `model.normal`."""
    if keyword is not None and not storable(keyword):
        return Page([])
    values: dict[str, Any] = {"tenant": tenant, "platform": platform, "keyword": keyword}
    values |= {"before": MAX_KEY if before is None else before, "limit": limit + 1}
    return page_of(await all_rows(conn, Keyword, q.keywords, values), limit, lambda row: row.id)
