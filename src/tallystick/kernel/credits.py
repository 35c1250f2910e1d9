"""Credits: integers of a millionth of a credit inside, decimal strings at the edge.

One place parses and prints them, so that a float, a NaN or a bool can never become an amount.
"""

import re
from typing import Final

MICRO: Final = 1_000_000
"""Microcredits in a credit."""

MAX_AMOUNT: Final = 2**53 - 1
"""Largest amount of one command, in microcredits: exact in every JSON reader."""

MAX_BALANCE: Final = 2**62
"""Largest balance a wallet may reach, in microcredits: far inside PostgreSQL's bigint."""

# ASCII digits only: "١٢" is a number to Python's int(), never to a ledger.
_DECIMAL: Final = re.compile(r"(0|[1-9][0-9]{0,15})(?:\.([0-9]{1,30}))?", re.ASCII)


def parse_credits(value: object) -> int:
    """Give the microcredits (1 to ``MAX_AMOUNT``) of a JSON integer or a decimal string.

    Raises ValueError, with a text for the caller, for anything else: floats, bools, signs,
    exponents, more than six decimals, zero and amounts above ``MAX_AMOUNT``.
    """
    micro = parse_credits_or_zero(value)
    if micro == 0:
        raise ValueError("must be greater than 0")
    return micro


def parse_credits_or_zero(value: object) -> int:
    """Like `parse_credits`, and 0 is allowed (a limit may be nothing)."""
    if type(value) is int:
        if value < 0:
            raise ValueError("must be greater than 0")
        micro = value * MICRO
    elif type(value) is str:
        match = _DECIMAL.fullmatch(value)
        if match is None:
            raise ValueError('must be an integer or a decimal string such as "12.5"')
        whole, fraction = match[1], (match[2] or "").rstrip("0")
        if len(fraction) > 6:
            raise ValueError("must have at most 6 decimals")
        micro = int(whole) * MICRO + int(fraction.ljust(6, "0"))
    else:
        raise ValueError('must be an integer or a decimal string such as "12.5"')
    if micro > MAX_AMOUNT:
        raise ValueError("must be at most 9007199254.740991")
    return micro


def format_credits(micro: int) -> str:
    """Print microcredits as the shortest decimal string: 12500000 -> ``"12.5"``."""
    if not micro:
        return "0"
    sign = "-" if micro < 0 else ""
    whole, fraction = divmod(abs(micro), MICRO)
    if fraction == 0:
        return f"{sign}{whole}"
    return f"{sign}{whole}.{fraction:06d}".rstrip("0")


def floor_credits(micro: int) -> int:
    """Whole credits, rounded down: what a contract with integer credits shows."""
    return micro // MICRO


def share(total: int, part: int, whole: int) -> int:
    """Give ``total * part / whole`` rounded half to even, in integers.

    The one place that rounds. ``whole`` must be positive; units are the caller's.
    """
    quotient, rest = divmod(total * part, whole)
    if 2 * rest > whole or (2 * rest == whole and quotient % 2 == 1):
        return quotient + 1
    return quotient
