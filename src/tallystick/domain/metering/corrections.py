"""Correcting and deleting events: the old quantity stays readable, and rollups and credits follow in one commit."""

from datetime import UTC, datetime
from uuid import UUID

from tallystick.db.pool import Tx, one_row, run
from tallystick.domain.identity import actions as identity
from tallystick.domain.identity import views as tenants
from tallystick.domain.identity.model import check_text
from tallystick.domain.ledger import actions as ledger
from tallystick.domain.ledger.model import Head
from tallystick.domain.ledger.port import Rates
from tallystick.kernel.credits import MAX_AMOUNT, format_credits
from tallystick.kernel.errors import Conflict, Invalid, NotFound
from tallystick.kernel.ids import owner_of

from .debits import Debits
from .items import USAGE, received_at
from .model import LATE, Event
from .recording import add_up

MAX_REASON = 500


async def correct_event(
    tx: Tx, tenant: int, event: UUID, *, quantity: int, reason: str, by: str, rates: Rates
) -> Event:
    """Give an event another quantity (micro), because of ``reason``; the same again changes nothing.

    Where it debits credits, it costs what it would by the rates of now: the difference is debited or given back, to
    the grants it came from. Raises NotFound; Invalid (``quantity``, ``reason``, ``operation``); InsufficientCredits;
    Conflict ``event_deleted``, ``event_too_old``. Locks the account.
    """
    if type(quantity) is not int or not 0 <= quantity <= MAX_AMOUNT:
        raise Invalid("quantity", "must be from 0 to 9007199254.740991")
    found, heads, now = await _locked(tx, tenant, event, reason)
    if found.deleted_at is not None:
        raise Conflict("event_deleted", "The event was deleted.")
    if quantity == found.quantity:
        return found
    entry = await Debits(tx, heads, tenant, found, by, rates).settle(quantity, reason, now)
    await _change(tx, tenant, found, "corrected", now, quantity, entry, by, reason)
    return await _read(tx, event)


async def delete_event(tx: Tx, tenant: int, event: UUID, *, reason: str, by: str, rates: Rates) -> Event:
    """Count an event no more, because of ``reason``; again changes nothing. Its event id stays used.

    Credits that it debited are given back. Raises NotFound, Invalid (``reason``), Conflict ``event_too_old``. Locks
    the account.
    """
    found, heads, now = await _locked(tx, tenant, event, reason)
    if found.deleted_at is not None:
        return found
    await Debits(tx, heads, tenant, found, by, rates).settle(0, reason, now)
    await _change(tx, tenant, found, "deleted", now, found.quantity, None, by, reason)
    return await _read(tx, event)


async def _locked(tx: Tx, tenant: int, event: UUID, reason: str) -> tuple[Event, dict[int, Head], datetime]:
    check_text("reason", reason, MAX_REASON, shortest=1)
    heads = await ledger.lock(tx, [owner_of(event)])
    if not any(head.tenant == tenant for head in heads.values()):
        raise NotFound("usage event")
    found = await _read(tx, event)
    now = await tenants.now(tx, tenant)
    if found.at < now - LATE and found.deleted_at is None:
        raise Conflict("event_too_old", f"An event of more than {LATE.days} days ago changes no more.")
    return found, heads, now


async def _read(tx: Tx, event: UUID) -> Event:
    params = {"account": owner_of(event), "id": event, "received": received_at(event)}
    found = await one_row(tx, Event, USAGE.lock_event, params)
    if found is None:
        raise NotFound("usage event")
    return found


async def _change(
    tx: Tx, tenant: int, event: Event, kind: str, now: datetime, quantity: int, entry: int | None,
    by: str, reason: str,
) -> None:  # fmt: skip
    """Note what the event said, let it say the new, and bring its hour's rollup along."""
    gone = kind == "deleted"
    params = {
        "account": event.account,
        "id": event.id,
        "number": event.changes + 1,
        "kind": kind,
        "at": now,
        "quantity": event.quantity,
        "entry": event.entry,
        "actor": by,
        "reason": reason,
    }
    await run(tx, USAGE.insert_change, params)
    params = {
        "account": event.account,
        "id": event.id,
        "received": event.received_at,
        "quantity": quantity,
        "entry": entry,
        "changes": event.changes + 1,
        "deleted_at": now if gone else None,
    }
    await run(tx, USAGE.change_event, params)
    hour = event.at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    delta = [-1, -event.quantity] if gone else [0, quantity - event.quantity]
    await add_up(tx, {(event.account, event.metric, hour): delta})
    details = {"from": format_credits(event.quantity), "to": None if gone else format_credits(quantity)}
    target = f"usage:{event.id}"
    action = f"usage.{kind}"
    await identity.audit(tx, tenant, actor=by, action=action, target=target, reason=reason, details=details)
