"""A receipt on paper: set as invoices are, by the same template."""

from collections.abc import Callable
from typing import Any, Final

from babel import Locale

from tallystick.domain.invoicing.documents import Document, parties
from tallystick.domain.invoicing.model import Settings
from tallystick.domain.invoicing.pdf import document_pdf
from tallystick.domain.invoicing.wording import (
    breakable,
    day,
    is_long,
    locale_of,
    money,
    percentage,
    quantity,
)
from tallystick.kernel.credits import MICRO

from .receipts import Receipt

_STAMPS: Final = {
    "paid": ("PAID", "#1f7a4d"),
    "pending": ("PENDING", "#8a6d1b"),
    "failed": ("DECLINED", "#a3333d"),
}
_PENDING: Final = "The payment is not there yet: the credits are added as soon as it is."


async def receipt_pdf(receipt: Receipt, settings: Settings) -> bytes:
    """The receipt as PDF, made beside the event loop. The same receipt gives the same bytes."""
    return await document_pdf(receipt_document(receipt, settings), receipt.at)


def receipt_document(receipt: Receipt, settings: Settings) -> Document:
    """The document of a receipt; ``settings`` give locale, time zone and footer."""
    locale, invoice = locale_of(settings.locale), receipt.invoice
    stamp, tone = _STAMPS[receipt.status]
    if receipt.payment is not None and receipt.payment.status == "cancelled":
        stamp = "NOT PAID"  # nobody declined it

    def said(minor: int) -> str:
        return money(minor, invoice.currency, locale)

    facts = [
        ["Invoice number", invoice.number or "—"],
        ["Date", day(receipt.at, settings.time_zone, locale)],
    ]
    if receipt.last4:
        facts.append(["Card", f"ending in {receipt.last4}"])
    return {
        **parties(invoice, settings, locale),
        "title": "Receipt",
        "number": invoice.number or "",
        "stamp": stamp,
        "tone": tone,
        "to": "Bought by",
        "facts": [*facts, ["Transaction", str(receipt.id)]],
        "note": breakable(_note(receipt, locale)),
        "columns": ["Description", "Amount"],
        "rows": [
            {
                "text": breakable(line.description),
                "under": "",
                "long": is_long(line.description),
                "cells": [said(line.amount)],
            }
            for line in invoice.lines
        ],
        "totals": _totals(receipt, said, locale),
        "memo": "",
    }


def _note(receipt: Receipt, locale: Locale) -> str:
    if receipt.status == "failed":
        return f"{receipt.why} Nothing was charged, and no credits were added."
    if receipt.status == "pending":
        return _PENDING
    return f"{quantity(receipt.given * MICRO, locale)} credits were added."


def _totals(receipt: Receipt, said: Callable[[int], str], locale: Locale) -> list[list[Any]]:
    invoice = receipt.invoice
    rows: list[list[Any]] = []
    if invoice.taxes:
        rows.append(["Subtotal without tax", said(invoice.subtotal), False])
        rows += [
            [f"{tax['name']} {percentage(tax['rate'], locale)}", said(tax["amount"]), False]
            for tax in invoice.taxes
        ]
    rows.append(["Total", said(invoice.total), receipt.status != "paid"])
    if invoice.credit_applied and receipt.status == "paid":
        rows.append(["Credit applied", said(-invoice.credit_applied), False])
    rows.append(["Paid", said(invoice.amount_paid if receipt.status == "paid" else 0), True])
    if receipt.payment is not None and receipt.payment.refunded:
        rows.append(["Refunded", said(-receipt.payment.refunded), False])
    return rows
