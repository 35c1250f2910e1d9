"""Time: UTC inside. Everything that needs "now" is given a Clock."""

import re
from datetime import UTC, datetime
from typing import Final, Protocol

# What Python reads beyond this (week dates, any letter between date and time) nobody means.
_MOMENT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)?)?"
)


class Clock(Protocol):
    """Tells the present moment, in UTC."""

    def now(self) -> datetime: ...


class SystemClock:
    """The machine's clock. Ledger decisions use the database's instead, read under the account's lock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


def iso(moment: datetime) -> str:
    """ISO 8601 in UTC with microseconds only where there are any: ``2026-11-21T10:00:00Z``."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def iso_seconds(moment: datetime) -> str:
    """ISO 8601 in UTC, whole seconds: what the foreign contracts show."""
    return iso(moment.replace(microsecond=0))


def parse_moment(text: str) -> datetime:
    """Read an ISO 8601 date-time with its offset, or a date (its midnight, UTC).

    Raises ValueError for anything else: a time without an offset is nobody's time.
    """
    try:
        if _MOMENT.fullmatch(text) is None:
            raise ValueError
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("must be an ISO 8601 date-time such as 2026-11-21T10:00:00Z") from None
    if len(text) == 10:
        moment = moment.replace(tzinfo=UTC)
    if moment.tzinfo is None:
        raise ValueError("must name its offset from UTC, such as 2026-11-21T10:00:00Z")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("is out of range") from None
