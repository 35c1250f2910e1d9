"""The writes of request statistics: what this server answered, and what the product reports. Those of usage stand in
intake.py (events as they come), corrections.py and meters.py.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from tallystick.db import arrays
from tallystick.db.pool import Tx, run, value
from tallystick.domain.identity.model import check_text
from tallystick.kernel.errors import Invalid, NotFound

from .corrections import correct_event, delete_event
from .meters import create_meter, delete_meter, ensure_meter, update_meter
from .model import (
    DAY,
    FIRST_FAILURE,
    MAX_AGE,
    MAX_AHEAD,
    MAX_ROUTE,
    Key,
    Reported,
    minute_of,
    minute_start,
)
from .views import QUERIES

__all__ = [
    "add",
    "correct_event",
    "create_meter",
    "delete_event",
    "delete_meter",
    "ensure_meter",
    "fold",
    "report",
    "update_meter",
]


async def add(tx: Tx, counts: Mapping[Key, int]) -> None:
    """Add to the statistics. Appends, and so waits for nobody; `fold` adds up."""
    if not counts:
        return
    starts = {minute: minute_start(minute) for minute in {key[1] for key in counts}}
    columns = {
        "accounts": arrays.int8s([key[0] for key in counts]),
        "minutes": arrays.moments([starts[key[1]] for key in counts]),
        "routes": arrays.texts([key[2] for key in counts]),
        "oks": arrays.bools([key[3] for key in counts]),
        "counts": arrays.int8s(list(counts.values())),
    }
    await run(tx, QUERIES.append, columns)


async def fold(tx: Tx, *, most: int) -> int:
    """Move up to ``most`` appended rows into minutes and days; give how many, 0 also while another folds."""
    if not await value(tx, QUERIES.only_folder):
        return 0
    folded: int = await value(tx, QUERIES.fold, {"most": most})
    return folded


async def report(tx: Tx, tenant: int, items: Sequence[Reported]) -> None:
    """Count requests that the product answered itself; a status below 400 is a success.

    All or nothing: raises Invalid that names the item (``requests.3.time``) for a time over 35 days ago or
    more than 5 minutes ahead, a status outside 100 to 599, or a route that is no text of 1 to 200 characters;
    NotFound when an account is not the tenant's.
    """
    accounts = sorted({item.account for item in items})
    cursor = await tx.execute(
        QUERIES.check_accounts.encode(), {"tenant": tenant, "accounts": arrays.int8s(accounts)}
    )
    row = await cursor.fetchone()
    assert row is not None
    now, foreign = row
    counts: Counter[Key] = Counter()
    for index, item in enumerate(items):
        _check(f"requests.{index}", item, now)
        counts[item.account, minute_of(item.time), item.route, item.status < FIRST_FAILURE] += 1
    if foreign:
        raise NotFound("account")
    await add(tx, counts)


def _check(name: str, item: Reported, now: datetime) -> None:
    check_text(f"{name}.route", item.route, MAX_ROUTE, shortest=1)
    if not 100 <= item.status <= 599:
        raise Invalid(f"{name}.status", "must be an HTTP status from 100 to 599")
    if item.time < now - MAX_AGE:
        raise Invalid(f"{name}.time", f"must be at most {MAX_AGE // DAY} days ago")
    if item.time > now + MAX_AHEAD:
        raise Invalid(f"{name}.time", f"must be at most {MAX_AHEAD.seconds // 60} minutes in the future")
