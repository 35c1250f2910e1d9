"""Amounts, quantities and dates as a locale writes them. Money keeps the decimals of ISO 4217 in every locale."""

import contextlib
import copy
import re
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_decimal

from tallystick.kernel.money import exponent

_MICRO: Final = 6
_LONGEST_RUN: Final = 24
_TOUCHING: Final = re.compile(r"(?<=[A-Za-z])(?=[0-9])")


def locale_of(text: str) -> Locale:
    """The locale of checked settings."""
    return Locale.parse(text.replace("-", "_"))


def money(minor: int, currency: str, locale: Locale) -> str:
    """An amount in minor units: ``US$9.99``, ``9,99 €``, ``USh 5,000``."""
    places = exponent(currency)
    return _currency(Decimal(minor).scaleb(-places), places, places, currency, locale)


def unit_price(micro: int, currency: str, locale: Locale) -> str:
    """A price in millionths of a minor unit, with as many decimals as it needs."""
    places = exponent(currency)
    return _currency(Decimal(micro).scaleb(-places - _MICRO), places, places + _MICRO, currency, locale)


def _currency(value: Decimal, least: int, most: int, currency: str, locale: Locale) -> str:
    pattern = copy.copy(locale.currency_formats["standard"])
    pattern.frac_prec = (least, most)
    text = str(pattern.apply(value, locale, currency=currency, currency_digits=False))
    # CLDR parts a code of letters from the digits; babel does not
    return _TOUCHING.sub("\u00a0", text)


def quantity(micro: int, locale: Locale) -> str:
    """A quantity in millionths."""
    return format_decimal(Decimal(micro).scaleb(-_MICRO), "#,##0.######", locale)


def percentage(ppm: int, locale: Locale) -> str:
    """A rate in millionths: 75,000 is ``7.5%``."""
    return format_decimal(Decimal(ppm).scaleb(-4), "#,##0.####", locale) + "%"


def day(moment: datetime, zone: str, locale: Locale) -> str:
    with contextlib.suppress(OverflowError):  # the first and last day that there is
        moment = moment.astimezone(ZoneInfo(zone))
    return format_date(moment.date(), "medium", locale)


def period(start: datetime | None, end: datetime | None, zone: str, locale: Locale) -> str:
    """The days of [start, end), the last one included; empty where there is no period."""
    if start is None or end is None:
        return ""
    first, last = day(start, zone, locale), day(max(start, end - timedelta(microseconds=1)), zone, locale)
    return first if first == last else f"{first} – {last}"


def is_long(text: str) -> bool:
    """Whether a text may need more than part of a page, so that it must be let run on to the next."""
    return len(text) > 400 or text.count("\n") > 8


def breakable(text: str) -> str:
    """The text with places to break in runs that are longer than a column."""
    words = []
    for word in text.split(" "):
        pieces = [word[at : at + _LONGEST_RUN] for at in range(0, len(word), _LONGEST_RUN)]
        words.append("\u200b".join(pieces))
    return " ".join(words)
