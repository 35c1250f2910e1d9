"""Paying, voiding, giving up and crediting, one after another and at once."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from tallystick.domain.identity import actions as identity
from tallystick.domain.invoicing import actions, crediting, drafts, views
from tallystick.domain.invoicing.model import Invoice
from tallystick.domain.invoicing.verify import verify
from tallystick.kernel.errors import Conflict, Fact, Invalid, NotFound
from tests import cast

from .desk import AT, Desk, draft

pytestmark = pytest.mark.anyio


async def note(desk: Desk, invoice: Invoice, amount: int | None = None) -> None:
    async with desk.db.tx() as tx:
        await crediting.create_credit_note(
            tx, desk.tenant, invoice.account, invoice.id, reason="x", amount=amount, by="test"
        )


async def test_payments_add_up(desk: Desk) -> None:
    acme = await cast.acme(desk.db, desk.tenant)
    issued = await desk.issue(acme, 1000)
    paid_at = datetime(2026, 2, 1, tzinfo=UTC)
    assert (await desk.pay(issued, 300, at=paid_at, reference="wire")).status == "open"
    done = await desk.pay(issued, 900)
    assert (done.status, done.amount_paid, done.remaining) == ("paid", 1000, 0)
    assert await desk.balance(acme) == 200
    async with desk.db.connection() as conn:
        rows = await views.payments(conn, desk.tenant, issued.id)
    assert [(row.seq, row.amount, row.applied, row.reference) for row in rows] == [
        (1, 300, 300, "wire"),
        (2, 900, 700, ""),
    ]
    assert rows[0].paid_at == paid_at
    assert await verify(desk.db) == []


async def test_not_paid_from_the_future(desk: Desk) -> None:
    issued = await desk.issue(await cast.acme(desk.db, desk.tenant), 1000)
    for fields in ({"at": datetime.now(UTC) + timedelta(hours=1)}, {"amount": 0}, {"reference": "\0"}):
        with pytest.raises(Invalid):
            await desk.pay(issued, **fields)


async def test_time_is_the_tenants(desk: Desk) -> None:
    app = (await cast.second_app(desk.db)).test
    test = Desk(desk.db, app)
    async with desk.db.tx() as tx:
        await identity.set_clock(tx, app, timedelta(days=400))
    issued = await test.issue(await cast.make_account(desk.db, app), 1000)
    paid = await test.pay(issued)
    assert paid.paid_at is not None
    assert paid.paid_at > datetime.now(UTC) + timedelta(days=399)


async def test_an_unpaid_invoice_is_listed(desk: Desk) -> None:
    acme = await cast.acme(desk.db, desk.tenant)
    first, second = await desk.issue(acme, 1), await desk.issue(acme, 2)
    await desk.pay(await desk.issue(acme, 3))
    async with desk.db.connection() as conn:
        assert [row.id for row in await views.unpaid(conn, acme.account_id)] == [first.id, second.id]


async def test_void_restores_what_was_used(desk: Desk) -> None:
    acme = await cast.acme(desk.db, desk.tenant)
    await desk.credit(acme, 400)
    issued = await desk.issue(acme, 1000)
    await desk.pay(issued, 100)
    await note(desk, issued, 50)
    gone = await desk.void(issued)
    assert (gone.status, gone.number) == ("void", issued.number)
    assert await desk.balance(acme) == 500
    assert await verify(desk.db) == []
    for act in (desk.pay, desk.void, desk.give_up):
        with pytest.raises(Conflict):
            await act(issued)


async def test_other_tenants_see_nothing(desk: Desk) -> None:
    issued = await desk.issue(await cast.acme(desk.db, desk.tenant), 1000)
    other = Desk(desk.db, (await cast.second_app(desk.db)).live)
    for act in (other.pay, other.void, other.give_up):
        with pytest.raises(NotFound) as refused:
            await act(issued)
        assert refused.value.what == "invoice"
    with pytest.raises(NotFound):
        await other.read(issued.id)
    with pytest.raises(NotFound):
        await note(other, issued)


async def test_at_once_it_is_paid_once_or_void(desk: Desk) -> None:
    acme = await cast.acme(desk.db, desk.tenant)
    await cast.crowd(desk.db)
    for _ in range(5):
        issued = await desk.issue(acme, 1000)
        acts = [
            desk.pay(issued),
            desk.void(issued),
            desk.pay(issued),
            desk.give_up(issued),
            note(desk, issued),
        ]
        done = await asyncio.gather(*acts, return_exceptions=True)
        assert all(one is None or isinstance(one, Invoice | Fact) for one in done)
        assert (await desk.read(issued.id)).status in ("paid", "void")
        assert await verify(desk.db) == []


async def test_64_parts_at_once(desk: Desk) -> None:
    issued = await desk.issue(await cast.acme(desk.db, desk.tenant), 64)
    done = await asyncio.gather(*[desk.pay(issued, 1) for _ in range(64)])
    assert sorted(one.amount_paid for one in done) == list(range(1, 65))
    assert (await desk.read(issued.id)).status == "paid"


async def test_credit_is_spent_once(desk: Desk) -> None:
    acme = await cast.acme(desk.db, desk.tenant)
    await desk.credit(acme, 1000)
    issued = await asyncio.gather(*[desk.issue(acme, 300) for _ in range(8)])
    assert sum(one.credit_applied for one in issued) == 1000
    assert await desk.balance(acme) == 0
    assert await verify(desk.db) == []


async def test_a_draft_costs_no_credit_before_its_issue(desk: Desk) -> None:
    acme = await cast.acme(desk.db, desk.tenant)
    await desk.credit(acme, 300)
    async with desk.db.tx() as tx:
        made = await drafts.create(tx, desk.tenant, draft(acme, 1000), by="test")
    assert (made.credit_applied, await desk.balance(acme)) == (0, 300)
    async with desk.db.tx() as tx:
        issued = await drafts.finalize(tx, desk.tenant, acme.account_id, made.id, by="test", at=AT)
    assert (issued.credit_applied, issued.amount_due, issued.issued_at) == (300, 700, AT)
    assert await desk.read(issued.id) == issued
    assert await verify(desk.db) == []


async def test_less_than_nothing_is_never_owed(desk: Desk) -> None:
    acme = await cast.acme(desk.db, desk.tenant)
    await desk.credit(acme, 300)
    assert await desk.credit(acme, -300) == 0
    with pytest.raises(Conflict):
        await desk.credit(acme, -1)
    with pytest.raises(Invalid):
        await desk.credit(acme, 0)
    with pytest.raises(NotFound):
        async with desk.db.tx() as tx:
            await actions.add_credit(tx, desk.tenant, 2**40, "USD", 1, reason="x", by="test")
