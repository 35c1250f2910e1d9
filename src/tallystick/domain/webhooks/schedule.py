"""When a delivery that failed is tried again: thirteen tries over three days. Pure."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

_MINUTE: Final = 60
_HOUR: Final = 3600

DELAYS: Final = (
    5, 30, 2 * _MINUTE, 10 * _MINUTE, 30 * _MINUTE, _HOUR, 2 * _HOUR, 4 * _HOUR, 8 * _HOUR, 12 * _HOUR, 22 * _HOUR,
    24 * _HOUR,
)  # fmt: skip
"""Seconds between one failure and the next try: somewhat more than three days in all."""
JITTER: Final = 0.2
"""Each pause is longer by up to this part, so that those who failed together do not come back together."""
MAX_RETRY_AFTER: Final = 6 * _HOUR
"""Seconds for which a receiver may put a try off by Retry-After."""

PATIENCE: Final = timedelta(days=3)
"""An endpoint from which nothing but failures came for so long is switched off,"""
LEAST_FAILURES: Final = 10
"""if there were so many of them."""


def pause(failures: int, jitter: float, retry_after: float | None = None) -> float | None:
    """Seconds to wait after so many failures (1 and more), or None: it is given up.

    ``jitter`` is from 0 to 1. ``retry_after`` is what the receiver asked for, in seconds: never less is waited, up to
    a limit.
    """
    if failures > len(DELAYS):
        return None
    wait = DELAYS[failures - 1] * (1 + JITTER * jitter)
    return wait if retry_after is None else max(wait, min(retry_after, MAX_RETRY_AFTER))


def retry_after(text: str | None, now: datetime) -> float | None:
    """The seconds that a Retry-After asks for (RFC 9110, 10.2.3), or None where there is none that can be read."""
    if text is None:
        return None
    text = text.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())
