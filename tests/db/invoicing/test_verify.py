"""What `verify` finds in the invoices: nothing in true ones, and each lie by its row."""

from typing import Any

import pytest

from tallystick.db.pool import Tx
from tallystick.domain.invoicing import crediting, drafts, settings
from tallystick.domain.invoicing.verify import CHECKS, verify
from tests import cast

from .desk import Desk, draft

pytestmark = pytest.mark.anyio


async def busy(desk: Desk) -> None:
    """Invoices in every state, credit notes, payments, credit."""
    acme, globex = await cast.acme(desk.db, desk.tenant), await cast.globex(desk.db, desk.tenant)
    async with desk.db.tx() as tx:
        await settings.create_tax_rate(tx, desk.tenant, name="VAT", rate=180_000, standard=True, by="test")
    await desk.credit(acme, 2500)
    await desk.issue(acme, 1000, 99)
    await desk.issue(acme, 1000, -4000)
    await desk.pay(await desk.issue(acme, 9000), 100)
    await desk.pay(await desk.issue(globex, 9000, currency="UGX"), 20_000)
    await desk.void(await desk.issue(globex, 777))
    taken = await desk.issue(acme, 3000)
    await desk.pay(taken, 5)
    await desk.void(taken)
    await desk.give_up(await desk.issue(globex, 778))
    noted = await desk.issue(globex, 1000, 2000)
    async with desk.db.tx() as tx:
        await crediting.create_credit_note(
            tx, desk.tenant, noted.account, noted.id, reason="x", amount=500, by="test"
        )
    await desk.pay(noted)
    async with desk.db.tx() as tx:
        await crediting.create_credit_note(
            tx, desk.tenant, noted.account, noted.id, reason="x", amount=501, by="test"
        )
    async with desk.db.tx() as tx:
        left = await drafts.create(tx, desk.tenant, draft(acme, 5), by="test")
        gone = await drafts.create(tx, desk.tenant, draft(acme, 5), by="test")
    await desk.void(gone)
    async with desk.db.tx() as tx:
        await drafts.create(tx, desk.tenant, draft(acme, -5), by="test")
        assert left.number is None


async def test_true_invoices(desk: Desk) -> None:
    assert await verify(desk.db) == []
    await busy(desk)
    assert await verify(desk.db) == []
    account = (await desk.issue(await cast.make_account(desk.db, desk.tenant), 1)).account
    assert await verify(desk.db, account) == []


LIES: list[tuple[str, str]] = [
    ("invoice_lines", "update invoice_line set net = net + 1 where position = 1"),
    ("invoice_taxes", "update invoice_line set taxes = '[1]' where position = 1"),
    ("invoice_total", "update invoice set carried = carried + 1, total = total + 1, credited = credited + 1"
                      " where status = 'open'"),
    ("invoice_state", "update invoice set status = 'paid' where status = 'open'"),
    ("invoice_state", "update invoice set number = null, seq = null, scope = null where status = 'open'"),
    ("invoice_payments", "delete from invoice_payment"),
    ("invoice_credited", "update credit_note set applied = applied - 1, refund_due = refund_due + 1 where applied > 0"),
    ("credit_note_lines", "update credit_note_line set tax = tax + 1"),
    ("customer_credit", "update customer_credit set balance = balance + 1"),
    ("invoice_credit", "delete from customer_credit where reason = 'applied'"),
    ("numbers", "update invoice_counter set value = value + 1"),
    ("numbers", "delete from invoice_counter where kind = 'credit_note'"),
    ("numbers", "update invoice set seq = 1000, number = 'INV-2026-1000' where seq = 2"),
]  # fmt: skip


@pytest.mark.parametrize(("check", "lie"), LIES)
async def test_a_lie_is_found(desk: Desk, check: str, lie: str) -> None:
    await busy(desk)

    async def tell(tx: Tx) -> Any:
        await tx.execute(b"reset role")
        await tx.execute(b"alter table customer_credit disable trigger user")
        return await tx.execute(lie.encode())

    async with desk.db.tx() as tx:
        assert (await tell(tx)).rowcount > 0
    assert check in {fault.check for fault in await verify(desk.db)}


def test_every_check_has_its_lie() -> None:
    told = {f"check_{check}" for check, _ in LIES}
    assert set(CHECKS) <= told


async def test_the_customers_credit_cannot_be_rewritten(desk: Desk) -> None:
    await desk.credit(await cast.acme(desk.db, desk.tenant), 5)
    for statement in ("update customer_credit set balance = 9", "delete from customer_credit"):
        with pytest.raises(Exception, match="immutable"):
            async with desk.db.tx() as tx:
                await tx.execute(statement.encode())
