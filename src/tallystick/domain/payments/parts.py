"""Which money a refund sends back: pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from tallystick.domain.invoicing.model import Invoice
from tallystick.kernel.errors import Conflict, Invalid

from .model import Payment, Refund


@dataclass(frozen=True, slots=True)
class Parts:
    """Minor units taken of the customer's credit, and of what was paid of the invoice."""

    credit: int
    invoice: int


def refundable(row: Payment, before: Sequence[Refund]) -> int:
    """What of a payment no refund speaks for. One that failed does: it can be tried again, or paid by hand."""
    return row.amount - sum(one.amount for one in before)


def check_amount(amount: int | None, left: int) -> int:
    """The amount to refund. Raises Invalid("amount"), Conflict("nothing_to_refund")."""
    if left <= 0:
        raise Conflict("nothing_to_refund", "Nothing of the payment is left to go back.")
    if amount is None:
        return left
    if not 1 <= amount <= left:
        raise Invalid("amount", f"must be from 1 to {left} minor units, what is left of the payment")
    return amount


def split(
    row: Payment, amount: int, before: Sequence[Refund], invoice: Invoice | None, balance: int, *, strict: bool
) -> Parts:  # fmt: skip
    """What became the customer's credit goes first, as far as they still have it (``balance``); then the invoice's.

    What was paid of a void invoice is the customer's credit too. ``strict``: raises Conflict("credit_spent"),
    Conflict("invoice_state") where that is not all of it; else it is as much as can be.
    """
    void = invoice is not None and invoice.status == "void"
    room = row.to_credit + (row.applied if void else 0) - sum(one.from_credit for one in before)
    credit = max(0, min(amount, room, balance))
    rest = amount - credit
    paid = 0 if void else row.applied - sum(one.from_invoice for one in before)
    if strict and rest > paid:
        raise Conflict("credit_spent", "It became the customer's credit, and was used up since.")
    rest = max(0, min(rest, paid))
    if rest and (invoice is None or invoice.status != "paid"):
        if strict:
            state = "gone" if invoice is None else invoice.status
            raise Conflict(
                "invoice_state", f"The invoice is {state}: void it, and refund it then.", state=state
            )
        rest = 0
    return Parts(credit, rest)
