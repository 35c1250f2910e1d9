"""The ledger's writes inside somebody else's transaction.

    async with db.tx() as tx:
        heads = await lock(tx, accounts_of(orders))
        results = await apply(tx, heads, orders, rates)

The hot path is `lanes.submit`, which does the same for whatever waits at the moment.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

from tallystick.db import arrays
from tallystick.db.pool import Tx, ask, in_transaction, pipelined, run
from tallystick.domain.identity import actions as identity
from tallystick.kernel.actor import SYSTEM
from tallystick.kernel.credits import format_credits
from tallystick.kernel.errors import Conflict, Fact, InsufficientCredits, NotFound, Renamed

from . import commands as command
from .books import QUERIES, Reads, Seen, Wanted, assemble, heads_of
from .commands import Order, order
from .model import Account, Answer, Head, Known, Moments, Outcome, fact_to_json
from .port import Rates
from .rules import decide
from .saving import save

Result = Answer | Fact
"""What became of one order: its answer, or the fact that declined it."""

KEEP_DECLINES = 30  # days


async def lock(tx: Tx, accounts: Sequence[int], *, timeout_ms: int = 10_000) -> dict[int, Head]:
    """Lock the accounts' heads, in one order, and give those that exist. The first lock of a transaction.

    Raises Busy after ``timeout_ms``.
    """
    return await (await ask_lock(tx, accounts, timeout_ms=timeout_ms))()


async def ask_lock(
    tx: Tx, accounts: Sequence[int], *, timeout_ms: int | None
) -> Callable[[], Awaitable[dict[int, Head]]]:
    """The same as `lock` in a pipeline: what is given waits for the heads, while more is sent behind the lock.

    ``timeout_ms`` is None on a connection that has its time-out set.
    """
    if timeout_ms is not None:
        await tx.execute(f"set local lock_timeout to {int(timeout_ms)}".encode())
    cursor = await ask(tx, QUERIES.lock_heads, {"accounts": arrays.int8s(sorted(set(accounts)))})

    async def heads() -> dict[int, Head]:
        return heads_of(await cursor.fetchall())

    return heads


async def apply(
    tx: Tx, heads: dict[int, Head], orders: Sequence[Order], rates: Rates, *, atomic: bool = False,
    seen: Seen | None = None,
) -> list[Result]:  # fmt: skip
    """Decide the orders in turn and write what they did. ``heads`` are those that `lock` gave in this ``tx``.

    Gives one result an order. ``atomic``: all or none; the first decline undoes those before it, and the
    others are answered with a Conflict ``batch_aborted``. An order of an account that is not there, or is
    another tenant's, is answered NotFound. ``seen``: what the caller has read of these books since the lock.
    """
    assert in_transaction(tx), "apply needs the transaction that locked"
    wanted = Wanted.of(orders)
    if seen is None:
        reads = Reads(tx)
        async with pipelined(tx):
            await reads.ask("clock")
            await reads.ask_all(wanted, rates)
        seen = await reads.collect()
    books = await assemble(tx, heads, wanted, seen)
    results = settle(books, [(orders, atomic)], seen.moments)[0]
    async with pipelined(tx):
        await save(tx, books.values())
    await audit_orders(tx, orders, results)
    return results


def settle(
    books: dict[int, Account], groups: Sequence[tuple[Sequence[Order], bool]], moments: Moments
) -> list[list[Result]]:
    """Decide groups of orders in turn, never by running sum: each sees what those before it left."""
    return [
        _all_or_none(books, orders, moments)
        if atomic
        else [_settle_one(books, one, moments) for one in orders]
        for orders, atomic in groups
    ]


def _settle_one(books: dict[int, Account], one: Order, moments: Moments) -> Result:
    try:
        _check_accounts(books, one)
        return decide(books, one, moments.of(one.tenant))
    except (InsufficientCredits, Conflict) as fact:
        _keep_decline(books[one.command.account], one, fact)
        return fact
    except Fact as fact:
        return fact


def _check_accounts(books: dict[int, Account], one: Order) -> None:
    account = books.get(one.command.account)
    if account is None or account.head.tenant != one.tenant:
        raise NotFound("account")
    if isinstance(one.command, command.Transfer):
        receiver = books.get(one.command.to)
        if receiver is None or receiver.head.tenant != one.tenant:
            raise NotFound("account")
    for number, name in one.names:
        head = books[number].head
        if type(name) is str and head.external_id != name:
            raise Renamed("account")
        if type(name) is UUID and head.uuid != name:
            raise NotFound("account")


def _keep_decline(account: Account, one: Order, fact: Fact) -> None:
    """Under the client's key a decline answers the same for 30 days; without one nothing is recorded."""
    if not one.client_key or one.key in account.known:
        return
    account.known[one.key] = Known(one.hash, None, fact)
    account.outcomes.append(
        Outcome(account.head.account, one.key, one.hash, "decline", True, fact_to_json(fact), KEEP_DECLINES)
    )


def _all_or_none(books: dict[int, Account], orders: Sequence[Order], moments: Moments) -> list[Result]:
    declined = _declined_before(books, orders)
    if declined is not None:
        return _aborted(orders, *declined)
    touched = {number for number in Wanted.of(orders).accounts if number in books}
    before = {number: books[number].copy() for number in touched}
    results: list[Result] = []
    for index, one in enumerate(orders):
        result = _settle_one(books, one, moments)
        results.append(result)
        if isinstance(result, Fact):
            books.update(before)
            if isinstance(result, InsufficientCredits | Conflict):
                _keep_decline(books[one.command.account], one, result)
            return _aborted(orders, index, result)
    return results


def _declined_before(books: dict[int, Account], orders: Sequence[Order]) -> tuple[int, Fact] | None:
    """The place and fact of an order that was declined under its key: it stops the batch again, whatever else would."""
    for index, one in enumerate(orders):
        account = books.get(one.command.account)
        if account is not None and account.head.tenant == one.tenant:
            known = account.known.get(one.key)
            if known is not None and known.declined is not None and known.request_hash == one.hash:
                return index, known.declined
    return None


def _aborted(orders: Sequence[Order], index: int, fact: Fact) -> list[Result]:
    aborted = Conflict("batch_aborted", "Another command of this atomic batch was declined.")
    return [fact if at == index else aborted for at in range(len(orders))]


MANUAL = (command.Reverse, command.Refund, command.Adjust, command.SetOverdraft)


async def audit_orders(tx: Tx, orders: Sequence[Order], results: Sequence[Result]) -> None:
    """Manual acts stand in the audit log, with who did them and why, in the same commit. The server's own do not."""
    for one, result in zip(orders, results, strict=True):
        manual = isinstance(one.command, MANUAL) and one.actor != SYSTEM
        if manual and isinstance(result, Answer) and not result.replayed:
            await identity.audit(
                tx,
                one.tenant,
                actor=one.actor,
                action=result.kind,
                target=f"acct:{result.account}",
                reason=getattr(one.command, "reason", None) or None,
                details=_details(result),
            )


def _details(answer: Answer) -> dict[str, Any]:
    """What the log says of a manual act, in credits as people write them."""
    entry = answer.entry
    if entry is None:
        return {
            "credit_type": answer.facts["credit_type"],
            "overdraft": format_credits(answer.facts["overdraft"]),
        }
    return {"entry": entry.seq, "credit_type": entry.credit_type, "amount": format_credits(entry.amount)}


async def end_due(tx: Tx, rates: Rates, *, tenant: int | None = None, most: int = 200) -> int:
    """End what is due in up to ``most`` accounts that nobody else has locked; give how many there were.

    Of one ``tenant``, or of all, each by its own time. The sweeper's step. Every command ends what is due in its
    account first, so nothing depends on it in time.
    """
    cursor = await ask(tx, QUERIES.lock_due_heads, {"most": most, "tenant": tenant})
    heads = heads_of(await cursor.fetchall())
    if heads:
        orders = [
            order(command.EndDue(account=head.account), tenant=head.tenant, actor=SYSTEM)
            for head in heads.values()
        ]
        await apply(tx, heads, orders, rates)
    return len(heads)


async def purge_outcomes(tx: Tx) -> int:
    """Forget declines after 30 days, and acts under keys that were the server's own after one."""
    return await run(tx, QUERIES.purge_outcomes)
