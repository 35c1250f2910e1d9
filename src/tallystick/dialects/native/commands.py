"""Commands of the ledger as this contract has them: one `Kind` each, for its own endpoint and within a batch.

A kind knows how its body is read (msgspec), how its faults are told (the Pydantic form), how the body becomes a
command and the answer a view, and which status a success has.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple, TypeVar

import msgspec
from pydantic import BaseModel

from tallystick.domain.catalog.views import CreditTypes
from tallystick.domain.ledger import commands as command
from tallystick.domain.ledger.commands import NO_LABELS, AnyCommand, Labels, Names, Transfer
from tallystick.domain.ledger.model import Answer
from tallystick.kernel.errors import Invalid
from tallystick.kernel.ids import account_of

from . import answers, bodies, fields, forms, names
from .names import Accounts, parse_account

T = TypeVar("T")


class Caller(NamedTuple):
    """Whose words a body is in."""

    tenant: int
    accounts: Accounts
    credit_types: CreditTypes

    async def account(self, text: str) -> int:
        """The internal number of the tenant's account. Raises NotFound."""
        return self.accounts.cached(self.tenant, text) or await self.accounts.resolve(self.tenant, text)

    async def meant(self, text: str) -> int:
        """The number that an account's id names, without a read where the id says it.

        Whether it is that account's, and the tenant's, is checked where the number is used: see `names_of`.
        """
        uuid = parse_account(text)
        return account_of(uuid) if uuid is not None else await self.account(text)

    async def credit_type(self, code: str | None) -> str:
        """Raises Invalid for one that the tenant does not define."""
        return self.credit_types.cached(self.tenant, code) or await self.credit_types.resolve(
            self.tenant, code
        )


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """One type of command. ``target`` names what it acts on, when the path (in a batch: a field) says so."""

    name: str
    status: int
    target: str | None = None
    what: str = "account"
    body: type[bodies.Body]
    form: type[BaseModel]
    build: Callable[[Caller, Any, str], Awaitable[AnyCommand]]
    view: Callable[[Answer], msgspec.Struct]


def names_of(kind: Kind, body: Any, target: str, command: AnyCommand) -> Names:
    """The ids that the body or the path used for accounts, each with the number it was taken to mean."""
    if kind.target == "account":
        given = target
    elif kind.target is None:
        given = body.from_ if kind.name == "transfer" else body.account
    else:
        return ()
    names = ((command.account, parse_account(given) or given[4:]),)
    if isinstance(command, Transfer):
        return *names, (command.to, parse_account(body.to) or body.to[4:])
    return names


def said_of(body: Any, command: AnyCommand) -> AnyCommand | None:
    """The command without the credit type, where the body left that to the tenant's default."""
    if getattr(command, "credit_type", None) is not None and body.credit_type is None:
        return msgspec.structs.replace(command, credit_type="")
    return None


def checked(field: str, check: Callable[[object], T], value: object) -> T:
    """The value as its check gives it. Raises Invalid that names the field."""
    try:
        return check(value)
    except ValueError as error:
        raise Invalid(field, str(error)) from None


def labels_of(body: bodies.Labelled) -> Labels:
    if body.reference is None and body.description is None and body.metadata is None:
        return NO_LABELS
    return Labels(
        reference=None if body.reference is None else checked("reference", fields.reference, body.reference),
        description=(
            None if body.description is None else checked("description", fields.description, body.description)
        ),
        metadata=None if body.metadata is None else checked("metadata", fields.metadata, body.metadata),
    )


async def _grant(caller: Caller, body: bodies.Grant, _: str) -> command.Grant:
    paid = body.paid
    money = None if paid is None else fields.paid(paid.amount, paid.currency)
    return command.Grant(
        account=await caller.meant(body.account),
        credit_type=await caller.credit_type(body.credit_type),
        amount=checked("amount", fields.parse_credits, body.amount),
        source=body.source or "bonus",
        priority=50 if body.priority is None else checked("priority", fields.priority, body.priority),
        expires_at=None if body.expires_at is None else checked("expires_at", fields.moment, body.expires_at),
        paid_minor=None if money is None else money.minor,
        currency=None if money is None else money.currency,
        labels=labels_of(body),
    )


async def _debit(caller: Caller, body: bodies.Debit, _: str) -> command.Debit:
    fields.check_price(body.amount, body.operation, body.quantity)
    operation = body.operation
    if operation is not None:
        checked("operation", fields.operation, operation)
    if body.quantity is None:
        amount, quantity = checked("amount", fields.parse_credits, body.amount), None
        credit_type: str | None = await caller.credit_type(body.credit_type)
    else:
        amount, quantity = 0, checked("quantity", fields.quantity, body.quantity)
        credit_type = None if body.credit_type is None else await caller.credit_type(body.credit_type)
    return command.Debit(
        account=await caller.meant(body.account),
        credit_type=credit_type,
        amount=amount,
        operation=operation,
        quantity=quantity,
        labels=labels_of(body),
    )


async def _hold(caller: Caller, body: bodies.Hold, _: str) -> command.Hold:
    return command.Hold(
        account=await caller.meant(body.account),
        credit_type=await caller.credit_type(body.credit_type),
        amount=checked("amount", fields.parse_credits, body.amount),
        expires_in=checked("expires_in", fields.seconds, body.expires_in),
        on_expiry=body.on_expiry or "release",
        labels=labels_of(body),
    )


async def _extend(caller: Caller, body: bodies.Extend, target: str) -> command.Extend:
    hold = names.parse_hold(target)
    if body.amount is None and body.expires_in is None:
        raise Invalid("amount", "is required, unless expires_in is given")
    return command.Extend(
        account=hold.account,
        hold=hold.number,
        amount=0 if body.amount is None else checked("amount", fields.parse_credits, body.amount),
        expires_in=(
            None if body.expires_in is None else checked("expires_in", fields.seconds, body.expires_in)
        ),
    )


async def _capture(caller: Caller, body: bodies.Capture, target: str) -> command.Capture:
    hold = names.parse_hold(target)
    return command.Capture(
        account=hold.account,
        hold=hold.number,
        amount=checked("amount", fields.parse_credits, body.amount),
        final=body.final or False,
        overage=body.overage or "refuse",
    )


async def _report(caller: Caller, body: bodies.Report, target: str) -> command.Report:
    hold = names.parse_hold(target)
    amount = checked("amount", fields.parse_credits_or_zero, body.amount)
    return command.Report(account=hold.account, hold=hold.number, amount=amount)


async def _release(caller: Caller, body: bodies.Release, target: str) -> command.Release:
    hold = names.parse_hold(target)
    return command.Release(account=hold.account, hold=hold.number)


async def _reverse(caller: Caller, body: bodies.Reverse, target: str) -> command.Reverse:
    entry = names.parse_entry(target)
    return command.Reverse(
        account=entry.account,
        entry=entry.number,
        amount=None if body.amount is None else checked("amount", fields.parse_credits, body.amount),
        reason=checked("reason", fields.reason, body.reason),
    )


async def _refund(caller: Caller, body: bodies.Refund, target: str) -> command.Refund:
    grant = names.parse_grant(target)
    return command.Refund(
        account=grant.account,
        grant=grant.number,
        amount=checked("amount", fields.parse_credits, body.amount),
        reason=checked("reason", fields.reason, body.reason),
    )


async def _transfer(caller: Caller, body: bodies.Transfer, _: str) -> command.Transfer:
    return command.Transfer(
        account=await caller.meant(body.from_),
        to=await caller.meant(body.to),
        credit_type=await caller.credit_type(body.credit_type),
        amount=checked("amount", fields.parse_credits, body.amount),
        labels=labels_of(body),
    )


async def _adjust(caller: Caller, body: bodies.Adjust, _: str) -> command.Adjust:
    return command.Adjust(
        account=await caller.meant(body.account),
        credit_type=await caller.credit_type(body.credit_type),
        direction=body.direction,
        amount=checked("amount", fields.parse_credits, body.amount),
        reason=checked("reason", fields.reason, body.reason),
    )


async def _set_overdraft(caller: Caller, body: bodies.SetOverdraft, target: str) -> command.SetOverdraft:
    return command.SetOverdraft(
        account=await caller.meant(target),
        credit_type=await caller.credit_type(body.credit_type),
        overdraft=checked("overdraft", fields.parse_credits_or_zero, body.overdraft),
    )


GRANT: Final = Kind(
    name="grant", status=201, body=bodies.Grant, form=forms.Grant, build=_grant, view=answers.grant
)
DEBIT: Final = Kind(
    name="debit", status=201, body=bodies.Debit, form=forms.Debit, build=_debit, view=answers.debit
)
HOLD: Final = Kind(name="hold", status=201, body=bodies.Hold, form=forms.Hold, build=_hold, view=answers.hold)
EXTEND: Final = Kind(
    name="extend", status=200, target="hold", what="hold",
    body=bodies.Extend, form=forms.Extend, build=_extend, view=answers.hold,
)  # fmt: skip
CAPTURE: Final = Kind(
    name="capture", status=200, target="hold", what="hold",
    body=bodies.Capture, form=forms.Capture, build=_capture, view=answers.capture,
)  # fmt: skip
REPORT: Final = Kind(
    name="report", status=200, target="hold", what="hold",
    body=bodies.Report, form=forms.Report, build=_report, view=answers.hold,
)  # fmt: skip
RELEASE: Final = Kind(
    name="release", status=200, target="hold", what="hold",
    body=bodies.Release, form=forms.Release, build=_release, view=answers.hold,
)  # fmt: skip
REVERSE: Final = Kind(
    name="reverse", status=201, target="entry", what="entry",
    body=bodies.Reverse, form=forms.Reverse, build=_reverse, view=answers.reversal,
)  # fmt: skip
REFUND: Final = Kind(
    name="refund", status=201, target="grant", what="grant",
    body=bodies.Refund, form=forms.Refund, build=_refund, view=answers.refund,
)  # fmt: skip
TRANSFER: Final = Kind(
    name="transfer", status=201,
    body=bodies.Transfer, form=forms.Transfer, build=_transfer, view=answers.transfer,
)  # fmt: skip
ADJUST: Final = Kind(
    name="adjust", status=201, body=bodies.Adjust, form=forms.Adjust, build=_adjust, view=answers.adjustment
)
SET_OVERDRAFT: Final = Kind(
    name="set_overdraft", status=200, target="account",
    body=bodies.SetOverdraft, form=forms.SetOverdraft, build=_set_overdraft, view=answers.overdraft,
)  # fmt: skip

KINDS: Final = {
    kind.name: kind
    for kind in (
        GRANT, DEBIT, HOLD, EXTEND, CAPTURE, REPORT, RELEASE, REVERSE, REFUND, TRANSFER, ADJUST, SET_OVERDRAFT,
    )
}  # fmt: skip
