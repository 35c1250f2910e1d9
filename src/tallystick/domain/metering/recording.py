"""Recording a batch of events in one transaction: keys, events, rollups and debits together.

What fails by itself (an unknown account, a bad time, too few credits) is told in its item's result, and the rest is
recorded. Locks: the heads of the accounts whose events debit credits, then keys, then rollups, each in one order.

The connection is in pipeline mode, and only what must be known to go on is waited for: lock, billing, books and
prices; the keys that callers said; writes and COMMIT.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from tallystick.db import arrays
from tallystick.db.pool import Tx, ask, run, value
from tallystick.domain.ledger import actions as ledger
from tallystick.domain.ledger.books import Reads, Seen
from tallystick.domain.ledger.books import Wanted as Books
from tallystick.domain.ledger.commands import Debit, Labels, Order, order
from tallystick.domain.ledger.model import Head
from tallystick.domain.ledger.port import Due, Rates, nobody_due
from tallystick.kernel.errors import Conflict, Fact, InsufficientCredits, Invalid, NotFound, Renamed

from .debiting import Debiting
from .items import USAGE, Item, begin, received_at, reference
from .model import LATE, MAX_AHEAD, Recorded
from .port import Billing

ENDED: Final = ("cancelled", "ended")

Owner = tuple[int, str, str | None]
"""An account's tenant, status and external id."""


async def record(
    tx: Tx, items: Sequence[Item], rates: Rates, billing: Billing, debiting: Debiting, due: Due = nobody_due
) -> None:
    """Record the items in a transaction, send its COMMIT, and set their results, which hold when that is through.

    ``tx`` is in pipeline mode and outside a transaction, and has its own time-out for the accounts that are locked.
    """
    begin(items)
    heads, known, seen = await _look(tx, items, rates, billing, debiting)
    good, bad = [], []
    for item in items:
        try:
            _admit(item, known, seen.moments.of(item.tenant))
            good.append(item)
        except NotFound as fact:
            item.result = fact
        except Fact as fact:
            item.result = fact
            bad.append(item)
    if bad:
        await _recall(tx, bad)
    books: Seen | None = seen
    while good:
        first: list[Item] = []
        later: list[tuple[Item, Item]] = []
        leaders: dict[tuple[int, str], Item] = {}
        for item in good:
            leader = item if item.key is None else leaders.setdefault((item.event.account, item.key), item)
            if leader is item:
                first.append(item)
            else:
                later.append((item, leader))
        await _write(tx, first, heads, rates, due, books)
        books = None  # what was read of them is what they were
        good = []
        for item, leader in later:
            said = leader.result
            if isinstance(said, Recorded) and item.request_hash == leader.request_hash:
                item.result = Recorded(said.id, True, said.entry)
            elif isinstance(said, Recorded):
                item.result = _reused()
            elif item.request_hash == leader.request_hash or isinstance(said, Conflict):
                item.result, item.due = said, leader.due
            else:
                good.append(item)  # the first of this id was declined, which does not use it up
    await tx.execute(b"commit")


async def _look(
    tx: Tx, items: Sequence[Item], rates: Rates, billing: Billing, debiting: Debiting
) -> tuple[dict[int, Head], dict[int, Owner], Seen]:
    """Begin, and see how the events are billed; give the locked heads of the accounts in which any debits credits,
    whose the accounts are, and the books and prices that the debits need: all but the heads as of after the lock."""
    wanted = list({(item.event.account, item.event.subscription) for item in items})
    everybody = {item.event.account for item in items}
    while True:
        expected = debiting.expected(items)
        locked = {account for account, _, _ in expected}
        await tx.execute(b"begin")
        heads = await ledger.ask_lock(tx, list(locked), timeout_ms=None) if locked else None
        accounts = {"accounts": arrays.int8s(sorted(everybody - locked))}
        others = await ask(tx, USAGE.accounts, accounts) if len(locked) < len(everybody) else None
        reads = Reads(tx)
        await reads.ask("clock")
        if locked:
            await reads.ask_all(Books(sorted(locked), operations=list(expected)), rates)
        billed = await billing(tx, wanted)
        for item in items:
            item.billed = one = billed.get((item.event.account, item.event.subscription))
            item.operation = None if one is None else one.debits.get(item.event.metric)
        if debiting.learn(items) <= expected:
            break
        # what they are billed by may change until they are locked, and locks are taken in one order: so once more;
        # nothing was written, and after a ROLLBACK the driver would have every statement prepared anew
        await tx.execute(b"commit")
    mine = {} if heads is None else await heads()
    known = {number: (head.tenant, head.status, head.external_id) for number, head in mine.items()}
    if others is not None:
        known |= {number: (tenant, status, name) for number, tenant, status, name in await others.fetchall()}
    return mine, known, await reads.collect()


def _admit(item: Item, known: dict[int, Owner], now: datetime) -> None:
    """Decide all that the event's account and time say of it. Raises the Fact that stands in its way."""
    event = item.event
    tenant, status, external_id = known.get(event.account, (0, "", None))
    if tenant != item.tenant:
        raise NotFound("account")
    if event.external_id is not None and event.external_id != external_id:
        raise Renamed("account")
    if item.billed is None and event.subscription is not None:
        raise NotFound("subscription")
    if status in ("blocked", "closed"):
        raise Conflict(f"account_{status}", f"The account is {status}.")
    if item.billed is not None and item.billed.status in ENDED:
        raise Conflict("subscription_ended", "The subscription has ended.")
    item.at = check_time(event.at, now)


def check_time(at: datetime | None, now: datetime) -> datetime:
    """When the event happened, by default now. Raises Invalid."""
    if at is None:
        return now
    at = at.astimezone(UTC)
    if at < now - LATE:
        raise Invalid("timestamp", f"must be at most {LATE.days} days ago")
    if at > now + MAX_AHEAD:
        raise Invalid("timestamp", f"must be at most {MAX_AHEAD.seconds // 60} minutes in the future")
    return at


async def _write(
    tx: Tx, items: list[Item], heads: dict[int, Head], rates: Rates, due: Due, seen: Seen | None
) -> None:
    """Record items of different keys, all admitted."""
    items = sorted(items, key=lambda item: (item.event.account, item.key or ""))
    if not await _claim(tx, items):
        await _recall(tx, items)
        items = [item for item in items if item.result is None]
    debits = [item for item in items if item.operation is not None and item.event.quantity]
    if debits:
        debits.sort(key=lambda item: (id(item.call), item.place))
        await _debit(tx, debits, heads, rates, seen)
        declined = [item for item in debits if item.result is not None]
        if declined:
            await _look_ahead(tx, declined, due)
            await run(tx, USAGE.forget_keys, _keys([item for item in declined if item.key is not None]))
            items = [item for item in items if item.result is None]
    if not items:
        return
    await run(tx, USAGE.insert_events, _columns(items))
    sums: dict[tuple[int, str, datetime], list[int]] = {}
    at = hour = None
    for item in items:
        if item.at is not at:
            at = item.at
            hour = at.replace(minute=0, second=0, microsecond=0)
        assert hour is not None
        event = item.event
        found = sums.get((event.account, event.metric, hour))
        if found is None:
            sums[event.account, event.metric, hour] = [1, event.quantity]
        else:
            found[0] += 1
            found[1] += event.quantity
        item.result = Recorded(item.id, False, item.entry)
    await add_up(tx, sums)


async def add_up(tx: Tx, sums: dict[tuple[int, str, datetime], list[int]]) -> None:
    """Add [count, sum] to the rollups of (account, metric, hour), locked in their order."""
    rows = sorted(sums.items())
    columns = {
        "accounts": arrays.int8s([key[0] for key, _ in rows]),
        "metrics": arrays.texts([key[1] for key, _ in rows]),
        "hours": arrays.moments([key[2] for key, _ in rows]),
        "counts": arrays.int8s([row[0] for _, row in rows]),
        "sums": arrays.texts([str(row[1]) for _, row in rows]),
    }
    await run(tx, USAGE.add_up, columns)


async def _claim(tx: Tx, items: Sequence[Item]) -> bool:
    """Claim the keys that callers said; whether all were free, and none of the items may have been recorded before."""
    said = [item for item in items if item.key is not None]
    if not said:
        return not any(item.former for item in items)
    claimed = await value(tx, USAGE.insert_keys, _keys(said) | {
        "ids": arrays.uuids([item.id.bytes for item in said]),
        "hashes": arrays.byteas([item.request_hash for item in said]),
    })  # fmt: skip
    return claimed == len(said) and not any(item.former for item in items)


async def _recall(tx: Tx, items: Sequence[Item]) -> None:
    """Answer those that were recorded before: with the first event's id, or as a conflict."""
    said = [item for item in items if item.key is not None]
    keys = await ask(tx, USAGE.keys, _keys(said))
    used = {(account, key): (id, hash) for account, key, id, hash in await keys.fetchall()}
    again = []
    for item in said:
        found = used.get((item.event.account, item.key or ""))
        if found is None or found[0] == item.id:
            continue
        if bytes(found[1]) != item.request_hash:
            item.result = _reused()
        else:
            again.append((item, found[0]))
    entries = await _entries_of(tx, again)
    for item, id in again:
        item.result = Recorded(id, id not in item.former, entries.get(id))
    maybe = [(item, id) for item in items if item.key is None for id in item.former]
    there = await _entries_of(tx, maybe)
    for item, id in maybe:
        if id in there:
            item.result = Recorded(id, False, there[id])


async def _entries_of(tx: Tx, events: Sequence[tuple[Item, UUID]]) -> dict[UUID, int | None]:
    """Of the events of these ids, in their items' accounts, those that are there, each with the entry of its debit."""
    if not events:
        return {}
    columns = {
        "accounts": arrays.int8s([item.event.account for item, _ in events]),
        "ids": arrays.uuids([id.bytes for _, id in events]),
        "received": arrays.moments([received_at(id) for _, id in events]),
    }
    found = await ask(tx, USAGE.entries_of, columns)
    return dict(await found.fetchall())


async def _debit(
    tx: Tx, items: Sequence[Item], heads: dict[int, Head], rates: Rates, seen: Seen | None
) -> None:
    """Spend credits for the events; those that are declined have the fact as their result."""
    orders = [debit_order(item) for item in items]
    results = await ledger.apply(tx, heads, orders, rates, seen=seen)
    for item, result in zip(items, results, strict=True):
        if isinstance(result, Fact):
            item.result = result
        elif result.entry is not None:
            item.entry = result.entry.seq


async def _look_ahead(tx: Tx, declined: Sequence[Item], due: Due) -> None:
    """Mark those that had too few credits in an account that has something coming, once each."""
    short = [item for item in declined if isinstance(item.result, InsufficientCredits) and not item.renewed]
    if short:
        coming = await due(tx, {item.event.account for item in short})
        for item in short:
            item.due = item.event.account in coming


def debit_order(item: Item) -> Order:
    # no key to look up: the event's own was claimed above, and its id is a new one for each attempt
    return order(
        Debit(
            account=item.event.account,
            credit_type=None,
            operation=item.operation,
            quantity=item.event.quantity,
            labels=Labels(
                reference=reference(item.event.event_id, item.id), metadata=item.event.metadata or None
            ),
        ),
        tenant=item.tenant,
        actor=item.actor,
    )


def _keys(items: Sequence[Item]) -> dict[str, Any]:
    return {
        "accounts": arrays.int8s([item.event.account for item in items]),
        "keys": arrays.texts([item.key for item in items]),
    }


def _columns(items: Sequence[Item]) -> dict[str, Any]:
    events = [item.event for item in items]
    return {
        "accounts": arrays.int8s([event.account for event in events]),
        "ids": arrays.uuids([item.id.bytes for item in items]),
        "received": arrays.moments([received_at(item.id) for item in items]),
        "metrics": arrays.texts([event.metric for event in events]),
        "quantities": arrays.int8s([event.quantity for event in events]),
        "ats": arrays.moments([item.at for item in items]),
        "event_ids": arrays.texts([event.event_id for event in events]),
        "subscriptions": arrays.uuids_or_null(
            [None if item.billed is None else item.billed.subscription for item in items]
        ),
        "metadata": arrays.json_texts([item.metadata for item in items]),
        "operations": arrays.texts([item.operation for item in items]),
        "entries": arrays.int8s_or_null([item.entry for item in items]),
    }


def _reused() -> Conflict:
    return Conflict("event_id_reused", "The event id was already used for another event.")
