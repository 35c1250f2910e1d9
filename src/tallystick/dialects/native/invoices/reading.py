"""Bodies and paths of invoices as the domain's values."""

from collections.abc import Sequence
from typing import Annotated, Any, cast
from uuid import UUID

from fastapi import Depends, Request

from tallystick.dialects.native.auth import Anyone, may_read
from tallystick.domain.invoicing.drafts import DraftChanges
from tallystick.domain.invoicing.model import ONE, NewLine
from tallystick.domain.invoicing.notes import Part
from tallystick.http.hot import count_for
from tallystick.kernel.credits import share
from tallystick.kernel.errors import Invalid, NotFound
from tallystick.kernel.ids import owner_of, parse_typeid
from tallystick.kernel.money import MAX_MINOR, parse_money

from . import forms

_WHOLE = 10**12


async def _own_invoice(request: Request, actor: Anyone, invoice: str) -> UUID:
    return _own(request, actor, "inv", invoice, "invoice")


async def _own_note(request: Request, actor: Anyone, credit_note: str) -> UUID:
    return _own(request, actor, "cn", credit_note, "credit note")


def _own(request: Request, actor: Any, prefix: str, text: str, what: str) -> UUID:
    uuid = id_of(prefix, text, what)
    may_read(actor, owner_of(uuid), what)
    count_for(request.scope, (owner_of(uuid),))
    return uuid


OwnInvoice = Annotated[UUID, Depends(_own_invoice)]
"""The invoice that the path names, of an account that the actor may read. Whose it is, the view tells."""
OwnNote = Annotated[UUID, Depends(_own_note)]


def id_of(prefix: str, text: str, what: str) -> UUID:
    """Raises NotFound for what is no id of this kind."""
    uuid = parse_typeid(prefix, text)
    if uuid is None:
        raise NotFound(what)
    return uuid


def minor(field: str, amount: int | str, currency: str) -> int:
    """Minor units, with their sign. Raises Invalid."""
    try:
        if isinstance(amount, str) and amount.startswith("-"):
            return -parse_money(amount[1:], currency).minor
        if isinstance(amount, int) and amount < 0:
            return -parse_money(-amount, currency).minor
        return parse_money(amount, currency).minor
    except ValueError as error:
        raise Invalid(field, str(error)) from None


def lines(given: Sequence[forms.NewInvoiceLine], currency: str, within: str = "lines") -> list[NewLine]:
    """The lines to charge. Raises Invalid."""
    return [_line(f"{within}.{at}", line, currency) for at, line in enumerate(given)]


def _line(within: str, line: forms.NewInvoiceLine, currency: str) -> NewLine:
    quantity = ONE if line.quantity is None else line.quantity
    if line.amount is not None:
        amount = minor(f"{within}.amount", line.amount, currency)
        if line.unit_price is not None:
            raise Invalid(f"{within}.unit_price", "must not be given with an amount")
    elif line.unit_price is not None:
        amount = share(line.unit_price, quantity, _WHOLE)
        if amount > MAX_MINOR:
            raise Invalid(f"{within}.unit_price", "is too large for the quantity")
    else:
        raise Invalid(f"{within}.amount", "is required, unless a unit_price is given")
    if line.period_start and line.period_end and line.period_end <= line.period_start:
        raise Invalid(f"{within}.period_end", "must be after period_start")
    return NewLine(
        kind=line.kind or "one_time",
        description=line.description,
        amount=amount,
        quantity=quantity,
        unit_price=line.unit_price,
        period_start=line.period_start,
        period_end=line.period_end,
        details=line.metadata or {},
    )


def changes(body: forms.InvoicePatch, currency: str) -> DraftChanges:
    """What of a draft in this currency to change. Raises Invalid."""
    made: dict[str, Any] = {}
    given = body.model_fields_set
    currency = body.currency or currency
    for name in ("due_at", "period_start", "period_end"):
        if name in given:
            made[name] = getattr(body, name)
    for name in ("currency", "memo", "metadata"):
        if getattr(body, name) is not None:
            made[name] = getattr(body, name)
    if body.lines is not None:
        made["lines"] = lines(body.lines, currency)
    if body.add_lines is not None:
        made["add_lines"] = lines(body.add_lines, currency, "add_lines")
    return cast(DraftChanges, made)


def parts(body: forms.NewCreditNote, currency: str) -> list[Part] | None:
    """The lines that a note credits. Raises Invalid."""
    if body.lines is None:
        return None
    if not body.lines:
        raise Invalid("lines", "must not be empty")
    return [
        Part(part.line, None if part.amount is None else minor(f"lines.{at}.amount", part.amount, currency))
        for at, part in enumerate(body.lines)
    ]
