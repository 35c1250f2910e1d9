"""How an app changed, day by day, as far back as the account's plan allows."""

from dataclasses import dataclass
from datetime import UTC, date
from typing import Final

from tallystick.db.pool import Database
from tallystick.domain.identity import views as identity
from tallystick.domain.subscriptions import entitlements
from tallystick.kernel.errors import Invalid, NotFound

from . import keeping, views
from .model import Parts, of_part
from .views import Change, Name

DAYS: Final = 30
"""How far back a history goes that names no start."""
FEATURE: Final = "historical_data_days"
"""The limit of a plan: how many days back. A tenant that does not define it limits nobody."""

_GIVEN: Final = ("ok", "limit_reached")
"""Why a plan's limit is as it says; for any other reason it gives nothing now."""


@dataclass(frozen=True, slots=True)
class History:
    """The changes of ``fields`` from ``start`` to ``end``, both included, the newest day first.

    ``start`` is the day that was asked for, or the first that the plan allows. ``tracked``: the app was fetched once.
    """

    start: date
    end: date
    fields: list[str]
    changes: list[Change]
    tracked: bool


async def history(
    db: Database,
    account: int,
    name: Name,
    start: date | None,
    end: date | None,
    fields: list[str],
    parts: Parts,
) -> History:
    """Raises Invalid where the end comes before the start; NotFound for an account that is not the tenant's."""
    async with db.connection() as conn:
        today = (await identity.now(conn, name.tenant)).astimezone(UTC).date()
    if end is None:
        end = today
    if start is None:
        start = _days_before(min(today, end), DAYS)
    if end < start:
        raise Invalid("end_date", "must not be before start_date")
    days = await _allowed(db, name.tenant, account)
    if days is not None:
        start = max(start, _days_before(today, days))
    async with db.connection() as conn:
        known = await views.listing(conn, name)
        if known is None:
            return History(start, end, fields, [], tracked=False)
        wanted = [field for field in fields if of_part(name.platform, field, parts)]
        changes = await views.changes(conn, name.tenant, known.id, start, end, wanted)
        if known.untold:
            await keeping.note_asked(conn, name.tenant, known)
    return History(start, end, fields, changes, tracked=True)


async def _allowed(db: Database, tenant: int, account: int) -> int | None:
    """How many days back the account may look; None for as many as one likes."""
    try:
        found = await entitlements.check(db, tenant, account, FEATURE)
    except NotFound as fact:
        if fact.what != "feature":
            raise
        return None
    if found.feature.type != "HARD_LIMIT":
        return None
    return found.limit if found.reason in _GIVEN else 0


def _days_before(day: date, days: int) -> date:
    return date.fromordinal(max(day.toordinal() - days, 1))
