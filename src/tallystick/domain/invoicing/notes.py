"""Credit notes, pure: how much of an invoice a note credits, with its part of the tax.

What is credited is a sum with its tax. Its tax is in proportion to what is left of the line (or the invoice), so
that crediting all that is left takes exactly the tax that is left, and no note can go beyond the invoice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tallystick.kernel.credits import share
from tallystick.kernel.errors import Conflict, Invalid

from .model import CreditNote, Invoice, Line


@dataclass(frozen=True, slots=True)
class Part:
    """A line to credit: ``amount`` minor units with tax, None for all that is left of it."""

    line: int
    amount: int | None = None


@dataclass(frozen=True, slots=True)
class Credited:
    """A line of a note to be."""

    invoice_line: int | None
    description: str
    net: int
    tax: int


@dataclass(slots=True)
class _Left:
    """What of an invoice or a line is not credited yet."""

    net: int
    tax: int

    @property
    def total(self) -> int:
        return self.net + self.tax

    def take(self, total: int, within: "_Left | None" = None) -> tuple[int, int]:
        """The net and tax of ``total``, taken away from here and from ``within``, which bounds them too."""
        tax = min(max(share(self.tax, total, self.total), 0), total)
        if within is not None and within is not self:
            tax = max(min(tax, within.tax), total - within.net)
            within.net -= total - tax
            within.tax -= tax
        self.net -= total - tax
        self.tax -= tax
        return total - tax, tax


def credited(
    invoice: Invoice, before: Sequence[CreditNote], parts: Sequence[Part] | None, amount: int | None,
    description: str,
) -> list[Credited]:  # fmt: skip
    """The lines of a note on ``parts`` of the invoice, on a sum of ``amount``, or (neither) on all that is left.

    Raises Invalid naming ``lines.0.line``, ``lines.0.amount`` or ``amount``, and Conflict("nothing_to_credit").
    """
    whole = _Left(
        invoice.subtotal - sum(note.subtotal for note in before),
        invoice.tax - sum(note.tax for note in before),
    )
    if invoice.total == 0 or whole.total <= 0:
        raise Conflict("nothing_to_credit", "Nothing of the invoice is left to be credited.")
    if not parts:
        amount = whole.total if amount is None else amount
        if not 1 <= amount <= whole.total:
            raise Invalid(
                "amount", f"must be from 1 to {whole.total} minor units, what is left of the invoice"
            )
        return [Credited(None, description, *whole.take(amount))]
    return _by_lines(invoice, before, parts, whole)


def _by_lines(
    invoice: Invoice, before: Sequence[CreditNote], parts: Sequence[Part], whole: _Left
) -> list[Credited]:
    lines = {line.position: line for line in invoice.lines}
    left = {line.position: _left_of(line, before) for line in invoice.lines}
    made = []
    for place, part in enumerate(parts):
        line = lines.get(part.line)
        if line is None:
            raise Invalid(f"lines.{place}.line", "is not a line of the invoice")
        room = left[part.line]
        if room.total < 1:
            raise Invalid(f"lines.{place}.line", "has nothing left to be credited")
        amount = room.total if part.amount is None else part.amount
        if amount < 1 or amount > room.total:
            raise Invalid(f"lines.{place}.amount", f"must be from 1 to {room.total} minor units")
        if amount > whole.total:
            raise Invalid(f"lines.{place}.amount", "goes beyond what is left of the invoice")
        made.append(Credited(part.line, line.description, *room.take(amount, whole)))
    return made


def _left_of(line: Line, before: Sequence[CreditNote]) -> _Left:
    left = _Left(line.net, line.tax)
    for note in before:
        for row in note.lines:
            if row.invoice_line == line.position:
                left.net -= row.net
                left.tax -= row.tax
    return left


def taxes_of(invoice: Invoice, tax: int) -> list[dict[str, Any]]:
    """A note's tax by the invoice's rates, in proportion; the parts sum to it."""
    shown, running, given = [], 0, 0
    for row in invoice.taxes:
        running += row["amount"]
        upto = share(tax, running, invoice.tax) if invoice.tax else 0
        shown.append(
            {name: row[name] for name in ("id", "name", "rate", "inclusive")} | {"amount": upto - given}
        )
        given = upto
    return shown
