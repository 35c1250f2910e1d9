"""Events on their way through a batch: checked, with the key and the id under which they will stand."""

import asyncio
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final
from uuid import UUID

import msgspec

from tallystick.db.sql import Queries
from tallystick.domain.identity.model import check_text
from tallystick.kernel.credits import MAX_AMOUNT
from tallystick.kernel.errors import Fact, Invalid, NotFound
from tallystick.kernel.ids import owned_uuids, typeid

from .model import MAX_NAME, Billed, NewEvent, Recorded

USAGE: Final = Queries("tallystick.domain.metering", "usage.sql")
MAX_EVENT_ID: Final = 255
MAX_METADATA: Final = 16 * 1024

_encode: Final = msgspec.json.Encoder().encode
_sorted: Final = msgspec.json.Encoder(order="deterministic").encode
_NUL: Final = re.compile(
    rb"(?<!\\)(?:\\\\)*\\u0000"
)  # PostgreSQL keeps it in JSON, and cannot read it out again
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NIL: Final = UUID(int=0)


class Call(msgspec.Struct):
    """Events that one caller sent together. ``left``: how many are not answered yet."""

    done: "asyncio.Future[list[Recorded | Fact]]"
    results: list[Any]
    left: int

    def answers(self) -> list[Recorded | Fact]:
        return self.results


class Item(msgspec.Struct, kw_only=True):
    """An event on its way through a batch."""

    call: Call
    place: int
    tenant: int
    actor: str
    event: NewEvent
    key: str | None
    """What its caller knows it by, which may come again and is claimed. None: nothing is ever compared with it."""
    request_hash: bytes
    """Empty without a key."""
    metadata: bytes | None
    id: UUID = _NIL
    result: Recorded | Fact | None = None
    former: tuple[UUID, ...] = ()
    """Ids under which it may have been recorded already, by a commit whose outcome is not known."""
    at: datetime = _EPOCH
    billed: Billed | None = None
    operation: str | None = None
    entry: int | None = None
    due: bool = False
    """It had too few credits, and its account has some coming."""
    renewed: bool = False
    """What had fallen due of its account was done for it."""


def prepare(call: Call, tenant: int, actor: str, events: Sequence[NewEvent], first: int) -> list[Item]:
    """The events as items; those that are not well-formed are answered in the call at once."""
    items = []
    for place, event in enumerate(events, first):
        try:
            metadata = _check(event)
        except Invalid as fact:
            call.results[place] = fact
            call.left -= 1
            continue
        key = None
        if event.event_id is not None:
            key = "e:" + event.event_id
        elif event.key is not None:
            key = "k:" + event.key
        items.append(
            Item(
                call=call,
                place=place,
                tenant=tenant,
                actor=actor,
                event=event,
                key=key,
                request_hash=b"" if key is None else _hash(event, metadata),
                metadata=metadata,
            )
        )
    return items


def begin(items: Sequence[Item]) -> None:
    """Give items the ids under which a transaction is to record them."""
    ids = owned_uuids([item.event.account for item in items])
    for item, id in zip(items, ids, strict=True):
        item.id = id
        item.result = item.entry = None
        item.due = False


def resend(items: Sequence[Item]) -> None:
    """Mark items that may have been recorded already: their keys, or the ids that they had, tell."""
    for item in items:
        item.former = (*item.former, item.id)


def received_at(id: UUID) -> datetime:
    """When the event was received, to the millisecond: its id tells. Raises NotFound for one that never was."""
    try:
        return _of_milliseconds(id.int >> 80)
    except OverflowError:
        raise NotFound("usage event") from None


@lru_cache(10_000)
def _of_milliseconds(since_1970: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=since_1970)


def reference(event_id: str | None, id: UUID) -> str:
    """What the ledger's entries call an event: as its caller does, else by its id."""
    return typeid("usage", id) if event_id is None else event_id


def check_metric(name: str, text: str) -> str:
    return check_text(name, text, MAX_NAME, shortest=1)


def check_event_id(name: str, text: str) -> str:
    return check_text(name, text, MAX_EVENT_ID, shortest=1)


def _check(event: NewEvent) -> bytes | None:
    """The event's metadata as JSON. Raises Invalid."""
    check_metric("metric", event.metric)
    if type(event.quantity) is not int or not 0 <= event.quantity <= MAX_AMOUNT:
        raise Invalid("quantity", "must be from 0 to 9007199254.740991")
    if event.event_id is not None:
        check_event_id("event_id", event.event_id)
    if not event.metadata:
        return None
    try:
        raw = _encode(event.metadata)
    except (ValueError, TypeError, RecursionError, msgspec.MsgspecError):
        raise Invalid("metadata", "must be a JSON object") from None
    if len(raw) > MAX_METADATA:
        raise Invalid("metadata", f"must be at most {MAX_METADATA} bytes of JSON")
    if b"u0000" in raw and _NUL.search(raw) is not None:
        raise Invalid("metadata", "must not hold the character NUL")
    return raw


def _hash(event: NewEvent, metadata: bytes | None) -> bytes:
    """What makes two requests of one event id the same: all that the caller said of the event."""
    if metadata is not None and len(event.metadata or ()) > 1:
        metadata = _sorted(event.metadata)
    said = f"{event.metric}\0{event.quantity}\0{event.at or ''}\0{event.subscription or ''}\0"
    return blake2b(said.encode() + (metadata or b""), digest_size=16).digest()
