"""Spending credits on a feature, quickly: what a plan allows is remembered for seconds, what it refuses is not."""

from collections.abc import Mapping
from typing import Any

from tallystick.db.pool import Database
from tallystick.domain.identity.request_keys import recall
from tallystick.domain.ledger.commands import NO_LABELS, Debit, Labels, order
from tallystick.domain.ledger.lanes import Lanes
from tallystick.domain.ledger.model import Answer
from tallystick.kernel.credits import MICRO
from tallystick.kernel.errors import LimitReached

from .entitlements import debited, digest, own_key
from .standing import Standings


async def spend(
    db: Database, lanes: Lanes, standings: Standings, tenant: int, account: int, *, feature: str, credit_type: str,
    amount: int, by: str, op_key: str | None = None, metadata: Mapping[str, Any] | None = None,
) -> Answer:  # fmt: skip
    """Pay ``amount`` microcredits for a CREDIT_BASED feature: as `entitlements.spend` does, whose debit it is.

    What had fallen due of the account's subscriptions comes before it. Raises LimitReached where the plan says no or is
    paused, and what the ledger does: InsufficientCredits, Conflict, NotFound, KeyReused, Unavailable.
    """
    if op_key is not None:
        async with db.connection() as conn:
            await recall(
                conn, tenant, own_key(account, op_key), digest("spend", feature, amount, "", metadata)
            )
    standing = standings.cached(tenant, account) or await standings.now(tenant, account)
    reason = standing.barred(feature)
    if reason is not None:
        # who has just changed to a plan that allows it, anywhere, is not refused
        reason = (await standings.now(tenant, account)).barred(feature)
    if reason is not None and not await debited(lanes, tenant, account, op_key, by):
        raise LimitReached(feature, -(-amount // MICRO), 0, reason)
    labels = NO_LABELS if metadata is None else Labels(metadata=dict(metadata))
    debit = Debit(account=account, credit_type=credit_type, amount=amount, operation=feature, labels=labels)
    return await lanes.submit(order(debit, tenant=tenant, actor=by, key=op_key))
