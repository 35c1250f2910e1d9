"""Writing back what the rules did to books: each table in one statement, a packed array for each column."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any, Final

import msgspec

from tallystick.db import arrays
from tallystick.db.pool import Tx
from tallystick.domain.events import actions as events

from .books import QUERIES
from .events import happened
from .model import Account, Wallet

_json = msgspec.json.Encoder().encode


async def save(conn: Tx, books: Iterable[Account]) -> None:
    """Write what changed, each table in one statement. The commit is the caller's."""
    accounts = [account for account in books if account.head.changed or account.outcomes]
    heads = [(a.head.account, a.head) for a in accounts if a.head.changed]
    await _write(conn, "update_heads", heads, _HEAD)
    wallets = [(a.head.account, w) for a in accounts for w in a.wallets.values() if w.changed]
    await _write(conn, "insert_wallets", [pair for pair in wallets if pair[1].fresh], _WALLET)
    await _write(conn, "update_wallets", [pair for pair in wallets if not pair[1].fresh], _WALLET)
    watched = [pair for pair in wallets if pair[1].watches is not None]
    if watched:
        tenants = {a.head.account: a.head.tenant for a in accounts}
        await _write(conn, "write_signals", _crossings(watched, tenants), _SIGNAL)
    grants = [(a.head.account, g) for a in accounts for g in a.grants.values() if g.changed or g.fresh]
    await _write(conn, "insert_grants", [pair for pair in grants if pair[1].fresh], _NEW_GRANT)
    await _write(conn, "update_grants", [pair for pair in grants if not pair[1].fresh], _GRANT)
    holds = [(a.head.account, h) for a in accounts for h in a.holds.values() if h.changed or h.fresh]
    await _write(conn, "insert_holds", [pair for pair in holds if pair[1].fresh], _NEW_HOLD)
    await _write(conn, "update_holds", [pair for pair in holds if not pair[1].fresh], _HOLD)
    await _write(conn, "insert_entries", [(e.account, e) for a in accounts for e in a.posted], _ENTRY)
    await _write(conn, "insert_outcomes", [(o.account, o) for a in accounts for o in a.outcomes], _OUTCOME)
    if any(grant.fresh for _, grant in grants) or any(hold.state == "expired" for _, hold in holds):
        await events.emit_all(conn, happened(accounts))


@dataclass(slots=True)
class _Crossing:
    tenant: int
    credit_type: str
    at: datetime
    available: int
    threshold: int


def _crossings(
    watched: Sequence[tuple[int, Wallet]], tenants: Mapping[int, int]
) -> list[tuple[int, _Crossing]]:
    """A row for each threshold that a wallet fell below in this commit, whatever it was between."""
    return [
        (
            account,
            _Crossing(
                tenants[account],
                wallet.credit_type,
                wallet.updated_at,
                wallet.posted - wallet.held,
                threshold,
            ),
        )
        for account, wallet in watched
        for threshold in wallet.crossed()
    ]


Pack = Callable[[Sequence[Any]], arrays.Packed]


async def _write(conn: Tx, name: str, rows: Sequence[tuple[int, Any]], columns: Mapping[str, Pack]) -> None:
    """Run the query on ``rows``, pairs of an account and a row, as one array for each column."""
    if not rows:
        return
    params: dict[str, arrays.Packed] = {"account": arrays.int8s([account for account, _ in rows])}
    things = [row for _, row in rows]
    for column, pack in columns.items():
        params[column] = pack([*map(attrgetter(column), things)])
    await conn.execute(getattr(QUERIES, name).encode(), params)


def _jsons(values: Sequence[Any]) -> arrays.Packed:
    return arrays.json_texts([None if value is None else _json(value) for value in values])


_HEAD: Final[dict[str, Pack]] = {
    "seq": arrays.int8s,
    "hold_seq": arrays.int8s,
    "last_at": arrays.moments,
    "next_due_at": arrays.moments,
}
_WALLET: Final[dict[str, Pack]] = {
    "credit_type": arrays.texts,
    "posted": arrays.int8s,
    "held": arrays.int8s,
    "owed": arrays.int8s,
    "overdraft": arrays.int8s,
    "updated_at": arrays.moments,
}
_SIGNAL: Final[dict[str, Pack]] = {
    "tenant": arrays.int4s_or_null,
    "credit_type": arrays.texts,
    "at": arrays.moments,
    "available": arrays.int8s,
    "threshold": arrays.int8s,
}
_GRANT: Final[dict[str, Pack]] = {
    "id": arrays.int8s,
    "remaining": arrays.int8s,
    "held": arrays.int8s,
    "closed": arrays.bools,
}
_NEW_GRANT: Final[dict[str, Pack]] = _GRANT | {
    "credit_type": arrays.texts,
    "source": arrays.texts,
    "amount": arrays.int8s,
    "priority": arrays.int4s_or_null,
    "expires_at": arrays.moments,
    "paid_minor": arrays.int8s_or_null,
    "currency": arrays.texts,
    "created_at": arrays.moments,
}
_HOLD: Final[dict[str, Pack]] = {
    "id": arrays.int8s,
    "amount": arrays.int8s,
    "captured": arrays.int8s,
    "released": arrays.int8s,
    "reported": arrays.int8s,
    "state": arrays.texts,
    "expires_at": arrays.moments,
    "splits": _jsons,
    "ended_at": arrays.moments,
}
_NEW_HOLD: Final[dict[str, Pack]] = _HOLD | {
    "credit_type": arrays.texts,
    "on_expiry": arrays.texts,
    "reference": arrays.texts,
    "description": arrays.texts,
    "metadata": _jsons,
    "opened": _jsons,
    "op_key": arrays.texts,
    "request_hash": arrays.byteas,
    "actor": arrays.texts,
    "created_at": arrays.moments,
}
_ENTRY: Final[dict[str, Pack]] = {
    "seq": arrays.int8s,
    "credit_type": arrays.texts,
    "kind": arrays.texts,
    "amount": arrays.int8s,
    "posted_after": arrays.int8s,
    "held_after": arrays.int8s,
    "available_after": arrays.int8s,
    "contra": arrays.texts,
    "splits": _jsons,
    "actor": arrays.texts,
    "effective_at": arrays.moments,
    "operation": arrays.texts,
    "quantity": arrays.int8s_or_null,
    "rate_version": arrays.int4s_or_null,
    "reference": arrays.texts,
    "description": arrays.texts,
    "metadata": _jsons,
    "hold": arrays.int8s_or_null,
    "reverses": arrays.int8s_or_null,
    "detail": _jsons,
    "op_key": arrays.texts,
    "request_hash": arrays.byteas,
}
_OUTCOME: Final[dict[str, Pack]] = {
    "op_key": arrays.texts,
    "request_hash": arrays.byteas,
    "kind": arrays.texts,
    "declined": arrays.bools,
    "answer": _jsons,
    "keep": arrays.int4s_or_null,
}
