"""Answers of the ledger's commands, made of the stored Answer and of nothing else: a replay is the same bytes."""

from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from tallystick.domain.ledger.model import Answer, Entry
from tallystick.kernel.clock import iso
from tallystick.kernel.credits import format_credits
from tallystick.kernel.ids import account_of

from .names import account_id, entry_id, entry_tail, grant_id, hold_id

encode: Final = msgspec.json.Encoder().encode

Credits = Annotated[str, Meta(description="Credits, as a decimal string.", examples=["12.5"])]
Quantity = Annotated[str, Meta(description="Units, as a decimal string.", examples=["1000"])]
UnitPrice = Annotated[
    str,
    Meta(
        description='Minor units of the currency (cents), as a decimal string: "0.5" is half a cent.',
        examples=["0.5"],
    ),
]
Percentage = Annotated[str, Meta(description="Per cent, as a decimal string.", examples=["7.5"])]
Time = Annotated[str, Meta(description="ISO 8601, in UTC.", examples=["2026-11-21T10:00:00Z"])]


class Money(msgspec.Struct):
    """``amount`` is in minor units of the currency: cents of USD, shillings of UGX."""

    amount: int
    currency: str


class Debit(msgspec.Struct):
    """``operation``, ``quantity`` and ``rate_version`` stand where the debit had them."""

    id: str
    account: str
    credit_type: str
    amount: Credits
    available: Credits
    posted: Credits
    held: Credits
    entry: str
    operation: str | UnsetType = UNSET
    quantity: Quantity | UnsetType = UNSET
    rate_version: int | UnsetType = UNSET


class Hold(msgspec.Struct):
    id: str
    account: str
    credit_type: str
    amount: Credits
    captured: Credits
    released: Credits
    reported: Credits
    remaining: Credits
    state: str
    on_expiry: str
    expires_at: Time
    created_at: Time
    posted: Credits
    held: Credits
    available: Credits


class Overage(msgspec.Struct):
    """What was captured beyond the hold, as a debit of its own."""

    entry: str
    amount: Credits


class Capture(Hold):
    entry: str
    overage: Overage | None


class Grant(msgspec.Struct):
    id: str
    account: str
    credit_type: str
    amount: Credits
    remaining: Credits
    source: str
    priority: int
    expires_at: Time | None
    paid: Money | None
    reference: str | None
    description: str | None
    metadata: dict[str, Any] | None
    created_at: Time
    entry: str
    available: Credits
    posted: Credits
    held: Credits


class Reversal(msgspec.Struct):
    """``amount`` is what was undone."""

    id: str
    account: str
    credit_type: str
    amount: Credits
    reverses: str
    reason: str | None
    created_at: Time
    entry: str
    available: Credits
    posted: Credits
    held: Credits


class GrantRefund(msgspec.Struct):
    id: str
    account: str
    credit_type: str
    amount: Credits
    reason: str | None
    created_at: Time
    entry: str
    available: Credits
    posted: Credits
    held: Credits


class Adjustment(msgspec.Struct):
    id: str
    account: str
    credit_type: str
    direction: str
    amount: Credits
    reason: str | None
    created_at: Time
    entry: str
    available: Credits
    posted: Credits
    held: Credits


class Transfer(msgspec.Struct, rename={"from_": "from"}):
    """``to_entries`` are the receiver's, one for each lot that moved. The balances are the giver's."""

    id: str
    from_: str
    to: str
    credit_type: str
    amount: Credits
    reference: str | None
    description: str | None
    metadata: dict[str, Any] | None
    created_at: Time
    entry: str
    to_entries: list[str]
    available: Credits
    posted: Credits
    held: Credits


class Overdraft(msgspec.Struct):
    account: str
    credit_type: str
    overdraft: Credits
    available: Credits
    posted: Credits
    held: Credits


def _entry(answer: Answer) -> Entry:
    assert answer.entry is not None, "the command posts an entry"
    return answer.entry


def debit(answer: Answer) -> Debit:
    entry = _entry(answer)
    tail = entry_tail(entry.account, entry.seq)
    shown = Debit(
        "debit_" + tail,
        account_id(answer.account),
        entry.credit_type,
        format_credits(-entry.amount),
        format_credits(entry.available_after),
        format_credits(entry.posted_after),
        format_credits(entry.held_after),
        "entry_" + tail,
    )
    if entry.operation is not None:
        shown.operation = entry.operation
        if entry.quantity is not None and entry.rate_version is not None:
            shown.quantity = format_credits(entry.quantity)
            shown.rate_version = entry.rate_version
    return shown


def _hold(answer: Answer) -> tuple[Any, ...]:
    facts = answer.facts
    return (
        hold_id(account_of(answer.account), facts["hold"]),
        account_id(answer.account),
        facts["credit_type"],
        format_credits(facts["amount"]),
        format_credits(facts["captured"]),
        format_credits(facts["released"]),
        format_credits(facts["reported"]),
        format_credits(facts["amount"] - facts["captured"] - facts["released"]),
        facts["state"],
        facts["on_expiry"],
        facts["expires_at"],
        facts["created_at"],
        format_credits(facts["posted"]),
        format_credits(facts["held"]),
        format_credits(facts["available"]),
    )


def hold(answer: Answer) -> Hold:
    return Hold(*_hold(answer))


def capture(answer: Answer) -> Capture:
    entry, over = _entry(answer), answer.facts["overage"]
    overage = over and Overage(entry_id(entry.account, over["entry"]), format_credits(over["amount"]))
    return Capture(*(*_hold(answer), entry_id(entry.account, entry.seq), overage))


def grant(answer: Answer) -> Grant:
    entry, made = _entry(answer), answer.facts["grant"]
    return Grant(
        grant_id(entry.account, entry.seq),
        account_id(answer.account),
        entry.credit_type,
        format_credits(made["amount"]),
        format_credits(made["remaining"]),
        made["source"],
        made["priority"],
        made["expires_at"],
        money(made["paid_minor"], made["currency"]),
        entry.reference,
        entry.description,
        entry.metadata,
        iso(entry.effective_at),
        entry_id(entry.account, entry.seq),
        *_balances(entry),
    )


def reversal(answer: Answer) -> Reversal:
    entry = _entry(answer)
    assert entry.reverses is not None
    tail = entry_tail(entry.account, entry.seq)
    return Reversal(
        "reversal_" + tail,
        account_id(answer.account),
        entry.credit_type,
        format_credits(abs(entry.amount)),
        entry_id(entry.account, entry.reverses),
        entry.description,
        iso(entry.effective_at),
        "entry_" + tail,
        *_balances(entry),
    )


def refund(answer: Answer) -> GrantRefund:
    entry = _entry(answer)
    tail = entry_tail(entry.account, entry.seq)
    return GrantRefund(
        "refund_" + tail,
        account_id(answer.account),
        entry.credit_type,
        format_credits(abs(entry.amount)),
        entry.description,
        iso(entry.effective_at),
        "entry_" + tail,
        *_balances(entry),
    )


def adjustment(answer: Answer) -> Adjustment:
    entry = _entry(answer)
    tail = entry_tail(entry.account, entry.seq)
    return Adjustment(
        "adjustment_" + tail,
        account_id(answer.account),
        entry.credit_type,
        "credit" if entry.amount > 0 else "debit",
        format_credits(abs(entry.amount)),
        entry.description,
        iso(entry.effective_at),
        "entry_" + tail,
        *_balances(entry),
    )


def transfer(answer: Answer) -> Transfer:
    entry, facts = _entry(answer), answer.facts
    tail = entry_tail(entry.account, entry.seq)
    return Transfer(
        "transfer_" + tail,
        account_id(answer.account),
        account_id(UUID(facts["to"])),
        entry.credit_type,
        format_credits(-entry.amount),
        entry.reference,
        entry.description,
        entry.metadata,
        iso(entry.effective_at),
        "entry_" + tail,
        [entry_id(facts["to_account"], seq) for seq in facts["to_entries"]],
        *_balances(entry),
    )


def overdraft(answer: Answer) -> Overdraft:
    facts = answer.facts
    return Overdraft(
        account_id(answer.account),
        facts["credit_type"],
        format_credits(facts["overdraft"]),
        format_credits(facts["available"]),
        format_credits(facts["posted"]),
        format_credits(facts["held"]),
    )


def money(minor: int | None, currency: str | None) -> Money | None:
    return None if minor is None or currency is None else Money(minor, currency)


def _balances(entry: Entry) -> tuple[str, str, str]:
    """available, posted, held."""
    return (
        format_credits(entry.available_after),
        format_credits(entry.posted_after),
        format_credits(entry.held_after),
    )
