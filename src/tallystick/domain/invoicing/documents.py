"""What an invoice or a credit note says on paper, as plain data in the words and forms of the seller's locale."""

from typing import Any, Final

from babel import Locale

from .model import CreditNote, Invoice, Line, NoteLine, Settings
from .wording import breakable, day, is_long, locale_of, money, percentage, period, quantity, unit_price

Document = dict[str, Any]

_STAMPS: Final = {
    "draft": ("DRAFT", "#8a6d1b"),
    "paid": ("PAID", "#1f7a4d"),
    "void": ("VOID", "#a3333d"),
    "uncollectible": ("UNPAID", "#a3333d"),
}
_ADDRESS: Final = ("line1", "line2")


def invoice_document(invoice: Invoice, settings: Settings) -> Document:
    """The document of an invoice; ``settings`` give locale, time zone and footer."""
    locale = locale_of(settings.locale)
    stamp, tone = _STAMPS.get(invoice.status, ("", "#000000"))
    inclusive = any(tax["inclusive"] for tax in invoice.taxes)
    taxed = bool(invoice.taxes)
    priced = any(line.unit_price is not None for line in invoice.lines)
    columns = ["Description", "Quantity", *(["Unit price"] if priced else []), *(["Tax"] if taxed else [])]
    facts = [["Invoice number", invoice.number or "—"]]
    if invoice.issued_at is not None:
        facts.append(["Date of issue", day(invoice.issued_at, settings.time_zone, locale)])
    if invoice.due_at is not None:
        facts.append(["Date due", day(invoice.due_at, settings.time_zone, locale)])
    zone = invoice.buyer.get("time_zone") or settings.time_zone
    covered = period(invoice.period_start, invoice.period_end, zone, locale)
    if covered:
        facts.append(["Period", covered])
    if invoice.paid_at is not None:
        facts.append(["Paid on", day(invoice.paid_at, settings.time_zone, locale)])
    return {
        **parties(invoice, settings, locale),
        "title": "Invoice",
        "number": invoice.number or "",
        "stamp": stamp,
        "tone": tone,
        "to": "Bill to",
        "facts": facts,
        "note": "",
        "columns": [*columns, "Amount incl. tax" if inclusive else "Amount"],
        "rows": [_row(line, invoice, zone, locale, priced) for line in invoice.lines],
        "totals": _totals(invoice, locale),
        "memo": breakable(invoice.memo),
    }


def _row(line: Line, invoice: Invoice, zone: str, locale: Locale, priced: bool) -> dict[str, Any]:
    cells = [quantity(line.quantity, locale)]
    if priced:
        price = line.unit_price
        cells.append("" if price is None else unit_price(price, invoice.currency, locale))
    if invoice.taxes:
        cells.append(" + ".join(percentage(tax["rate"], locale) for tax in invoice.taxes))
    cells.append(money(line.amount, invoice.currency, locale))
    return {
        "text": breakable(line.description),
        "under": period(line.period_start, line.period_end, zone, locale),
        "long": is_long(line.description),
        "cells": cells,
    }


def _totals(invoice: Invoice, locale: Locale) -> list[list[Any]]:
    def said(minor: int) -> str:
        return money(minor, invoice.currency, locale)

    rows: list[list[Any]] = []
    if invoice.taxes:
        rows.append(["Subtotal without tax", said(invoice.subtotal), False])
        rows += [
            [f"{tax['name']} {percentage(tax['rate'], locale)}", said(tax["amount"]), False]
            for tax in invoice.taxes
        ]
    if invoice.carried:
        rows.append(["Carried to your credit", said(invoice.carried), False])
    rows.append(["Total", said(invoice.total), True])
    for name, minor in (
        ("Credit applied", invoice.credit_applied),
        ("Credited by credit notes", invoice.credited),
        ("Paid", invoice.amount_paid),
    ):
        if minor:
            rows.append([name, said(-minor), False])
    due = 0 if invoice.status == "void" else invoice.remaining
    rows.append(["Amount due", said(due), True])
    return rows


def credit_note_document(note: CreditNote, settings: Settings) -> Document:
    """The document of a credit note."""
    locale = locale_of(settings.locale)

    def said(minor: int) -> str:
        return money(minor, note.currency, locale)

    totals: list[list[Any]] = []
    if note.taxes:
        totals.append(["Subtotal without tax", said(note.subtotal), False])
        totals += [
            [f"{tax['name']} {percentage(tax['rate'], locale)}", said(tax["amount"]), False]
            for tax in note.taxes
        ]
    totals.append(["Total credited", said(note.total), True])
    for name, minor in (
        ("Deducted from the amount due", note.applied),
        ("Added to your credit", note.to_credit),
        ("To be refunded", note.refund_due),
    ):
        if minor:
            totals.append([name, said(minor), False])
    return {
        **parties(note, settings, locale),
        "title": "Credit note",
        "number": note.number or "",
        "stamp": "",
        "tone": "#000000",
        "to": "Credit to",
        "facts": [
            ["Credit note number", note.number or "—"],
            ["Invoice number", note.invoice_number or "—"],
            ["Date of issue", day(note.issued_at, settings.time_zone, locale)],
        ],
        "note": breakable(f"Reason: {note.reason}"),
        "columns": ["Description", *(["Without tax", "Tax"] if note.taxes else []), "Credited"],
        "rows": [_note_row(line, note, locale) for line in note.lines],
        "totals": totals,
        "memo": "",
    }


def _note_row(line: NoteLine, note: CreditNote, locale: Locale) -> dict[str, Any]:
    amounts = [line.net, line.tax, line.total] if note.taxes else [line.total]
    cells = [money(minor, note.currency, locale) for minor in amounts]
    return {
        "text": breakable(line.description),
        "under": "",
        "long": is_long(line.description),
        "cells": cells,
    }


def parties(row: Invoice | CreditNote, settings: Settings, locale: Locale) -> Document:
    """Who sells and who buys, as a document shows them."""
    seller, buyer = row.seller, row.buyer
    place = " ".join(filter(None, [buyer["address"].get("postal_code"), buyer["address"].get("city")]))
    home = [
        *(buyer["address"].get(part, "") for part in _ADDRESS),
        place,
        buyer["address"].get("region", ""),
        _country(buyer["address"].get("country", ""), locale),
        buyer["email"],
        f"Tax ID {buyer['tax_id']}" if buyer["tax_id"] else "",
    ]
    own = [
        *seller["address"],
        seller["email"],
        f"Tax ID {seller['tax_id']}" if seller["tax_id"] else "",
    ]
    return {
        "lang": locale.language if len(locale.language) == 2 else "en",
        "seller": {
            "name": breakable(seller["name"]),
            "logo": breakable(seller["logo"]),
            "lines": [breakable(line) for line in own if line],
        },
        "buyer": {"name": breakable(buyer["name"]), "lines": [breakable(line) for line in home if line]},
        "footer": breakable(settings.footer),
    }


def _country(code: str, locale: Locale) -> str:
    return str(locale.territories.get(code, code))
