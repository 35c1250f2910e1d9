"""Credits of a workspace: what there is, using them, adding some, and what they were used for."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from tallystick.dialects.appvector import errors, spent
from tallystick.dialects.appvector.asking import asked
from tallystick.dialects.appvector.consuming import MOST, consume
from tallystick.dialects.appvector.desk import Desk
from tallystick.dialects.appvector.errors import NotConsumable
from tallystick.dialects.appvector.naming import credit_name, feature_named, key_of
from tallystick.dialects.appvector.shown import last_second
from tallystick.domain.catalog.named import Named
from tallystick.domain.identity.asking import Asker
from tallystick.domain.ledger.spent import spent as rows_of
from tallystick.domain.subscriptions.bonuses import give_bonus
from tallystick.domain.subscriptions.buckets import Bucket
from tallystick.http.contract import Ask
from tallystick.http.drf.fields import Char, Field, Integer, read
from tallystick.http.hot import Reply
from tallystick.http.idempotency import check_key, headers_of
from tallystick.kernel.actor import Scope
from tallystick.kernel.credits import MICRO
from tallystick.kernel.errors import Forbidden

_encode: Final = msgspec.json.Encoder().encode
_BONUS: Final[Mapping[str, Field]] = {
    "feature_key": Char(max_length=255),
    "amount": Integer(min_value=1, max_value=MOST),
    "reason": Char(max_length=500),
}
_HISTORY: Final[Mapping[str, Field]] = {
    "feature_key": Char(required=False, null=True, blank=True, max_length=255),
    "limit": Integer(min_value=1, max_value=1000, default=100),
}
_FIRST: Final = ("data_scrapes", "api_calls")


async def read_credits(desk: Desk, ask: Ask) -> Reply:
    """Get credit balances: of each type what there was in this period, what was used, and what is left."""
    who = await desk.asker(ask, ask.query.get("workspace_id"))
    found = await desk.system.buckets.of(who.tenant, who.account)
    return errors.said(200, {"balances": [balance(one) for one in sorted(found, key=_order)]})


async def consume_credits(desk: Desk, ask: Ask) -> Reply:
    """Consume credits for an operation."""
    done = await consume(desk, ask)
    feature = {
        "key": done.feature.key,
        "name": done.feature.name,
        "allocated": done.allocated,
        "consumed": done.consumed,
    }
    shown = {"success": True, "remaining": done.remaining, "consumed": done.amount, "feature": feature}
    return Reply(200, _encode(shown), headers_of(done.replayed))


async def add_bonus(desk: Desk, ask: Ask) -> Reply:
    """Add bonus credits to a workspace: the app's staff and admin keys may."""
    who, said = await asked(desk, ask)
    if not (who.actor.staff or (who.actor.key is not None and who.actor.scope.includes(Scope.ADMIN))):
        raise Forbidden("Bonus credits are given by the app's staff.")
    wanted, key = read(_BONUS, said), check_key(ask.key)
    feature = await _paid_in_credits(desk, who, wanted["feature_key"])
    assert feature.credit_type is not None
    entry, replayed = await give_bonus(
        desk.system.db, who.tenant, who.account, feature.credit_type, wanted["amount"] * MICRO,
        reason=wanted["reason"], by=who.actor.name, op_key=key,
    )  # fmt: skip
    bucket = await desk.system.buckets.after(who.tenant, who.account, entry)
    shown = {
        "success": True,
        "feature_key": feature.key,
        "amount_added": wanted["amount"],
        "new_total": bucket.granted,
    }
    return errors.said(200, shown, headers_of(replayed))


async def credit_history(desk: Desk, ask: Ask) -> Reply:
    """Get what credits were used for, the newest first."""
    who = await desk.asker(ask, ask.query.get("workspace_id"))
    said = read(_HISTORY, ask.query)
    key = said.get("feature_key") or None
    last = (await desk.system.buckets.settled(who.tenant, who.account)).head.seq
    async with desk.system.db.connection() as conn:
        known = await spent.names(conn, who.tenant)
        of = await spent.wanted(conn, who.tenant, known, key and key_of(key))
        rows, total = ([], 0) if of is None else await rows_of(conn, who.account, of, last, said["limit"])
    shown = [spent.row(one, known) for one in rows]
    return errors.said(200, {"history": shown, "total_count": total})


def balance(bucket: Bucket) -> dict[str, Any]:
    return {
        "credit_type": credit_name(bucket.credit_type),
        "allocated_credits": bucket.allocated,
        "consumed_credits": bucket.consumed,
        "purchased_credits": bucket.purchased,
        "bonus_credits": bucket.bonus,
        "available_credits": bucket.available,
        "usage_percentage": bucket.usage_percentage,
        "period_end": last_second(bucket.period_end),
    }


def _order(bucket: Bucket) -> tuple[int, str]:
    """As the contract lists them, then by code."""
    code = bucket.credit_type
    return (_FIRST.index(code) if code in _FIRST else len(_FIRST)), code


async def _paid_in_credits(desk: Desk, who: Asker, key: str) -> Named:
    """Raises NotFound, NotConsumable for a feature that is not paid in credits."""
    feature = await feature_named(desk, who, key)
    if feature.type != "CREDIT_BASED":
        raise NotConsumable(feature.key)
    return feature
