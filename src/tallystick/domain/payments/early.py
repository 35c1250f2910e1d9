"""Refunds and disputes that a provider tells of before the payment they are of: kept until it succeeded."""

from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

import msgspec

from tallystick.db.pool import Tx, all_rows, one_row, run

from .model import Payment
from .port import DisputeSeen, RefundSeen
from .refund_views import r


@dataclass(slots=True)
class Owner:
    """The payment that a notice is of."""

    account: int
    id: UUID
    status: str


@dataclass(slots=True)
class _Kept:
    kind: str
    seen: dict[str, Any]


async def owner(tx: Tx, tenant: int, gateway: str, seen: RefundSeen | DisputeSeen) -> Owner | None:
    """The payment, once it succeeded; else None, and what was seen is kept for `parked`.

    Waits for whoever works in the payment meanwhile.
    """
    of = {"tenant": tenant, "gateway": gateway, "ref": seen.payment_ref}
    found = await one_row(tx, Owner, r.payment_by_ref, of)
    if found is not None and found.status == "succeeded":
        return found
    await run(tx, r.lock_ref, of)
    found = await one_row(tx, Owner, r.payment_by_ref, of)
    if found is not None and found.status == "succeeded":
        return found
    row = {"tenant": tenant, "gateway": gateway, "payment_ref": seen.payment_ref}
    row |= {
        "kind": "refund" if isinstance(seen, RefundSeen) else "dispute",
        "ref": f"{seen.ref} {seen.status}",
    }
    await run(tx, r.keep_early, row | {"seen": msgspec.json.encode(asdict(seen)).decode()})
    return None


async def parked(tx: Tx, row: Payment) -> list[RefundSeen | DisputeSeen]:
    """What was kept of a payment that is written as succeeded now, with its ``ref``: the caller works it in.

    In the transaction in which it succeeded, under the account's head.
    """
    if row.ref is None:
        return []
    of = {"tenant": row.tenant, "gateway": row.gateway, "ref": row.ref}
    await run(tx, r.lock_ref, of)
    kept = await all_rows(tx, _Kept, r.early, of)
    if kept:
        await run(tx, r.drop_early, of)
    return [_seen(one) for one in kept]


def _seen(one: _Kept) -> RefundSeen | DisputeSeen:
    if one.kind == "refund":
        return msgspec.convert(one.seen, RefundSeen)
    return msgspec.convert(one.seen, DisputeSeen)
