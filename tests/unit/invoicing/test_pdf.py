"""Documents as PDF: any text is text, many lines are many pages, our fonts are all that is used."""

import asyncio
import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tallystick.domain.invoicing import pdf
from tallystick.domain.invoicing.documents import invoice_document
from tallystick.domain.invoicing.model import Invoice, Settings

from .rates import rate
from .test_notes import invoice

AT = datetime(2026, 3, 1, tzinfo=UTC)
SELLER = {"name": "Seller", "address": ["A 1"], "email": "s@s.example", "tax_id": "1", "logo": "logo"}
BUYER = {"name": "Buyer", "email": "b@b.example", "address": {"city": "東京", "country": "JP"}, "tax_id": ""}


def shown(*amounts: int, text: str = "x", **fields: object) -> Invoice:
    made = invoice(list(amounts), [rate(180_000)])
    for line in made.lines:
        line.description, line.quantity = text, 1_000_000
    return replace(made, seller=SELLER, buyer=BUYER, memo=text, **fields)  # type: ignore[arg-type]


def pages(document: bytes) -> int:
    counts = [int(count) for count in re.findall(rb"/Count (\d+)", document)]
    return max(counts)


@pytest.mark.parametrize(
    "text",
    ['#panic("no")', "*a* _b_ $x^2$ `c` <d> @e \\ // f", "#read(\"/etc/passwd\")", "日本語 한국어 中文 €", "x" * 1000,
     "\n" * 900, "= heading", "\u202eabc\u200b", '"]}, "x": [', "🙂 العربية"],
)  # fmt: skip
def test_any_text_is_text(text: str) -> None:
    [made] = pdf.render(invoice_document(shown(100, -20, text=text), Settings(footer=text[:300])), AT)
    assert made.startswith(b"%PDF-1.7")


def test_the_same_bytes_each_time() -> None:
    document = invoice_document(shown(100), Settings())
    assert pdf.render(document, AT) == pdf.render(document, AT)


def test_many_lines_are_many_pages() -> None:
    one, many = (
        pdf.render(invoice_document(shown(*range(1, count)), Settings()), AT)[0] for count in (3, 150)
    )
    assert pages(one) == 1
    assert pages(many) > 3


def test_every_state_and_locale() -> None:
    for status in ("draft", "open", "paid", "void", "uncollectible"):
        for locale in ("en", "de-AT", "ja", "ar", "sw-UG", "zh-Hant-TW"):
            row = shown(100, status=status, currency="KWD")
            assert pdf.render(invoice_document(row, Settings(locale=locale)), AT)


def test_numbers_of_a_document() -> None:
    document = invoice_document(shown(100000, currency="UGX"), Settings(locale="en-UG"))
    said = {name: value.replace("\u00a0", " ") for name, value, _ in document["totals"]}
    assert said == {
        "Subtotal without tax": "USh 100,000",
        "VAT 18%": "USh 18,000",
        "Total": "USh 118,000",
        "Amount due": "USh 118,000",
    }


def test_the_loop_goes_on_meanwhile() -> None:
    async def main() -> int:
        turns, making = 0, asyncio.create_task(pdf.invoice_pdf(shown(*range(1, 900)), Settings()))
        while not making.done():
            await asyncio.sleep(0)
            turns += 1
        assert (await making).startswith(b"%PDF")
        return turns

    # a loop that waited for the document would turn a handful of times
    assert asyncio.run(main()) > 100
