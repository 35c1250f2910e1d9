"""Issuing: what is written is what was previewed, numbers, customer credit."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tallystick.domain.invoicing import actions, views
from tallystick.domain.invoicing.composing import NO_ID
from tallystick.domain.invoicing.model import Invoice
from tallystick.kernel.errors import Invalid, NotFound
from tests import cast

from .desk import AT, Desk, draft, line

pytestmark = pytest.mark.anyio


def unnamed(invoice: Invoice) -> Invoice:
    """Without what only writing gives."""
    lines = [replace(row, invoice=NO_ID) for row in invoice.lines]
    return replace(invoice, id=NO_ID, place=0, number=None, lines=lines)


async def test_an_open_invoice(desk: Desk) -> None:
    acme = await cast.acme(desk.db, desk.tenant)
    issued = await desk.issue(acme, 2900, 150, memo="Thank you", metadata={"po": 7})
    assert (issued.number, issued.status) == ("INV-2026-001", "open")
    assert (issued.subtotal, issued.tax, issued.total, issued.amount_due) == (3050, 0, 3050, 3050)
    assert (issued.issued_at, issued.due_at) == (AT, AT)
    assert issued.buyer["name"] == "Acme"
    assert await desk.read(issued.id) == issued
    assert [row.position for row in issued.lines] == [1, 2]


async def test_nothing_due_is_paid_at_once(desk: Desk) -> None:
    acme = await cast.acme(desk.db, desk.tenant)
    for amounts in ((), (0,), (500, -500)):
        issued = await desk.issue(acme, *amounts)
        assert (issued.status, issued.total, issued.paid_at) == ("paid", 0, AT)


async def test_a_preview_is_what_issuing_writes(desk: Desk) -> None:
    acme = await cast.acme(desk.db, desk.tenant)
    await desk.credit(acme, 700)
    for amounts in ((2900, -400), (300,), (100, -900), (5000,)):
        shown = await desk.preview(acme, *amounts)
        assert shown.number is None
        assert shown.id == NO_ID
        issued = await desk.issue(acme, *amounts)
        assert unnamed(issued) == shown
        assert await desk.read(issued.id) == issued


async def test_a_preview_writes_nothing(desk: Desk) -> None:
    acme = await cast.acme(desk.db, desk.tenant)
    await desk.preview(acme, -100)
    assert await desk.balance(acme) == 0
    assert (await desk.issue(acme, 1)).number == "INV-2026-001"


async def test_customer_credit_is_used_up(desk: Desk) -> None:
    acme = await cast.acme(desk.db, desk.tenant)
    assert await desk.credit(acme, 1000) == 1000
    part = await desk.issue(acme, 600)
    assert (part.status, part.credit_applied, part.amount_due) == ("paid", 600, 0)
    rest = await desk.issue(acme, 900)
    assert (rest.status, rest.credit_applied, rest.amount_due) == ("open", 400, 500)
    assert await desk.balance(acme) == 0
    async with desk.db.connection() as conn:
        rows = (await views.credits_of(conn, acme.account_id)).rows
    assert [(row.amount, row.balance, row.reason, row.invoice) for row in rows] == [
        (-400, 0, "applied", rest.id),
        (-600, 400, "applied", part.id),
        (1000, 1000, "adjustment", None),
    ]


async def test_credit_is_of_a_currency(desk: Desk) -> None:
    acme = await cast.acme(desk.db, desk.tenant)
    await desk.credit(acme, 1000, "UGX")
    assert (await desk.issue(acme, 900)).credit_applied == 0
    assert (await desk.issue(acme, 900, currency="UGX")).credit_applied == 900
    async with desk.db.connection() as conn:
        [left] = await views.credit_balances(conn, acme.account_id)
    assert (left.currency, left.balance) == ("UGX", 100)


async def test_a_negative_sum_is_carried_to_the_customers_credit(desk: Desk) -> None:
    acme = await cast.acme(desk.db, desk.tenant)
    issued = await desk.issue(acme, 1000, -2500)
    assert (issued.subtotal, issued.total, issued.carried, issued.status) == (-1500, 0, 1500, "paid")
    assert await desk.balance(acme) == 1500
    later = await desk.issue(acme, 2000)
    assert (later.credit_applied, later.amount_due) == (1500, 500)


async def test_the_day_of_the_number_is_the_tenants(desk: Desk) -> None:
    acme = await cast.acme(desk.db, desk.tenant)
    late = await desk.issue(acme, 1, at=datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC))
    early = await desk.issue(acme, 1, at=datetime(2027, 1, 1, tzinfo=UTC))
    assert (late.number, early.number) == ("INV-2026-001", "INV-2027-001")


async def test_many_with_one_lock(desk: Desk) -> None:
    accounts = [await cast.make_account(desk.db, desk.tenant) for _ in range(5)]
    async with desk.locked(accounts) as tx:
        at_hand = await views.desk(tx, desk.tenant)
        issued = [
            await actions.issue(
                tx, desk.tenant, draft(account, 100), at=AT + timedelta(days=300 * place),
                number_now=False, desk=at_hand,
            )
            for place, account in enumerate(accounts)
        ]  # fmt: skip
        assert {invoice.number for invoice in issued} == {None}
        await actions.give_numbers(tx, desk.tenant, issued)
    assert [invoice.number for invoice in issued] == [
        "INV-2026-001", "INV-2026-002", "INV-2027-001", "INV-2028-001", "INV-2029-001",
    ]  # fmt: skip
    for invoice in issued:
        assert (await desk.read(invoice.id)).number == invoice.number


async def test_what_cannot_be_issued(desk: Desk) -> None:
    acme = await cast.acme(desk.db, desk.tenant)
    for bad, field in (
        ({"currency": "XXX"}, "currency"),
        ({"lines": [line(2**53)]}, "lines.0.amount"),
        ({"lines": [line(2**53 - 1)] * 2}, "lines"),
        ({"lines": [line(1, "x\0")]}, "lines.0.description"),
        ({"lines": [line(1, "\ud800")]}, "lines.0.description"),
        ({"lines": [line(1)] * 1001, "reason": "manual"}, "lines"),
        ({"memo": "x" * 2001}, "memo"),
    ):
        with pytest.raises(Invalid) as refused:
            await desk.issue(acme, **bad)
        assert refused.value.field == field
    other = await cast.second_app(desk.db)
    stranger = await cast.make_account(desk.db, other.live)
    with pytest.raises(NotFound):
        await desk.issue(stranger, 1)
