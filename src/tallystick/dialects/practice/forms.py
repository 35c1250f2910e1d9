"""The contract's requests as they are read. What is wrong is said by the field's name, and never by its value: that may
be a card number."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tallystick.http.strict import NotJson, loads
from tallystick.kernel.errors import Invalid

CARDS: Final = ("credit_card", "debit_card", "card")
TRANSFERS: Final = ("bank_transfer", "manual")
MAX_TYPE: Final = 40
_FIELDS: Final = {"practice_id", "package_id", "payment_method"}
_OF_METHOD: Final = {"type", "last_four"}
_INTEGER: Final = re.compile("-?[0-9]{1,400}", re.ASCII)
_DIGITS: Final = re.compile("[0-9]{4}", re.ASCII)
_PAGE: Final = re.compile("[0-9]{1,12}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Purchase:
    """What is bought, and by what it is paid. ``last_four`` is '' for a bank transfer that says none."""

    practice: int
    package: int
    type: str
    last_four: str

    @property
    def said(self) -> list[Any]:
        """What a repeat under the same key must say again."""
        return [str(self.practice), str(self.package), self.type, self.last_four]


def practice_of(query: Mapping[str, str]) -> int:
    """Raises Invalid."""
    text = query.get("practice_id", "")
    if not text:
        raise Invalid("practice_id", "is required")
    if _INTEGER.fullmatch(text) is None:
        raise Invalid("practice_id", "must be an integer")
    return int(text)


def page_of(query: Mapping[str, str]) -> int:
    """The page that is asked for, the first by default. Raises Invalid."""
    text = query.get("page", "1")
    if _PAGE.fullmatch(text) is None or int(text) < 1:
        raise Invalid("page", "must be an integer of at least 1")
    return int(text)


def purchase(body: bytes) -> Purchase:
    """Raises Invalid."""
    try:
        said = loads(body)
    except NotJson:
        raise Invalid("", "The body is not valid JSON.") from None
    if not isinstance(said, dict):
        raise Invalid("", "The body must be a JSON object.")
    practice, package = _integer(said, "practice_id"), _integer(said, "package_id")
    if "payment_method" not in said:
        raise Invalid("payment_method", "is required")
    method = said["payment_method"]
    if not isinstance(method, dict):
        raise Invalid("payment_method", "must be an object with type and last_four")
    if not said.keys() <= _FIELDS or not method.keys() <= _OF_METHOD:
        # what else there is of a card must not come at all
        raise Invalid(
            "", "Only practice_id, package_id and payment_method with type and last_four may be sent."
        )
    kind = _text(method, "type")
    if not 1 <= len(kind) <= MAX_TYPE or not kind.isascii() or not kind.isprintable():
        raise Invalid("payment_method.type", f"must be 1 to {MAX_TYPE} plain characters")
    if kind in TRANSFERS and method.get("last_four") in (None, ""):
        return Purchase(practice, package, kind, "")
    last_four = _text(method, "last_four")
    if _DIGITS.fullmatch(last_four) is None:
        raise Invalid("payment_method.last_four", "must be exactly four digits: a card number never enters")
    return Purchase(practice, package, kind, last_four)


def _integer(said: Mapping[str, Any], name: str) -> int:
    if name not in said:
        raise Invalid(name, "is required")
    value = said[name]
    if type(value) is not int:
        raise Invalid(name, "must be an integer")
    return value


def _text(method: Mapping[str, Any], name: str) -> str:
    if name not in method:
        raise Invalid(f"payment_method.{name}", "is required")
    value = method[name]
    if not isinstance(value, str):
        raise Invalid(f"payment_method.{name}", "must be a string")
    return value
