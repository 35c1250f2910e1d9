"""Groups: what one caller sent together, on its way through a lane."""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from tallystick.db.pool import Tx
from tallystick.kernel.errors import Busy, Fact

from .actions import Result
from .commands import Order, Transfer

BATCH: Final = 512  # commands: past it the flush is no longer what costs


@dataclass(slots=True, eq=False)
class Group:
    """Orders that one caller sent together: atomic, or of accounts that they share."""

    orders: Sequence[Order]
    atomic: bool
    done: "asyncio.Future[list[Result]]"
    accounts: list[int] = field(default_factory=list)
    until: float | None = None
    """When to give up waiting for a locked account, by the loop's clock."""
    renewed: bool = False
    """What had fallen due of its accounts was done for it."""


def that_share_accounts(orders: Sequence[Order]) -> list[list[int]]:
    """The orders' places, those together that are of one account or of accounts with a transfer between."""
    root: dict[int, int] = {}

    def find(account: int) -> int:
        while root.setdefault(account, account) != account:
            account = root[account]
        return account

    for one in orders:
        if isinstance(one.command, Transfer):
            root[find(one.command.to)] = find(one.command.account)
    groups: dict[int, list[int]] = {}
    for place, one in enumerate(orders):
        groups.setdefault(find(one.command.account), []).append(place)
    return list(groups.values())


def split(group: Group) -> list[Group]:
    """A group that need not stay together, in two; it is answered when both are."""
    middle = len(group.orders) // 2
    loop = asyncio.get_running_loop()
    halves = [
        Group(orders, False, loop.create_future(), group.accounts, group.until, group.renewed)
        for orders in (group.orders[:middle], group.orders[middle:])
    ]

    def join(_: object) -> None:
        if all(half.done.done() for half in halves) and not group.done.done():
            group.done.set_result([result for half in halves for result in _results(half)])

    for half in halves:
        half.done.add_done_callback(join)
    return halves


def _results(group: Group) -> list[Result]:
    failed = group.done.exception()
    if failed is None:
        return group.done.result()
    assert isinstance(failed, Fact)
    return [failed] * len(group.orders)


def resend(groups: Sequence[Group]) -> None:
    """Mark orders that may have been carried out already: their keys will tell."""
    for group in groups:
        for one in group.orders:
            one.resent = True


def busy() -> Busy:
    return Busy("The account is busy; nothing was changed.")


async def close(conn: Tx | None) -> None:
    if conn is not None:
        with contextlib.suppress(Exception):
            await conn.close()
