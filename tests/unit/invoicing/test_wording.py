"""Amounts as locales write them, with the decimals of their currency; and documents that hold any text."""

from datetime import UTC, datetime, timedelta

import pytest
from babel import Locale

from tallystick.domain.invoicing.wording import (
    breakable,
    day,
    money,
    percentage,
    period,
    quantity,
    unit_price,
)


@pytest.mark.parametrize(
    ("minor", "currency", "locale", "shown"),
    [
        (123456, "USD", "en_US", "$1,234.56"),
        (123456, "EUR", "de", "1.234,56 €"),
        (-123456, "EUR", "de", "-1.234,56 €"),
        (5000, "UGX", "en", "UGX 5,000"),
        (5000, "UGX", "en_UG", "USh 5,000"),
        (1234567, "KWD", "en", "KWD 1,234.567"),
        (980000, "JPY", "ja", "￥980,000"),
        (1, "IQD", "en", "IQD 0.001"),
        (0, "USD", "en_US", "$0.00"),
        (2**53 - 1, "USD", "en_US", "$90,071,992,547,409.91"),
    ],
)
def test_money(minor: int, currency: str, locale: str, shown: str) -> None:
    assert money(minor, currency, Locale.parse(locale)).replace("\u00a0", " ") == shown


def test_prices_and_quantities() -> None:
    en = Locale.parse("en_US")
    assert unit_price(500_000, "USD", en) == "$0.005"
    assert unit_price(150_000_000, "USD", en) == "$1.50"
    assert unit_price(1, "UGX", en).replace("\u00a0", " ") == "UGX 0.000001"
    assert quantity(1_234_500_000, en) == "1,234.5"
    assert percentage(82_500, en) == "8.25%"


def test_periods() -> None:
    en, start = Locale.parse("en_US"), datetime(2026, 2, 28, 21, tzinfo=UTC)
    end = datetime(2026, 3, 31, 21, tzinfo=UTC)
    assert period(start, end, "Africa/Kampala", en) == "Mar 1, 2026 – Mar 31, 2026"
    assert period(start, start + timedelta(hours=1), "UTC", en) == "Feb 28, 2026"
    assert period(start, None, "UTC", en) == ""
    assert day(datetime.min.replace(tzinfo=UTC), "Pacific/Pago_Pago", en) == "Jan 1, 1"


def test_long_words_may_break() -> None:
    assert breakable("short words stay") == "short words stay"
    assert breakable("x" * 60).replace("\u200b", "") == "x" * 60
    assert max(map(len, breakable("x" * 60).split("\u200b"))) == 24
