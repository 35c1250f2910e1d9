"""What must hold after whatever happened: said by the history alone, and asked of the server and its database."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import Final

import psycopg

from tests.e2e.running import Home

from .client import Connection
from .load import Ask, Load

_ROWS: Final = """
    select op_key, count(*) from (
        select op_key from entry union all select op_key from hold union all select op_key from outcome
    ) kept where op_key like %s group by 1"""


class Broken(AssertionError):
    """What did not hold, with the seed, the asks concerned, and where the whole history is."""

    def __init__(self, load: Load, what: str, asks: Iterable[Ask] = ()) -> None:
        concerned = "\n".join(ask.told() for ask in list(asks)[:50])
        super().__init__(f"seed {load.seed}: {what}\n{concerned}\nhistory: {load.write_history()}")


def rows_by_key(load: Load, database_url: str) -> Counter[str]:
    """How many rows of the books stand under each key of this load."""
    with psycopg.connect(database_url) as conn:
        found = conn.execute(_ROWS, [f"c:{load.seed}-%"]).fetchall()
    return Counter({key.removeprefix("c:"): count for key, count in found})


async def prove(load: Load, home: Home) -> dict[str, int]:
    """Every promise about what was answered and what was not; figures of the run."""
    database_url = home.database_url()
    await asyncio.to_thread(_check_kept, load, database_url)
    resent = await load.settle()
    strange = [ask for ask in load.asks if ask.answer and ask.answer.status not in (200, 201, 402, 409)]
    if strange:
        raise Broken(load, "neither done, nor declined, nor 503", strange)
    rows = await asyncio.to_thread(rows_by_key, load, database_url)
    if wrong := [ask for ask in load.asks if rows[ask.key] != 1]:
        raise Broken(load, "not exactly one row under the key", wrong)
    for ask, again in await load.replay():
        assert ask.answer is not None
        if (again.status, again.body, again.replayed) != (ask.answer.status, ask.answer.body, True):
            raise Broken(load, f"answers otherwise: {again.status} {again.replayed} {again.body!r}", [ask])
    await _check_balances(load)
    report = await asyncio.to_thread(home.json, "verify", "--json")
    if not report["ok"] or report["checked"]["accounts"] < len(load.accounts):
        raise Broken(load, f"verify: {report}")
    return {
        "asked": len(load.asks),
        "done": sum(ask.done for ask in load.asks),
        "declined": sum(not ask.done for ask in load.asks),
        "unanswered": sum(any(isinstance(one, str) for one in ask.tries) for ask in load.asks),
        "answered 503": sum(any(_is_503(one) for one in ask.tries) for ask in load.asks),
        "sent again at the end": len(resent),
        "of them done before": sum(bool(ask.answer and ask.answer.replayed) for ask in resent),
    }


def _is_503(one: object) -> bool:
    return getattr(one, "status", 0) == 503


def _check_kept(load: Load, database_url: str) -> None:
    """Before anything is sent again: what was answered is there once, the rest at most once."""
    rows = rows_by_key(load, database_url)
    if lost := [ask for ask in load.asks if ask.answer and rows[ask.key] != 1]:
        raise Broken(load, "answered, and not there exactly once", lost)
    if twice := [ask for ask in load.asks if rows[ask.key] > 1]:
        raise Broken(load, "there more than once", twice)
    if unknown := rows.keys() - {ask.key for ask in load.asks}:
        raise Broken(load, f"there, and never asked: {sorted(unknown)[:20]}")


async def _check_balances(load: Load) -> None:
    """The balances are the fold of what was answered."""
    posted: defaultdict[str, Decimal] = defaultdict(Decimal)
    held: defaultdict[str, Decimal] = defaultdict(Decimal)
    for ask in load.asks:
        if ask.done:
            amount = Decimal(str(ask.body.get("amount", 0)))
            posted[ask.account] += {
                "grant": amount,
                "debit": -amount,
                "transfer": -amount,
                "capture": -amount,
            }.get(ask.kind, Decimal())
            if ask.kind == "transfer":
                posted[ask.body["to"]] += amount
    for account, left in _open_holds(load.asks):
        held[account] += left
    connection = Connection(load.port, load.credential)
    for account in load.accounts:
        answer = await connection.ask("GET", f"/v2/accounts/{account}/balance")
        [wallet] = answer.json()["balances"]
        said = Decimal(wallet["posted"]), Decimal(wallet["held"]), Decimal(wallet["available"])
        if said != (posted[account], held[account], posted[account] - held[account]):
            concerned = [ask for ask in load.asks if account in (ask.account, ask.body.get("to"))]
            raise Broken(load, f"{account}: {posted[account]}, {held[account]} held, not {said}", concerned)
    connection.close()


def _open_holds(asks: Iterable[Ask]) -> Iterable[tuple[str, Decimal]]:
    left: dict[str, tuple[str, Decimal]] = {}
    for ask in asks:
        if ask.kind == "hold" and ask.done and ask.answer:
            left[ask.answer.json()["id"]] = ask.account, Decimal(ask.body["amount"])
    for ask in asks:
        if ask.hold and ask.done:
            account, amount = left[ask.hold]
            ended = ask.kind == "release" or ask.body["final"]
            left[ask.hold] = account, Decimal() if ended else amount - Decimal(ask.body["amount"])
    # a hold that was captured whole in parts has nothing left; an order that ends it comes last
    ended_holds = {ask.hold for ask in asks if ask.done and (ask.kind == "release" or ask.body.get("final"))}
    return [(account, amount) for hold, (account, amount) in left.items() if hold not in ended_holds]
