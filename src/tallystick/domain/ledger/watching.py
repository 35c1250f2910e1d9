"""Wallets that somebody watches: hearing of it when one falls below a threshold, without asking again and again.

A commit that takes what is posted and not held from a watched threshold or above to below it writes a signal for
the wallet beside its other rows. What is between the first and the last command of one commit is nobody's to see.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tallystick.db.pool import Tx, all_rows, one_row, run, value
from tallystick.db.sql import Queries

from .model import Signal

q: Final = Queries("tallystick.domain.ledger", "watches.sql")


@dataclass(slots=True)
class Watched:
    """A wallet's credits that are posted and not held (without overdraft), and the thresholds watched, in order."""

    available: int
    watches: list[int]


@dataclass(slots=True)
class _Owner:
    account_id: int
    tenant_id: int


async def watched(conn: Tx, account: int, credit_type: str) -> Watched:
    """A wallet that is not there yet is empty, and not watched."""
    row = await one_row(conn, Watched, q.wallet, {"account": account, "credit_type": credit_type})
    return row or Watched(0, [])


async def watch(
    tx: Tx, tenant: int, account: int, credit_type: str, thresholds: Sequence[int], *, at: datetime
) -> None:
    """Watch these thresholds (microcredits) of a wallet, and no others. The caller has locked the account's head.

    One that was not watched, and that the wallet is below already, is signalled at once, as of ``at``.
    """
    wanted = sorted(set(thresholds))
    before = await watched(tx, account, credit_type)
    if wanted == before.watches:
        return
    wallet = {"account": account, "credit_type": credit_type, "at": at}
    if not wanted:
        await run(tx, q.unwatch, wallet)
        return
    await run(tx, q.watch, wallet | {"watches": wanted})
    crossed = [one for one in wanted if one not in before.watches and before.available < one]
    if crossed:
        said = {"tenant": tenant, "available": before.available, "crossed": crossed}
        await run(tx, q.signal, wallet | said)


async def take_signals(
    tx: Tx, *, tenant: int | None = None, most: int = 100
) -> list[tuple[int, list[Signal]]]:
    """Lock the heads of up to ``most`` accounts that have signals and that nobody else has locked, and take those.

    Gives each tenant's, in order of time. They are gone when the transaction commits, and there again when it does not.
    """
    owners = await all_rows(tx, _Owner, q.lock_signalled, {"tenant": tenant, "most": most})
    if not owners:
        return []
    tenants = {row.account_id: row.tenant_id for row in owners}
    taken: dict[int, list[Signal]] = {}
    for signal in await all_rows(tx, Signal, q.take_signals, {"accounts": list(tenants)}):
        taken.setdefault(tenants[signal.account], []).append(signal)
    return [
        (number, sorted(rows, key=lambda row: (row.at, row.account, row.credit_type)))
        for number, rows in sorted(taken.items())
    ]


async def signalled(conn: Tx, tenant: int | None = None) -> bool:
    """Whether a signal waits to be taken."""
    return bool(await value(conn, q.signalled, {"tenant": tenant}))
