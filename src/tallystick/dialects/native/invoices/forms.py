"""The bodies and queries of invoices, credit notes, tax rates and settings.

Money is of the invoice's currency.
"""

from typing import Annotated, Literal

from pydantic import Field, PlainValidator, WithJsonSchema

from tallystick.dialects.native.fields import money, parse_credits_or_zero
from tallystick.dialects.native.forms import (
    MONEY,
    Account,
    Currency,
    Form,
    Id,
    Key,
    Metadata,
    Moment,
    Quantity,
    Reason,
    Reference,
    UnitPrice,
)
from tallystick.dialects.native.queries import Listed
from tallystick.dialects.native.texts import line
from tallystick.domain.invoicing.model import MAX_LINES, LineKind, Status
from tallystick.http.strict import check_text
from tallystick.kernel.money import MAX_MINOR


def _signed(value: object) -> int | str:
    if type(value) is int and abs(value) <= MAX_MINOR:
        return value
    if isinstance(value, str):
        return check_text(value, 40)
    raise ValueError("must be an integer of minor units, or a decimal string")


def _percentage(value: object) -> int:
    millionths = parse_credits_or_zero(value)
    if millionths % 100 or millionths > 100_000_000:
        raise ValueError("must be from 0 to 100, with at most 4 decimals")
    return millionths // 100


_MAJOR = {"type": "string", "pattern": r"^(0|[1-9][0-9]{0,12})(\.[0-9]{1,4})?$"}
_MINUS = {"type": "string", "pattern": r"^-?(0|[1-9][0-9]{0,12})(\.[0-9]{1,4})?$"}
_NUMBER = {"type": "integer", "minimum": 0, "maximum": MAX_MINOR}

Minor = Annotated[
    int | str,
    PlainValidator(money),
    WithJsonSchema({"description": MONEY, "anyOf": [_NUMBER, _MAJOR], "examples": ["49.00"]}),
]
Signed = Annotated[
    int | str,
    PlainValidator(_signed),
    WithJsonSchema(
        {
            "description": MONEY,
            "anyOf": [{**_NUMBER, "minimum": -MAX_MINOR}, _MINUS],
            "examples": ["-49.00"],
        }
    ),
]
Percentage = Annotated[
    int,
    PlainValidator(_percentage),
    WithJsonSchema(
        {
            "description": "Per cent, an integer or a decimal string of at most four decimals.",
            "anyOf": [
                {"type": "integer", "minimum": 0, "maximum": 100},
                {"type": "string", "pattern": r"^(0|[1-9][0-9]{0,2})(\.[0-9]{1,4})?$"},
            ],
            "examples": ["7.5"],
        }
    ),
]
Description = Annotated[str, *line(1000, 1)]
Memo = Annotated[str, *line(2000)]
Name = Annotated[str, *line(100, 1)]
Said = Annotated[str, *line(255)]
Pattern = Annotated[
    str, *line(60, 1), Field(description="`{YYYY}`, `{MM}` or `{YYYYMM}`, and `{SEQ:3}` once.")
]
Days = Annotated[int, Field(ge=0, le=3650)]


class NewInvoiceLine(Form):
    """Either ``amount``, with its sign, or ``unit_price`` for the quantity."""

    description: Description
    amount: Signed | None = None
    quantity: Quantity | None = Field(None, description="By default 1.")
    unit_price: UnitPrice | None = None
    kind: LineKind | None = Field(None, description="By default `one_time`.")
    period_start: Moment | None = None
    period_end: Moment | None = None
    metadata: Metadata | None = None


Lines = Annotated[list[NewInvoiceLine], Field(max_length=MAX_LINES)]


class NewInvoice(Form):
    """A one-off invoice: a draft, or issued at once with ``finalize``."""

    account: Account
    lines: Lines = Field(default_factory=list)
    currency: Currency | None = Field(None, description="By default the account's.")
    due_at: Moment | None = Field(None, description="By default as the billing settings say.")
    period_start: Moment | None = None
    period_end: Moment | None = None
    memo: Memo | None = None
    metadata: Metadata | None = None
    finalize: bool = False


class InvoicePatch(Form):
    """Of a draft. What is absent stays; ``lines`` replaces all lines, ``add_lines`` adds to them."""

    lines: Lines | None = None
    add_lines: Lines | None = None
    currency: Currency | None = None
    due_at: Moment | None = None
    period_start: Moment | None = None
    period_end: Moment | None = None
    memo: Memo | None = None
    metadata: Metadata | None = None


class Pay(Form):
    """Money that came in; by default all that is due, now. More than is due becomes customer credit."""

    amount: Minor | None = None
    paid_at: Moment | None = None
    reference: Reference | None = None


class Why(Form):
    """A reason for the audit log."""

    reason: Reason | None = None


class Finalize(Form):
    """Nothing need be said."""


class NewNotePart(Form):
    """``line`` is the position of an invoice's line; without ``amount`` (with tax) all that is left of it."""

    line: int = Field(ge=1, le=2**31 - 1)
    amount: Minor | None = None


class NewCreditNote(Form):
    """Lines, or an ``amount`` with tax, or neither: all that is left.

    ``refund`` says what becomes of what was paid: customer credit, or money to pay back.
    """

    reason: Reason
    lines: Annotated[list[NewNotePart], Field(max_length=MAX_LINES)] | None = None
    amount: Minor | None = None
    refund: Literal["credit", "refund"] = "credit"
    metadata: Metadata | None = None


class NewTaxRate(Form):
    """``default``: the rate of customers whose country has none of its own. ``inclusive``: prices hold it."""

    name: Name
    percentage: Percentage
    inclusive: bool = False
    country: Annotated[str, *line(2)] | None = Field(None, description="ISO 3166-1, two letters.")
    region: Said | None = None
    default: bool = False


class TaxRatePatch(Form):
    """A rate's percentage never changes: make another, and put this one out of use."""

    name: Name | None = None
    active: bool | None = None
    default: bool | None = None


class SellerForm(Form):
    """``logo`` is a text that stands where a picture would."""

    name: Said = ""
    address: Annotated[list[Said], Field(max_length=6)] = Field(default_factory=list)
    email: Annotated[str, *line(254)] = ""
    tax_id: Annotated[str, *line(100)] = ""
    logo: Annotated[str, *line(40)] = ""


class PutBillingSettings(Form):
    """Replaces all; what is absent becomes the default."""

    seller: SellerForm = Field(default_factory=SellerForm)
    invoice_pattern: Pattern = "INV-{YYYY}-{SEQ:3}"
    credit_note_pattern: Pattern = "CN-{YYYY}-{SEQ:3}"
    days_until_due: Days = 0
    grace_seconds: Annotated[int, Field(ge=0, le=366 * 86_400)] = 86_400
    end_unpaid_after_days: Days = 30
    locale: Annotated[str, *line(30, 2)] = Field(
        "en", description="How money, numbers and dates are written on documents; their labels are English."
    )
    time_zone: Annotated[str, *line(64, 1)] = "UTC"
    footer: Annotated[str, *line(300)] = ""


class AdjustCredit(Form):
    """``amount`` has its sign: money owed to the customer is more, or less."""

    amount: Signed
    reason: Reason
    currency: Currency | None = Field(None, description="By default the account's.")


class InvoicesQuery(Listed):
    account: Account | None = None
    subscription: Id | None = None
    status: Status | None = None
    number: Key | None = None
    start: Moment | None = Field(None, alias="from", description="Issued at or after this moment.")
    end: Moment | None = Field(None, alias="to", description="Issued before this moment.")


class CreditNotesQuery(Listed):
    account: Account | None = None
    invoice: Id | None = None


class CreditChangesQuery(Listed):
    currency: Currency | None = None
