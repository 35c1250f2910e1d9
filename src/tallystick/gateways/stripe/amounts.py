"""Amounts as Stripe's API counts them: nearly ISO 4217's minor units. Pure.

Stripe counts ISK and UGX in hundredths and MGA in whole ariary, where ISO 4217 says otherwise, and takes amounts with
three decimals only where the last is 0 (https://docs.stripe.com/currencies).
"""

from typing import Final

from tallystick.domain.payments.port import GatewayRefused
from tallystick.kernel.money import Money, exponent

_WHOLE: Final = frozenset("BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".split())
_THOUSANDTHS: Final = frozenset("BHD JOD KWD OMR TND".split())


def to_stripe(amount: int, currency: str) -> int:
    """Stripe's number for an amount in minor units. Raises GatewayRefused for one that Stripe cannot take exactly."""
    ours, theirs = _units(currency)
    given, rest = divmod(amount * theirs, ours)
    if rest or (currency in _THOUSANDTHS and given % 10):
        raise GatewayRefused(f"Stripe cannot take exactly {Money(amount, currency)} {currency}.")
    return given


def from_stripe(amount: int, currency: str) -> int:
    """Minor units of what Stripe says; its currencies are in small letters. Raises ValueError for an unknown currency.

    What was made at Stripe itself may have a fraction of our minor unit: that is rounded half to even.
    """
    ours, theirs = _units(currency.upper())
    whole, rest = divmod(amount * ours, theirs)
    return whole + (2 * rest > theirs or (2 * rest == theirs and whole % 2 == 1))


def _units(currency: str) -> tuple[int, int]:
    """How many minor units the currency's whole has by ISO 4217, and how many Stripe counts."""
    places = 0 if currency in _WHOLE else 3 if currency in _THOUSANDTHS else 2
    return int(10 ** exponent(currency)), int(10**places)
