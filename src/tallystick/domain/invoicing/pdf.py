"""Documents as PDF, set by typst from a template of ours, with fonts of ours: no network, no system fonts."""

import asyncio
from datetime import datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final, Literal

import msgspec
import typst

from .documents import Document, credit_note_document, invoice_document
from .model import CreditNote, Invoice, Settings

_AT_ONCE: Final = 2
"""Documents that one process sets at the same time: each takes a core."""


async def invoice_pdf(invoice: Invoice, settings: Settings) -> bytes:
    """The invoice as PDF, made beside the event loop. The same invoice gives the same bytes."""
    return await document_pdf(invoice_document(invoice, settings), invoice.issued_at or invoice.updated_at)


async def credit_note_pdf(note: CreditNote, settings: Settings) -> bytes:
    """The credit note as PDF, made beside the event loop."""
    return await document_pdf(credit_note_document(note, settings), note.issued_at)


async def document_pdf(document: Document, moment: datetime) -> bytes:
    """Any document as PDF, made beside the event loop. ``moment`` is the date that the file carries."""
    async with _gate(asyncio.get_running_loop()):
        [made] = await asyncio.to_thread(render, document, moment)
        return made


def render(document: Document, moment: datetime, kind: Literal["pdf", "png"] = "pdf") -> list[bytes]:
    """Set a document: one PDF, or a PNG a page. ``moment`` is the date that the file carries.

    A PDF is PDF/A-2b, but for one with characters that our fonts lack, which PDF/A does not allow.
    """
    try:
        return _compile(document, moment, kind, archival=kind == "pdf")
    except typst.TypstError:
        return _compile(document, moment, kind, archival=False)


def _compile(
    document: Document, moment: datetime, kind: Literal["pdf", "png"], archival: bool
) -> list[bytes]:
    made = typst.compile(
        _template(),
        font_paths=_fonts(),
        ignore_system_fonts=True,
        sys_inputs={"data": msgspec.json.encode(document).decode()},
        format=kind,
        pdf_standards="a-2b" if archival else None,
        timestamp=int(moment.timestamp()),
    )
    return made if isinstance(made, list) else [made]


@cache
def _gate(loop: asyncio.AbstractEventLoop) -> asyncio.Semaphore:
    return asyncio.Semaphore(_AT_ONCE)


@cache
def _template() -> bytes:
    return files("tallystick.domain.invoicing").joinpath("paper.typ").read_bytes()


@cache
def _fonts() -> typst.Fonts:
    folder = Path(str(files("tallystick.domain.invoicing").joinpath("fonts")))
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[folder])
