"""The checks of single values, for the quick way and for the full one alike: each raises ValueError in words."""

import re
from datetime import datetime
from typing import Any, Final

from tallystick.domain.identity.model import storable
from tallystick.http.strict import check_metadata, check_text
from tallystick.kernel.clock import parse_moment
from tallystick.kernel.credits import parse_credits, parse_credits_or_zero
from tallystick.kernel.errors import Invalid
from tallystick.kernel.money import MAX_MINOR, Money, exponent, parse_money

MAX_REFERENCE: Final = 255
MAX_DESCRIPTION: Final = 1000
MAX_REASON: Final = 500
MAX_PRIORITY: Final = 1000
MAX_SECONDS: Final = 3650 * 86400
_OPERATION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}", re.ASCII)
_COUNTRY: Final = re.compile("[A-Z]{2}", re.ASCII)

__all__ = ["check_metadata", "parse_credits", "parse_credits_or_zero"]


def reference(value: object) -> str:
    return check_text(_string(value), MAX_REFERENCE)


def description(value: object) -> str:
    return check_text(_string(value), MAX_DESCRIPTION)


def reason(value: object) -> str:
    text = check_text(_string(value), MAX_REASON, shortest=1)
    if not storable(text):
        raise ValueError("must not hold control characters")
    return text


def metadata(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("must be a JSON object")
    return check_metadata(value)


def moment(value: object) -> datetime:
    return parse_moment(_string(value))


def operation(value: object) -> str:
    text = _string(value)
    if _OPERATION.fullmatch(text) is None:
        raise ValueError("must be 1 to 100 of A-Z, a-z, 0-9, _ . : -, a letter or digit first")
    return text


def priority(value: object) -> int:
    return _between(value, 0, MAX_PRIORITY)


def seconds(value: object) -> int:
    return _between(value, 1, MAX_SECONDS)


def quantity(value: object) -> int:
    """Millionths, as credits are: of minutes, messages, tokens."""
    return parse_credits(value)


def currency(value: object) -> str:
    text = _string(value)
    exponent(text)
    return text


def country(value: object) -> str:
    text = _string(value)
    if _COUNTRY.fullmatch(text) is None:
        raise ValueError("must be two capital letters, such as UG (ISO 3166-1)")
    return text


def paid(amount: object, currency: str) -> Money:
    """Raises Invalid, since which of the two is wrong only both tell."""
    try:
        exponent(currency)
    except ValueError as error:
        raise Invalid("paid.currency", str(error)) from None
    try:
        return parse_money(amount, currency)
    except ValueError as error:
        raise Invalid("paid.amount", str(error)) from None


def money(value: object) -> int | str:
    """An amount as it is written; what its currency makes of it is told where the currency is known."""
    if type(value) is int and 0 <= value <= MAX_MINOR:
        return value
    if isinstance(value, str) and not value.startswith("-"):
        return check_text(value, 40)
    raise ValueError("must be an integer of minor units, or a decimal string")


def check_price(amount: object, operation: object, quantity: object) -> None:
    """A debit has an amount, or an operation and its quantity. Raises Invalid."""
    if amount is not None:
        if quantity is not None:
            raise Invalid("quantity", "must not be given with an amount")
    elif operation is None:
        field = "amount" if quantity is None else "operation"
        other = "operation and quantity are given" if quantity is None else "an amount is given"
        raise Invalid(field, f"is required, unless {other}")
    elif quantity is None:
        raise Invalid("quantity", "is required with an operation, unless an amount is given")


def _between(value: object, least: int, most: int) -> int:
    if type(value) is not int or not least <= value <= most:
        raise ValueError(f"must be an integer from {least} to {most}")
    return value


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("must be a string")
    return value
