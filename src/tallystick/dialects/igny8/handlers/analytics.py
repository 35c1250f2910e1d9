"""Usage analytics."""

from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from tallystick.dialects.igny8 import shapes
from tallystick.dialects.igny8.desk import System, asker
from tallystick.dialects.igny8.errors import encode
from tallystick.domain.identity import views as identity
from tallystick.domain.ledger import whole
from tallystick.http.contract import Ask
from tallystick.http.drf.fields import Integer, read
from tallystick.http.hot import Reply
from tallystick.kernel.calendar import aligned

from .balance import credits_in

_FIELDS: Final = {"days": Integer(min_value=1, max_value=365, default=30)}


async def usage_analytics(system: System, ask: Ask) -> Reply:
    """Credits by type and by day, over the last ``days`` of the account's calendar with today."""
    who = await asker(system, ask)
    count: int = read(_FIELDS, ask.query)["days"]
    credit_type = await system.credit_types.resolve(who.tenant, None)
    balances = await system.balances.balances(who.tenant, who.account)
    async with system.db.connection() as conn:
        zone = (await identity.account(conn, who.tenant, who.account)).time_zone
        days = last_days(count, balances.at, zone)
        starts = [_midnight(day, zone) for day in days]
        sums = await whole.sums(conn, who.account, credit_type, starts, seen=balances)
    return Reply(200, encode(shapes.analytics(credits_in(balances, credit_type), days, sums)))


def last_days(count: int, moment: datetime, zone: str) -> list[date]:
    """The last days of a zone's calendar, the oldest first; the last is the one that the moment is in."""
    today = moment.astimezone(ZoneInfo(zone)).date()
    return [today - timedelta(days=ago) for ago in reversed(range(count))]


def _midnight(day: date, zone: str) -> datetime:
    """When the day begins: where the clock leaves midnight out, later."""
    # a day has a noon even where it has no midnight
    return aligned("daily", datetime.combine(day, time(12), ZoneInfo(zone)), zone)
