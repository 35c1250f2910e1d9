"""The bodies of the contract's writes, as msgspec reads them, and what is said of one that it cannot read.

Null is as good as absent, save in PATCH of a customer, where it takes a value away.
"""

import re
from functools import cache
from typing import Any, Final, Literal, TypeVar, get_args, get_origin

import msgspec
from msgspec import UNSET, UnsetType

from tallystick.http.strict import NotJson, loads

from .errors import BadRequest, missing
from .numbers import NULL, Number

Type = Literal["individual", "business"]
CustomerStatus = Literal["active", "inactive", "blocked"]
PricingModel = Literal["flat", "usage", "hybrid"]
Interval = Literal["monthly", "quarterly", "yearly", "one-time"]
PlanStatus = Literal["active", "archived"]
Mode = Literal["live", "test"]
InvoiceStatus = Literal["draft", "pending", "open", "paid", "void", "failed"]

B = TypeVar("B", bound="Body")


class Body(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Base of all."""


class Usage(Body, rename="camel", kw_only=True):
    subscription_id: str
    quantity: Number
    metric: str
    event_id: str | None = None
    metadata: dict[str, Any] | None = None


class NewCustomer(Body, rename={"external_customer_id": "externalCustomerId"}, kw_only=True):
    email: str
    first_name: str | None = None
    last_name: str | None = None
    phone: str | None = None
    external_customer_id: str | None = None
    type: Type | None = None
    status: CustomerStatus | None = None
    metadata: dict[str, Any] | None = None


class CustomerPatch(
    Body,
    rename={"customer_id": "customerId", "external_customer_id": "externalCustomerId"},
    kw_only=True,
):
    customer_id: str
    email: str | UnsetType = UNSET
    first_name: str | UnsetType | None = UNSET
    last_name: str | UnsetType | None = UNSET
    phone: str | UnsetType | None = UNSET
    external_customer_id: str | UnsetType | None = UNSET
    type: Type | UnsetType = UNSET
    status: CustomerStatus | UnsetType = UNSET
    metadata: dict[str, Any] | UnsetType | None = UNSET


class NewSubscription(Body, rename="camel", kw_only=True):
    customer_id: str
    plan_id: str
    start_date: Number = NULL


class NewPlan(Body, rename="camel", kw_only=True):
    name: str
    description: str | None = None
    pricing_model: PricingModel
    base_amount: Number = NULL
    currency: str
    interval: Interval
    trial_days: Number = NULL
    usage_metric: str | None = None
    unit_price: Number = NULL
    free_units: Number = NULL
    status: PlanStatus | None = None
    mode: Mode | None = None


class PlanPatch(Body, rename="camel", kw_only=True):
    plan_id: str
    name: str | None = None
    description: str | None = None
    status: PlanStatus | None = None
    base_amount: Number = NULL
    unit_price: Number = NULL
    free_units: Number = NULL
    trial_days: Number = NULL


class InvoicePatch(Body, rename="camel", kw_only=True):
    invoice_id: str
    status: InvoiceStatus
    amount_paid: Number = NULL
    paid_date: Number = NULL


_EXPECTED: Final = re.compile(r"Expected `([^`]+)`, got `[^`]+` - at `\$\.([^`.\[]+).*`")
_ENUM: Final = re.compile(r"Invalid enum value .* - at `\$\.([^`.\[]+).*`")
_AT: Final = re.compile(r".* - at `\$\.([^`.\[]+).*`")
_TYPES: Final = {"str": "a string", "object": "a JSON object"}


def read(form: type[B], raw: bytes) -> B:
    """The body of a request. Raises BadRequest, saying all that is missing, else the first fault."""
    try:
        body: B = _decoder(form).decode(raw or b"{}")
        return body
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _refused(form, raw or b"{}", str(error)) from None


@cache
def _decoder(form: type[B]) -> msgspec.json.Decoder[B]:
    return msgspec.json.Decoder(form)


def _refused(form: type[Body], raw: bytes, said: str) -> BadRequest:
    try:
        value = loads(raw)
    except NotJson:
        return BadRequest("Invalid JSON body")
    if not isinstance(value, dict):
        return BadRequest("The body must be a JSON object")
    fields = msgspec.structs.fields(form)
    absent = [
        field.encode_name for field in fields if field.required and value.get(field.encode_name) is None
    ]
    if absent:
        return missing(*absent)
    names = {field.encode_name for field in fields}
    unknown = [name for name in value if name not in names]
    if unknown:
        return BadRequest(f"Unknown field: {_printable(unknown[0])}")
    if expected := _EXPECTED.fullmatch(said):
        kind = expected[1].partition(" ")[0]
        return BadRequest(f"{expected[2]} must be {_TYPES.get(kind, 'of another type')}")
    if chosen := _ENUM.fullmatch(said):
        return BadRequest(f"{chosen[1]} must be {_choices(form, chosen[1])}")
    if somewhere := _AT.fullmatch(said):
        return BadRequest(f"{somewhere[1]} cannot be read")
    return BadRequest("Invalid JSON body")


def _printable(text: str) -> str:
    return ascii(text[:100])[1:-1]


def _choices(form: type[Body], name: str) -> str:
    """A field's words: "live or test"."""
    [field] = [one for one in msgspec.structs.fields(form) if one.encode_name == name]
    kinds = (field.type, *get_args(field.type))
    [words] = [get_args(kind) for kind in kinds if get_origin(kind) is Literal]
    *others, last = words
    return f"{', '.join(others)} or {last}"
