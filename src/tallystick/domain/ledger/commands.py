"""What may be asked of the ledger. Amounts are microcredits; ids are numbers within the account.

An `Order` is a command with who asks it and under which idempotency key.
"""

import secrets
from datetime import datetime
from hashlib import blake2b
from itertools import count
from typing import Any, Literal
from uuid import UUID

import msgspec

OnExpiry = Literal["release", "capture_reported"]
Overage = Literal["refuse", "debit"]
Source = Literal["plan", "purchase", "bonus", "promo", "adjustment", "refund"]


class Command(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=str.lower):
    """Base of all. ``account`` is the internal number: the account whose key scope and lane this is."""

    account: int


class Labels(msgspec.Struct, frozen=True, kw_only=True):
    """What the caller says of a movement; the ledger keeps it and decides nothing by it."""

    reference: str | None = None
    description: str | None = None
    metadata: dict[str, Any] | None = None


NO_LABELS = Labels()


class Grant(Command, frozen=True, kw_only=True):
    """Give credits. ``paid_minor`` of ``currency`` is what was paid for the whole of it.

    With ``effective_at`` the grant is given late: as of that moment, which is past, or of the account's last
    where that is later. What has expired by then is posted and lapses at once. Only the server says it.
    """

    credit_type: str
    amount: int
    source: Source = "bonus"
    priority: int = 50
    expires_at: datetime | None = None
    paid_minor: int | None = None
    currency: str | None = None
    effective_at: datetime | None = None
    labels: Labels = NO_LABELS


class Debit(Command, frozen=True, kw_only=True):
    """Spend ``amount``; or, with ``quantity`` (millionths), what the rate card says ``operation`` costs.

    With a quantity, ``amount`` is 0 and ``credit_type`` may be None: the rate names it.
    """

    credit_type: str | None
    amount: int = 0
    operation: str | None = None
    quantity: int | None = None
    labels: Labels = NO_LABELS


class Hold(Command, frozen=True, kw_only=True):
    """Set credits aside for ``expires_in`` seconds."""

    credit_type: str
    amount: int
    expires_in: int
    on_expiry: OnExpiry = "release"
    labels: Labels = NO_LABELS


class Extend(Command, frozen=True, kw_only=True):
    """Add credits to a hold, or time: it then ends ``expires_in`` seconds from now if that is later."""

    hold: int
    amount: int = 0
    expires_in: int | None = None


class Capture(Command, frozen=True, kw_only=True):
    """Spend from a hold. ``final`` releases the rest; ``overage`` says what becomes of more than is held."""

    hold: int
    amount: int
    final: bool = False
    overage: Overage = "refuse"


class Report(Command, frozen=True, kw_only=True):
    """Note how much of a hold is used so far, all in all; captured on expiry if the hold's policy says so."""

    hold: int
    amount: int


class Release(Command, frozen=True, kw_only=True):
    """Give back all of a hold that was not captured."""

    hold: int


class Reverse(Command, frozen=True, kw_only=True):
    """Undo a debit or capture, or a grant's unspent part. Without ``amount``: all that is not yet undone.

    With ``effective_at`` it is done late, as a `Grant` is; only the server says it.
    """

    entry: int
    amount: int | None = None
    reason: str = ""
    effective_at: datetime | None = None


class Refund(Command, frozen=True, kw_only=True):
    """Take back credits whose price is refunded: the grant's unspent part first, then other credits."""

    grant: int
    amount: int
    reason: str = ""
    reference: str | None = None


class Transfer(Command, frozen=True, kw_only=True):
    """Move credits to another account of the tenant, each lot with its priority, expiry and price."""

    to: int
    credit_type: str
    amount: int
    labels: Labels = NO_LABELS


class Adjust(Command, frozen=True, kw_only=True):
    """Correct a balance by hand."""

    credit_type: str
    direction: Literal["credit", "debit"]
    amount: int
    reason: str


class SetOverdraft(Command, frozen=True, kw_only=True, tag="set_overdraft"):
    """Allow a wallet to go ``overdraft`` below zero."""

    credit_type: str
    overdraft: int


class EndDue(Command, frozen=True, kw_only=True, tag="end_due"):
    """End what is due (the sweeper's command): every command does so first. ``effective_at``: what was due by then."""

    effective_at: datetime | None = None


AnyCommand = (
    Grant
    | Debit
    | Hold
    | Extend
    | Capture
    | Report
    | Release
    | Reverse
    | Refund
    | Transfer
    | Adjust
    | SetOverdraft
    | EndDue
)

_encode = msgspec.json.Encoder(order="deterministic").encode

# Keys of the server's own: unlike any other process's, and counted within this one
_process = secrets.token_hex(8)
_made = count(1)


Names = tuple[tuple[int, str | UUID], ...]


class Order(msgspec.Struct, kw_only=True):
    """A command as it was asked.

    ``names`` are the UUIDs and external ids by which the caller named accounts, each with the internal number
    it was taken to mean: whether it does is checked under the lock. ``said_key``: the key says what the order
    is for (a client's, or one of the server's own that can come again), so it is looked up and its answer kept.
    ``resent`` after an ambiguous commit: a key that was made up is looked up too.
    """

    command: AnyCommand
    tenant: int
    actor: str
    key: str
    client_key: bool
    hash: bytes
    said_key: bool = False
    names: Names = ()
    resent: bool = False


def order(
    command: AnyCommand,
    *,
    tenant: int,
    actor: str,
    key: str | None = None,
    server_key: str | None = None,
    names: Names = (),
    said: AnyCommand | None = None,
) -> Order:
    """Make an order. Without a ``key`` of the client one is made, so that it can be sent again safely.

    ``server_key`` is a key of the server's own that says what the order is for, as ``alw:<subscription>:<start>``:
    looked up as a client's is (a repeat gives the first answer, another body is KeyReused), in a scope that no
    client's key reaches. A decline is not kept under it.

    The hash covers type, account and parsed body, and nothing else: not who asked, nor how it was spelled. It is
    empty under a key that was made up, which nobody else can send.
    ``said`` is the command as far as the caller said it, where ``command`` has what was filled in for them:
    a default may change, and the same request under the same key is still the same.
    """
    assert key is None or server_key is None
    said_key = key is not None or server_key is not None
    if key is not None:
        kept = "c:" + key
    elif server_key is not None:
        kept = "d:" + server_key
    else:
        kept = f"s:{_process}{next(_made):x}"
    return Order(
        command=command,
        tenant=tenant,
        actor=actor,
        key=kept,
        client_key=key is not None,
        said_key=said_key,
        hash=blake2b(_encode(said or command), digest_size=16).digest() if said_key else b"",
        names=names,
    )
