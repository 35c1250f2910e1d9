"""Giving numbers without gaps: the last statements before COMMIT, under one lock a tenant and kind."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

from tallystick.db import arrays
from tallystick.db.pool import Tx, all_rows, run, value
from tallystick.domain.events import actions as events
from tallystick.domain.events.model import Event

from . import views
from .events import issued, noted, settled
from .model import CreditNote, Invoice, NumberKind, Settings, Status
from .numbers import Scope, scope_of
from .views import q


class Numbered(Protocol):
    """An invoice or a credit note."""

    account: int
    id: UUID
    number: str | None

    @property
    def issued_at(self) -> datetime | None: ...


async def give(
    tx: Tx, tenant: int, kind: NumberKind, rows: Sequence[Numbered], settings: Settings | None = None
) -> None:
    """Number the rows in their order, by the date of their issue in the settings' time zone.

    Until the transaction ends nobody else gets a number of this kind in the tenant: the caller commits at once.
    A rollback gives the numbers back. With its number each is told of, and of an invoice also what became of it since
    it was issued.
    """
    if not rows:
        return
    settings = settings or await views.settings(tx, tenant)
    pattern = settings.invoice_pattern if kind == "invoice" else settings.credit_note_pattern
    zone = ZoneInfo(settings.time_zone)
    scopes: dict[Scope, list[Numbered]] = {}
    for row in rows:
        assert row.issued_at is not None, "what is numbered was issued"
        scopes.setdefault(scope_of(pattern, row.issued_at.astimezone(zone).date()), []).append(row)
    await run(tx, q.lock_numbers, {"tenant": tenant, "kind": kind, "count": len(rows)})
    states: dict[UUID, _State] = {}
    for scope, members in scopes.items():
        states |= await _number(tx, tenant, kind, scope, members)
    await events.emit(tx, tenant, *_told(rows, states))


@dataclass(slots=True)
class _State:
    """How an invoice stands when it gets its number."""

    id: UUID
    status: Status
    credited: int
    amount_due: int
    amount_paid: int
    paid_at: datetime | None
    voided_at: datetime | None
    updated_at: datetime


def _told(rows: Sequence[Numbered], states: Mapping[UUID, _State]) -> Iterator[Event]:
    for row in rows:
        if isinstance(row, CreditNote):
            yield noted(row)
        elif isinstance(row, Invoice):
            yield from issued(row)
            state = states[row.id]
            if state.status != row.status:
                yield from settled(replace(row, **asdict(state)))


async def _number(
    tx: Tx, tenant: int, kind: NumberKind, scope: Scope, rows: Sequence[Numbered]
) -> dict[UUID, _State]:
    """Number the rows of a scope; give how invoices stand."""
    last = await value(tx, q.last_of_scope, {"tenant": tenant, "kind": kind, "scope": scope.key}) or 0
    seqs = await _free(tx, tenant, kind, scope, last, len(rows))
    numbers = [scope.number(seq) for seq in seqs]
    values = {
        "tenant": tenant,
        "scope": scope.key,
        "last": seqs[-1],
        "accounts": arrays.int8s([row.account for row in rows]),
        "ids": arrays.uuids([row.id.bytes for row in rows]),
        "numbers": arrays.texts(numbers),
        "seqs": arrays.int8s(seqs),
    }
    for row, number in zip(rows, numbers, strict=True):
        row.number = number
    if kind == "credit_note":
        await run(tx, q.number_credit_note, values)
        return {}
    return {one.id: one for one in await all_rows(tx, _State, q.number_invoice, values)}


async def _free(tx: Tx, tenant: int, kind: NumberKind, scope: Scope, last: int, count: int) -> list[int]:
    """The next sequence numbers, leaving out what an earlier pattern made the same text of."""
    query = q.taken_invoice if kind == "invoice" else q.taken_credit_note
    free: list[int] = []
    while len(free) < count:
        wanted = range(last + 1, last + 1 + count - len(free))
        texts = arrays.texts([scope.number(seq) for seq in wanted])
        cursor = await tx.execute(query.encode(), {"tenant": tenant, "numbers": texts})
        taken = {number for (number,) in await cursor.fetchall()}
        free += [seq for seq in wanted if scope.number(seq) not in taken]
        last = wanted[-1]
    return free
