"""Entitlements: whether an account may use a feature, and using it. The rules are in `features`.

check, all_of        reads
consume, release     of a HARD_LIMIT, under the account's head
spend                of a CREDIT_BASED feature: a debit through the lanes
"""

from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any, Final
from uuid import UUID

import msgspec

from tallystick.db.pool import Database, Tx, all_rows, value
from tallystick.domain.catalog import views as catalog
from tallystick.domain.catalog.model import Feature
from tallystick.domain.catalog.views import rates_in_force
from tallystick.domain.identity.model import check_text
from tallystick.domain.identity.request_keys import recall, remember
from tallystick.domain.ledger import actions as ledger
from tallystick.domain.ledger import views as books
from tallystick.domain.ledger.commands import NO_LABELS, Debit, EndDue, Labels, Names, order
from tallystick.domain.ledger.lanes import Lanes
from tallystick.domain.ledger.model import Head
from tallystick.kernel.credits import MICRO
from tallystick.kernel.errors import Conflict, Fact, KeyReused, LimitReached, NotFound

from .features import (
    STOPPED,
    Entitlement,
    Used,
    barred,
    claim,
    of_boolean,
    of_credits,
    of_limit,
    stopped,
    units_of,
    withheld,
)
from .holdings import Running, held, q, running

MAX_SCOPE: Final = 255


async def check(
    db: Database, tenant: int, account: int, key: str, amount: int = MICRO, *, scope: str = ""
) -> Entitlement:
    """Whether the account may use ``amount`` of a feature now. Raises NotFound, Invalid."""
    check_text("scope", scope, MAX_SCOPE)
    async with db.connection() as conn:
        head = await books.head(conn, tenant, account)
        feature = await catalog.feature(conn, tenant, key)
        if feature.type != "CREDIT_BASED":
            return stopped(await _state(conn, head, feature, amount, scope), head.status)
        reason = barred(key, await held(conn, head))
        allowances = await running(conn, account)
    wallets = await _available(db, tenant, account)
    state = await _credits(db, head, feature, amount, wallets, allowances)
    return stopped(withheld(state, reason), head.status)


async def all_of(db: Database, tenant: int, account: int) -> list[Entitlement]:
    """The account's state of every feature of the tenant, by key. Raises NotFound."""
    async with db.connection() as conn:
        head = await books.head(conn, tenant, account)
        features = await catalog.all_features(conn, tenant)
        subscriptions = await held(conn, head)
        uses = await uses_of(conn, account)
        allowances = await running(conn, account)
    wallets = await _available(db, tenant, account)
    found = []
    for feature in features:
        if feature.type == "BOOLEAN":
            one = of_boolean(feature, claim(feature.key, subscriptions))
        elif feature.type == "HARD_LIMIT":
            scopes = uses.get(feature.id, {})
            one = of_limit(feature, claim(feature.key, subscriptions), scopes.pop("", 0), 1)
            one = replace(one, scopes=scopes)
        else:
            one = await _credits(db, head, feature, MICRO, wallets, allowances)
            one = withheld(one, barred(feature.key, subscriptions))
        found.append(stopped(one, head.status))
    return found


async def consume(
    tx: Tx, tenant: int, account: int, key: str, amount: int, *, by: str, scope: str = "",
    op_key: str | None = None, metadata: dict[str, Any] | None = None,
) -> Used | LimitReached:  # fmt: skip
    """Use ``amount`` of a HARD_LIMIT, or give the fact that declines it, for the caller to raise after the commit.

    Locks the account's head. Under ``op_key``, the client's within the account, the same again (``metadata``, which is
    kept nowhere else, included) answers the same, also a decline, for 30 days. Raises NotFound, Invalid, KeyReused,
    and Conflict for an account that is blocked or closed.
    """
    check_text("scope", scope, MAX_SCOPE)
    head = await _lock(tx, tenant, account)
    done = await _known(tx, head, op_key, hashed := digest("consume", key, amount, scope, metadata), by)
    if done is not None:
        return done
    if head.status in STOPPED:
        raise Conflict(STOPPED[head.status], f"The account is {head.status}.")
    feature = await catalog.feature(tx, tenant, key)
    units = units_of(feature, amount)
    state = await _state(tx, head, feature, amount, scope)
    result: Used | LimitReached
    if state.allowed:
        values = {"account": account, "feature": feature.id, "scope": scope, "units": units}
        used = await value(tx, q.add_use, values)
        result = _used(feature, amount, scope, used, state.limit)
    else:
        assert state.available is not None
        result = LimitReached(key, units, state.available, state.reason)
    await _keep(tx, head, op_key, hashed, result)
    return result


async def release(
    tx: Tx, tenant: int, account: int, key: str, amount: int, *, by: str, scope: str = "", op_key: str | None = None
) -> Used:  # fmt: skip
    """Give back what was used of a HARD_LIMIT, at most all of it; ``amount`` of the answer is what that was.

    Locks and raises as `consume` does, whatever the account's status and its subscription's.
    """
    check_text("scope", scope, MAX_SCOPE)
    head = await _lock(tx, tenant, account)
    done = await _known(tx, head, op_key, hashed := digest("release", key, amount, scope), by)
    if done is not None:
        assert isinstance(done, Used)
        return done
    feature = await catalog.feature(tx, tenant, key)
    units = units_of(feature, amount)
    values = {"account": account, "feature": feature.id, "scope": scope, "units": units}
    before = await value(tx, q.used, values) or 0
    used = await value(tx, q.take_use, values) or 0
    state = await _state(tx, head, feature, MICRO, scope)
    result = replace(
        _used(feature, (before - used) * MICRO, scope, used, state.limit), available=state.available
    )
    await _keep(tx, head, op_key, hashed, result)
    return result


async def spend(
    db: Database, lanes: Lanes, tenant: int, account: int, feature: Feature, amount: int, *, by: str,
    scope: str = "", op_key: str | None = None, metadata: dict[str, Any] | None = None, names: Names = (),
) -> Used:  # fmt: skip
    """Pay ``amount`` microcredits for a CREDIT_BASED feature: a debit, with the feature's key as its operation.

    The client's ``op_key`` is the debit's own. Raises LimitReached where the plan says no or is paused, and what the
    ledger does: InsufficientCredits, Conflict, NotFound.
    """
    async with db.connection() as conn:
        if op_key is not None:
            key = own_key(account, op_key)
            await recall(conn, tenant, key, digest("spend", feature.key, amount, scope))
        # an allowance that is due comes before the debit that needs it
        reason = barred(feature.key, await held(conn, await books.head(conn, tenant, account)))
    if reason is not None and not await debited(lanes, tenant, account, op_key, by):
        raise LimitReached(feature.key, -(-amount // MICRO), 0, reason)
    labels = (
        Labels(reference=scope or None, metadata=metadata) if scope or metadata is not None else NO_LABELS
    )
    debit = Debit(
        account=account,
        credit_type=_credit_type(feature),
        amount=amount,
        operation=feature.key,
        labels=labels,
    )
    answer = await lanes.submit(order(debit, tenant=tenant, actor=by, key=op_key, names=names))
    entry = answer.entry
    assert entry is not None
    return Used(
        feature=feature.key,
        type=feature.type,
        amount=-entry.amount,
        available=entry.available_after,
        scope=scope,
        credit_type=entry.credit_type,
        entry=entry.seq,
        replayed=answer.replayed,
    )


async def debited(lanes: Lanes, tenant: int, account: int, key: str | None, by: str) -> bool:
    """Whether the ledger knows the client's key: then it answers as it did, whatever came since."""
    if key is None:
        return False
    try:
        await lanes.submit(order(EndDue(account=account), tenant=tenant, actor=by, key=key))
    except KeyReused:
        return True
    return False


async def uses_of(conn: Tx, account: int) -> dict[UUID, dict[str, int]]:
    """The units that are used of limits, by feature and scope. That the account is the tenant's, the caller checked."""
    uses: dict[UUID, dict[str, int]] = {}
    for row in await all_rows(conn, _Use, q.uses, {"account": account}):
        uses.setdefault(row.feature_id, {})[row.scope] = row.used
    return uses


@dataclass(slots=True)
class _Use:
    feature_id: UUID
    scope: str
    used: int


async def _state(conn: Tx, head: Head, feature: Feature, amount: int, scope: str) -> Entitlement:
    claimed = claim(feature.key, await held(conn, head))
    if feature.type == "BOOLEAN":
        return of_boolean(feature, claimed)
    values = {"account": head.account, "feature": feature.id, "scope": scope}
    used = await value(conn, q.used, values) or 0
    return of_limit(feature, claimed, used, units_of(feature, amount), scope)


async def _credits(
    db: Database, head: Head, feature: Feature, amount: int, wallets: dict[str, int],
    allowances: dict[str, Running],
) -> Entitlement:  # fmt: skip
    credit_type = _credit_type(feature)
    one = of_credits(feature, wallets.get(credit_type, 0), amount)
    row = allowances.get(credit_type)
    if row is None:
        return one
    start, end = row.period_start, row.period_end
    consumed = await books.usage_total(db, head.tenant, head.account, credit_type, start, end)
    return replace(one, allocated=row.allocated, consumed=consumed, period_start=start, period_end=end)


async def _available(db: Database, tenant: int, account: int) -> dict[str, int]:
    found = await books.balances(db, tenant, account)
    return {wallet.credit_type: wallet.available for wallet in found.wallets}


def _credit_type(feature: Feature) -> str:
    assert feature.credit_type is not None, "a CREDIT_BASED feature names its credit type"
    return feature.credit_type


async def _lock(tx: Tx, tenant: int, account: int) -> Head:
    head = (await ledger.lock(tx, [account])).get(account)
    if head is None or head.tenant != tenant:
        raise NotFound("account")
    return head


def _used(feature: Feature, amount: int, scope: str, used: int, limit: int | None) -> Used:
    left = None if limit is None else max(limit - used, 0)
    return Used(
        feature=feature.key, type=feature.type, amount=amount, available=left, scope=scope, limit=limit, used=used
    )  # fmt: skip


# Keys: a client's key is the account's, so that what it led to is kept under the account and the key. No client's own
# key holds the character between them.


def own_key(account: int, key: str) -> str:
    """The name under which a client's key stands for an account."""
    return f"{account}\x1f{key}"


def digest(*said: Any) -> bytes:
    """The hash by which a repeat is known."""
    return blake2b(msgspec.json.encode(said), digest_size=16).digest()


async def _known(tx: Tx, head: Head, key: str | None, digest: bytes, by: str) -> Used | LimitReached | None:
    """What the key led to before, if it is known. Raises KeyReused, also when the ledger knows it."""
    if key is None:
        return None
    done = await recall(tx, head.tenant, own_key(head.account, key), digest)
    if done is None:
        probe = order(EndDue(account=head.account), tenant=head.tenant, actor=by, key=key)
        [result] = await ledger.apply(tx, {head.account: head}, [probe], rates_in_force)
        if isinstance(result, Fact):
            raise result
        return None
    if done.status == 200:
        return replace(msgspec.convert(done.body, Used), replayed=True)
    fact = LimitReached(**done.body)
    fact.replayed = True
    return fact


async def _keep(tx: Tx, head: Head, key: str | None, digest: bytes, result: Used | LimitReached) -> None:
    if key is None:
        return
    if isinstance(result, Used):
        status, body = 200, msgspec.to_builtins(result)
    else:
        status = 402
        body = {
            "feature": result.feature, "needed": result.needed, "remaining": result.remaining,
            "reason": result.reason,
        }  # fmt: skip
    await remember(tx, head.tenant, own_key(head.account, key), digest, status, body)
