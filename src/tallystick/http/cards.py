"""Card numbers never enter: finding one in a request. Pure.

A card number is 14 to 19 digits, with spaces or dashes between them, of a range that card networks give out, and right
by its check digit (ISO/IEC 7812, Luhn). Text that is one counts, wherever it stands. Dashes must part it as people part
cards, in groups of one size or as the networks print them, since many keys and numbers of documents are digits with
dashes. Amid other words one counts that is written in a card's groups, or whose text speaks of cards; a JSON number
only under a name that does so: amounts, times, order numbers and ids of the product's own look alike.
"""

import json
import re
from typing import Any, Final
from urllib.parse import parse_qsl

_ZEROS: Final = bytes(48 if 48 <= byte <= 57 else 32 for byte in range(256))
_MANY: Final = b"0" * 14
_APART: Final = re.compile("[ \\-\u00a0\u2010-\u2015\u202f]")
_DASH: Final = re.compile("[\\-\u2010-\u2015]")
_PRINTED: Final = ((4, 6, 4), (4, 6, 5))
_DIGITS: Final = re.compile("[0-9]{14,19}", re.ASCII)
_NAMED: Final = re.compile("card|number|^pan$|_pan$|^pan_", re.IGNORECASE)
_INSIDE: Final = re.compile(
    "(?<![\\w.,+-])(?:"
    "[0-9]{4}([ -])[0-9]{4}(?:\\1[0-9]{4}){2}(?:\\1[0-9]{3})?|[0-9]{4}([ -])[0-9]{6}\\2[0-9]{4,5}|([0-9]{14,19})"
    ")(?![\\w-]|[.,][0-9])",
    re.ASCII,
)
_UUID: Final = re.compile(rb'"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"')
_SPEAKS: Final = re.compile("card|visa|amex|express|cv[cv]", re.IGNORECASE)
_DOUBLED: Final = bytes.maketrans(b"0123456789", b"0246813579")


def find(body: bytes, query: bytes = b"") -> bool:
    """Whether a body (JSON, a form, or other text) or a query string has a card number."""
    if query and _suspicious(query) and _in_form(query):
        return True
    # ids are mostly digits where numbers in them are small, and none is a card number
    return bool(body) and _suspicious(body) and _suspicious(_UUID.sub(b'""', body)) and _in_body(body)


def _suspicious(raw: bytes) -> bool:
    """Quick, and never wrong about one that is there: digits may stand escaped, or apart by what is no ASCII."""
    if _MANY in raw.translate(_ZEROS, b" -+"):
        return True
    return b"%" in raw or b"\\u" in raw or not raw.isascii()


def _in_body(body: bytes) -> bool:
    try:
        return _in_value(json.loads(body, parse_int=_Number, parse_float=str, object_pairs_hook=_Object), "")
    except (ValueError, RecursionError):
        # no JSON: a form, or a body that is refused anyway
        return _in_form(body)


class _Object(list[tuple[str, Any]]):
    """A JSON object with every member, also of those that stand twice."""


class _Number(str):
    """A JSON number as it was written."""


def _in_value(value: Any, name: str) -> bool:
    if isinstance(value, _Number):
        return _NAMED.search(name) is not None and is_card(value)
    if isinstance(value, str):
        return has_card(value)
    if isinstance(value, _Object):
        return any(has_card(key) or _in_value(inner, key) for key, inner in value)
    if isinstance(value, list):
        return any(_in_value(inner, name) for inner in value)
    return False


def _in_form(raw: bytes) -> bool:
    pairs = parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=None)
    return any(has_card(name) or has_card(text) for name, text in pairs)


def is_card(text: str) -> bool:
    """Whether a text is a card number and nothing else."""
    if not 14 <= len(text) <= 60:
        return False
    digits = _APART.sub("", text)
    return (
        _DIGITS.fullmatch(digits) is not None and _issued(digits) and _luhn(digits) and _parted_as_card(text)
    )


def _parted_as_card(text: str) -> bool:
    """Whether dashes, if there are any, part digits into groups of one size (but the last) or as cards show them."""
    if _DASH.search(text) is None:
        return True
    sizes = tuple(len(group) for group in _APART.split(text) if group)
    return sizes in _PRINTED or (len(set(sizes[:-1])) == 1 < len(sizes) - 1 and sizes[-1] <= sizes[0])


def has_card(text: str) -> bool:
    """Whether a text is a card number, or has one among other words."""
    if len(text) < 14 or (text.isascii() and not _suspicious(text.encode())):
        return False
    if is_card(text):
        return True
    speaks = _SPEAKS.search(text) is not None
    return any(is_card(found[0]) for found in _INSIDE.finditer(text) if speaks or found[3] is None)


def _issued(digits: str) -> bool:
    """Whether a network gives out numbers that begin so, of this length."""
    two, three, four, six = int(digits[:2]), int(digits[:3]), int(digits[:4]), int(digits[:6])
    length = len(digits)
    if digits[0] == "4":
        return length in (16, 19)  # Visa
    if 51 <= two <= 55 or 2221 <= four <= 2720:
        return length == 16  # Mastercard
    if two in (34, 37):
        return length == 15  # American Express
    if 300 <= three <= 305 or two in (36, 38, 39) or four == 3095:
        return 14 <= length <= 19  # Diners Club
    if 3528 <= four <= 3589:
        return 16 <= length <= 19  # JCB
    if four == 6011 or 644 <= three <= 649 or two == 65 or 622126 <= six <= 622925:
        return 16 <= length <= 19  # Discover
    return two in (62, 81) and 16 <= length <= 19  # UnionPay


def _luhn(digits: str) -> bool:
    """The check digit: from the right every second digit doubled, its digits added, the whole a multiple of ten."""
    turned = digits[::-1].encode()
    return (sum(turned[::2]) + sum(turned[1::2].translate(_DOUBLED)) - ord("0") * len(turned)) % 10 == 0
