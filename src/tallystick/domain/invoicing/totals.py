"""The arithmetic of an invoice, pure: taxes, sums and customer credit, in integer minor units.

Each tax is rounded once, on the invoice's sum; a line's part is the rounded tax of all lines up to it less what
those before it got, so remainders are carried and lines, taxes and totals always sum.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tallystick.kernel.credits import share
from tallystick.kernel.errors import Invalid
from tallystick.kernel.money import MAX_MINOR

from .model import TaxRate

_WHOLE: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class LineTotal:
    """``taxes`` in the order of the rates; ``net`` + ``tax`` is the line's part of the total."""

    net: int
    tax: int
    taxes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TaxTotal:
    """What a rate takes of ``taxable``, the invoice's net."""

    rate: TaxRate
    taxable: int
    amount: int


@dataclass(frozen=True, slots=True)
class Totals:
    """``total`` = subtotal + tax + carried and is never negative; ``amount_due`` = total - credit_applied."""

    lines: tuple[LineTotal, ...]
    taxes: tuple[TaxTotal, ...]
    subtotal: int
    tax: int
    carried: int
    total: int
    credit_applied: int

    @property
    def amount_due(self) -> int:
        return self.total - self.credit_applied


def rates_for(rates: Sequence[TaxRate], country: str, region: str, *, exempt: bool) -> tuple[TaxRate, ...]:
    """The rates that a customer pays.

    Those of its country and region (in whatever case); else those of its country alone; else the tenant's
    standard rate. An exempt customer pays none.
    """
    if exempt:
        return ()
    active = [rate for rate in rates if rate.active]
    region = region.casefold()
    for place in ((country, region), (country, "")):
        here = tuple(
            rate for rate in active if rate.country and (rate.country, rate.region.casefold()) == place
        )
        if here:
            return here
    return tuple(rate for rate in active if rate.standard)


def totals(amounts: Sequence[int], rates: Sequence[TaxRate], credit: int = 0) -> Totals:
    """Tax and add up lines of these amounts (negative ones are credits); use up to ``credit`` of the customer's.

    An inclusive tax is inside the amounts, an exclusive one is added to what they are without it. Raises
    Invalid when the sum is beyond what an amount may be.
    """
    inside = sum(rate.rate for rate in rates if rate.inclusive)
    lines: list[LineTotal] = []
    running, before = 0, [0] * len(rates)
    for amount in amounts:
        running += amount
        upto = [share(running, rate.rate, _WHOLE + inside) for rate in rates]
        parts = tuple(new - old for new, old in zip(upto, before, strict=True))
        included = sum(part for part, rate in zip(parts, rates, strict=True) if rate.inclusive)
        lines.append(LineTotal(amount - included, sum(parts), parts))
        before = upto
    subtotal, tax = sum(line.net for line in lines), sum(before)
    if max(abs(running), abs(subtotal + tax)) > MAX_MINOR:
        raise Invalid("lines", f"must sum to at most {MAX_MINOR} minor units")
    carried = max(0, -(subtotal + tax))
    total = subtotal + tax + carried
    taxes = tuple(TaxTotal(rate, subtotal, taken) for rate, taken in zip(rates, before, strict=True))
    return Totals(tuple(lines), taxes, subtotal, tax, carried, total, min(credit, total))
