"""What credits were used for: rows of usage, the newest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from tallystick.db.pool import Tx, all_rows, value
from tallystick.db.sql import Queries
from tallystick.kernel.credits import floor_credits

q: Final = Queries("tallystick.domain.ledger", "spent.sql")


@dataclass(slots=True)
class Spent:
    """A debit, or what was captured of a hold. What was given back of it since is no part of it."""

    seq: int
    credit_type: str
    operation: str | None
    posted_after: int
    amount: int
    metadata: dict[str, Any] | None
    effective_at: datetime

    @property
    def whole(self) -> int:
        """Whole credits, as in `whole`: rows add up to the balance."""
        return floor_credits(self.posted_after - self.amount) - floor_credits(self.posted_after)


@dataclass(frozen=True, slots=True)
class Of:
    """Which rows: of one credit type; with ``only`` this operation; without any of the ``others``."""

    credit_type: str | None = None
    only: str | None = None
    others: Sequence[str] | None = None


async def spent(conn: Tx, account: int, of: Of, last: int, limit: int) -> tuple[list[Spent], int]:
    """The newest rows up to the entry ``last``, and how many there are in all.

    That the account is the caller's tenant's, it has checked.
    """
    values = {
        "account": account,
        "last": last,
        "credit_type": of.credit_type,
        "only": of.only,
        "others": None if of.others is None else list(of.others),
    }
    total: int = await value(conn, q.spent_total, values)
    return await all_rows(conn, Spent, q.spent, values | {"limit": limit}), total
