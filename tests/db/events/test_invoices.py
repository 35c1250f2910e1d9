"""Invoices and credit notes: told of with their numbers, in the commit that makes, pays or takes them back."""

from typing import Any

import pytest

from tallystick.domain.identity import views as identities
from tallystick.domain.identity.model import Account
from tallystick.domain.invoicing import actions, crediting, drafts
from tallystick.domain.invoicing.model import Draft, Invoice, NewLine
from tallystick.domain.ledger import actions as ledger
from tallystick.kernel.ids import typeid
from tests.db.subscriptions.shop import BEGIN, DAY, Shop

from .told import account_id, events, last, types, undone

pytestmark = pytest.mark.anyio


async def customer(shop: Shop, **fields: Any) -> Account:
    number = await shop.customer(**fields)
    async with shop.db.connection() as conn:
        return await identities.account(conn, shop.tenant, number)


def draft(account: Account, *amounts: int, **fields: Any) -> Draft:
    lines = [NewLine(kind="plan", description="Plan", amount=amount) for amount in amounts]
    return Draft(
        account=account.account_id, **{"currency": "USD", "lines": lines, "reason": "cycle", **fields}
    )


async def issue(shop: Shop, account: Account, *amounts: int, **fields: Any) -> Invoice:
    async with shop.tx() as tx:
        await ledger.lock(tx, [account.account_id])
        return await actions.issue(tx, shop.tenant, draft(account, *amounts, **fields), at=BEGIN)


def numbers(shop: Shop, group: str = "invoice") -> list[tuple[str, str]]:
    return [(row["type"], row["data"]["number"]) for row in events(shop, group=group)]


async def test_an_invoice_is_told_of_with_its_number(shop: Shop) -> None:
    acme = await customer(shop)
    async with undone(shop) as tx:
        await ledger.lock(tx, [acme.account_id])
        await actions.issue(tx, shop.tenant, draft(acme, 500), at=BEGIN)
    assert types(shop, group="invoice") == []
    made = await issue(shop, acme, 2900, -400, metadata={"order": "7"})
    [row] = events(shop, group="invoice")
    assert (row["type"], row["account_id"], row["at"]) == ("invoice.created", acme.account_id, BEGIN)
    assert row["data"] == {
        "id": typeid("inv", made.id),
        "account": account_id(shop, acme.account_id),
        "number": "INV-2027-001",
        "status": "open",
        "reason": "cycle",
        "subscription": None,
        "currency": "USD",
        "subtotal": "25.00",
        "tax": "0.00",
        "carried_to_credit": "0.00",
        "total": "25.00",
        "credit_applied": "0.00",
        "credited": "0.00",
        "amount_due": "25.00",
        "amount_paid": "0.00",
        "amount_remaining": "25.00",
        "period_start": None,
        "period_end": None,
        "issued_at": "2027-01-31T10:00:00Z",
        "due_at": "2027-01-31T10:00:00Z",
        "paid_at": None,
        "voided_at": None,
        "metadata": {"order": "7"},
    }


async def test_one_with_nothing_due_is_paid_as_it_is_issued(shop: Shop) -> None:
    acme = await customer(shop)
    await issue(shop, acme, 0)
    async with shop.tx() as tx:
        await actions.add_credit(tx, shop.tenant, acme.account_id, "USD", 5000, reason="Sorry", by="test")
    await issue(shop, acme, 2900)
    assert numbers(shop) == [
        ("invoice.created", "INV-2027-001"),
        ("invoice.paid", "INV-2027-001"),
        ("invoice.created", "INV-2027-002"),
        ("invoice.paid", "INV-2027-002"),
    ]
    paid = last(shop, "invoice.paid")["data"]
    assert (paid["status"], paid["credit_applied"], paid["amount_due"]) == ("paid", "29.00", "0.00")


async def test_it_is_told_when_paid_whole(shop: Shop) -> None:
    acme = await customer(shop)
    made = await issue(shop, acme, 2900)
    await shop.set_time(BEGIN + DAY)
    async with undone(shop) as tx:
        await actions.pay(tx, shop.tenant, acme.account_id, made.id, by="test")
    await shop.pay(acme.account_id, made, amount=900)
    assert types(shop, group="invoice") == ["invoice.created"]
    await shop.pay(acme.account_id, made, amount=2500)
    row = last(shop, "invoice.paid")
    assert (row["at"], row["account_id"]) == (BEGIN + DAY, acme.account_id)
    data = row["data"]
    assert (data["status"], data["amount_paid"], data["amount_remaining"], data["paid_at"]) == (
        "paid",
        "29.00",
        "0.00",
        "2027-02-01T10:00:00Z",
    )


async def test_it_is_told_when_taken_back_or_given_up(shop: Shop) -> None:
    acme = await customer(shop)
    one, two = await issue(shop, acme, 2900), await issue(shop, acme, 100)
    await shop.set_time(BEGIN + DAY)
    async with undone(shop) as tx:
        await actions.void(tx, shop.tenant, acme.account_id, one.id, by="test")
    async with undone(shop) as tx:
        await actions.mark_uncollectible(tx, shop.tenant, acme.account_id, two.id, by="test")
    async with shop.tx() as tx:
        await actions.void(tx, shop.tenant, acme.account_id, one.id, by="test")
    async with shop.tx() as tx:
        await actions.mark_uncollectible(tx, shop.tenant, acme.account_id, two.id, by="test")
    # what is paid of one that was given up does not give it up again
    await shop.pay(acme.account_id, two, amount=40)
    await shop.pay(acme.account_id, two)
    assert numbers(shop)[2:] == [
        ("invoice.voided", "INV-2027-001"),
        ("invoice.failed", "INV-2027-002"),
        ("invoice.paid", "INV-2027-002"),
    ]
    voided = last(shop, "invoice.voided")
    assert (voided["at"], voided["data"]["voided_at"], voided["data"]["amount_remaining"]) == (
        BEGIN + DAY,
        "2027-02-01T10:00:00Z",
        "0.00",
    )
    assert last(shop, "invoice.failed")["data"]["status"] == "uncollectible"


async def test_a_credit_note_is_told_of_and_the_invoice_that_it_pays(shop: Shop) -> None:
    acme = await customer(shop)
    made = await issue(shop, acme, 2900)
    await shop.set_time(BEGIN + DAY)

    async def note(amount: int | None, **fields: Any) -> None:
        async with shop.tx() as tx:
            await crediting.create_credit_note(
                tx, shop.tenant, acme.account_id, made.id, reason="Broken", by="test", amount=amount, **fields
            )

    async with undone(shop) as tx:
        await crediting.create_credit_note(
            tx, shop.tenant, acme.account_id, made.id, reason="Never", by="test"
        )
    await note(900)
    assert types(shop, group="credit_note") == ["credit_note.created"]
    assert types(shop, group="invoice.paid") == []
    await note(None, metadata={"case": "8"})
    assert types(shop)[-3:] == ["credit_note.created", "credit_note.created", "invoice.paid"]
    row = last(shop, "credit_note")
    assert (row["at"], row["account_id"]) == (BEGIN + DAY, acme.account_id)
    id = row["data"].pop("id")
    assert id.startswith("cn_")
    assert row["data"] == {
        "account": account_id(shop, acme.account_id),
        "number": "CN-2027-002",
        "invoice": typeid("inv", made.id),
        "invoice_number": "INV-2027-001",
        "reason": "Broken",
        "currency": "USD",
        "subtotal": "20.00",
        "tax": "0.00",
        "total": "20.00",
        "applied": "20.00",
        "to_credit": "0.00",
        "refund_due": "0.00",
        "issued_at": "2027-02-01T10:00:00Z",
        "metadata": {"case": "8"},
    }
    paid = last(shop, "invoice.paid")["data"]
    assert (paid["status"], paid["credited"], paid["amount_due"]) == ("paid", "29.00", "0.00")


async def test_a_draft_is_told_of_when_it_is_issued(shop: Shop) -> None:
    acme = await customer(shop)
    async with shop.tx() as tx:
        made = await drafts.create(tx, shop.tenant, draft(acme, 2900, reason="manual"), by="test")
    assert types(shop, group="invoice") == []
    async with shop.tx() as tx:
        await drafts.finalize(tx, shop.tenant, acme.account_id, made.id, by="test")
    assert numbers(shop) == [("invoice.created", "INV-2027-001")]


async def test_invoices_numbered_together_are_told_in_their_order(shop: Shop) -> None:
    people = [await customer(shop) for _ in range(5)]
    async with shop.tx() as tx:
        await ledger.lock(tx, [one.account_id for one in people])
        made = [
            await actions.issue(tx, shop.tenant, draft(one, 100), at=BEGIN, number_now=False)
            for one in people
        ]
        # paid, voided and given up before they had numbers
        await actions.pay(tx, shop.tenant, people[1].account_id, made[1].id, by="test")
        await actions.void(tx, shop.tenant, people[2].account_id, made[2].id, by="test")
        await actions.mark_uncollectible(tx, shop.tenant, people[3].account_id, made[3].id, by="test")
        assert types(shop, group="invoice") == []
        await actions.give_numbers(tx, shop.tenant, made)
    assert numbers(shop) == [
        ("invoice.created", "INV-2027-001"),
        ("invoice.created", "INV-2027-002"),
        ("invoice.paid", "INV-2027-002"),
        ("invoice.created", "INV-2027-003"),
        ("invoice.voided", "INV-2027-003"),
        ("invoice.created", "INV-2027-004"),
        ("invoice.failed", "INV-2027-004"),
        ("invoice.created", "INV-2027-005"),
    ]
    told = events(shop, group="invoice")
    assert [row["account_id"] for row in told] == [people[n].account_id for n in (0, 1, 1, 2, 2, 3, 3, 4)]
    assert [row["data"]["status"] for row in told] == [
        "open", "open", "paid", "open", "void", "open", "uncollectible", "open",
    ]  # fmt: skip
