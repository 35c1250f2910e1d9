"""Money: integer minor units of an ISO 4217 currency. Never a float."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from .credits import share

# ISO 4217 (2026): currencies whose minor unit is not a hundredth.
_EXPONENTS: Final = {
    **dict.fromkeys("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(), 0),
    **dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3),
    **dict.fromkeys("CLF UYW".split(), 4),
}
_HUNDREDTHS: Final = frozenset(
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF "
    "CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG "
    "HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU "
    "MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR "
    "SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED "
    "VES WST XCD XCG YER ZAR ZMW ZWG".split()
)

MAX_MINOR: Final = 2**53 - 1
_MAJOR: Final = re.compile(r"(0|[1-9][0-9]{0,15})(?:\.([0-9]+))?", re.ASCII)


def exponent(currency: str) -> int:
    """Decimals of the currency's minor unit (UGX 0, USD 2, KWD 3). Raises ValueError if unknown."""
    if currency in _HUNDREDTHS:
        return 2
    try:
        return _EXPONENTS[currency]
    except KeyError:
        raise ValueError("must be an ISO 4217 currency code such as USD") from None


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units of ``currency``."""

    minor: int
    currency: str

    @classmethod
    def of(cls, major: str, currency: str) -> "Money":
        """Read a decimal string of major units written with all the currency's decimals.

        ``Money.of("1.25", "USD")`` is 125 cents. Raises ValueError for any other form, so that "10"
        is never guessed to be dollars or cents.
        """
        places = exponent(currency)
        match = _MAJOR.fullmatch(major)
        if match is None or len(match[2] or "") != places:
            example = "1" if places == 0 else "1." + "0" * places
            raise ValueError(f'must be an integer of minor units, or a decimal string such as "{example}"')
        minor = int(match[1] + (match[2] or ""))
        if minor > MAX_MINOR:
            raise ValueError("is too large")
        return cls(minor, currency)

    def __str__(self) -> str:
        places = exponent(self.currency)
        if places == 0:
            return str(self.minor)
        sign = "-" if self.minor < 0 else ""
        whole, fraction = divmod(abs(self.minor), 10**places)
        return f"{sign}{whole}.{fraction:0{places}d}"


def parse_money(amount: object, currency: object) -> Money:
    """Give the Money of a JSON amount: an integer of minor units, or a decimal string of major units.

    Raises ValueError for floats, bools, negatives, unknown currencies and amounts above 2^53-1.
    """
    if type(currency) is not str:
        raise ValueError("must be an ISO 4217 currency code such as USD")
    exponent(currency)
    if type(amount) is str:
        return Money.of(amount, currency)
    if type(amount) is not int:
        raise ValueError("must be an integer of minor units, or a decimal string")
    if not 0 <= amount <= MAX_MINOR:
        raise ValueError("must be between 0 and 9007199254740991")
    return Money(amount, currency)


def allocate(total: int, weights: Sequence[int]) -> list[int]:
    """Split ``total`` by ``weights`` so that the parts always sum to it.

    Each part is the rounded running share less what was given before, so remainders are carried.
    Weights are not negative and not all zero.
    """
    whole, run, given = sum(weights), 0, 0
    parts = []
    for weight in weights:
        run += weight
        upto = share(total, run, whole)
        parts.append(upto - given)
        given = upto
    return parts
