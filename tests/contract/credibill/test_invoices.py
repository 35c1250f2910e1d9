"""/api/invoices"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tallystick.domain.invoicing import drafts
from tallystick.domain.invoicing.model import Draft, NewLine
from tallystick.kernel.ids import account_of, parse_typeid, typeid
from tests.contract.served import Api, House

from .conftest import Product, done, error

pytestmark = pytest.mark.holds("credibill", "GET /api/invoices", "PATCH /api/invoices")


def pending(product: Product, **plan: Any) -> str:
    subscription = product.subscription(plan=product.plan(**plan))
    [invoice] = product.invoices(subscriptionId=subscription)
    return str(invoice["_id"])


def draft(house: House, product: Product) -> str:
    """A one-off invoice that is not issued, as the native contract makes them."""
    uuid = parse_typeid("acct", product.customer())
    assert uuid is not None
    lines = [NewLine(kind="one_time", description="Setup", amount=250, unit_price=250_000_000)]

    async def make() -> str:
        async with house.system.db.tx() as tx:
            wanted = Draft(account=account_of(uuid), currency="USD", lines=lines)
            made = await drafts.create(tx, house.first.app.live, wanted, by="test")
        return typeid("inv", made.id)

    return house.run(make())


def change(api: Api, invoice: str, status: str, **fields: Any) -> Any:
    return api.send("PATCH", "/api/invoices", {"invoiceId": invoice, "status": status, **fields})


MOVES = {
    "draft": {"pending", "open"},
    "pending": {"paid", "void", "failed"},
    "failed": {"paid"},
    "paid": set[str](),
    "void": set[str](),
}


@pytest.mark.parametrize("state", MOVES)
@pytest.mark.parametrize("to", ["draft", "pending", "open", "paid", "void", "failed"])
def test_every_move(house: House, writer: Api, product: Product, state: str, to: str) -> None:
    invoice = draft(house, product) if state == "draft" else pending(product)
    if state not in ("draft", "pending"):
        done(change(writer, invoice, state), "Invoice updated")
    assert product.get_invoice(invoice)["status"] == state
    answer = change(writer, invoice, to)
    if to in MOVES[state]:
        done(answer, "Invoice updated")
        assert product.get_invoice(invoice)["status"] == to.replace("open", "pending")
    else:
        error(answer, 409, f"The invoice is {state}")
        assert product.get_invoice(invoice)["status"] == state


def test_a_draft_has_no_number_until_it_is_issued(house: House, writer: Api, product: Product) -> None:
    invoice = draft(house, product)
    before = product.get_invoice(invoice)
    assert (before["invoiceNumber"], before["subscription"], before["subscriptionId"]) == (None, None, None)
    assert [line["type"] for line in before["lineItems"]] == ["one_time"]
    done(change(writer, invoice, "pending"), "Invoice updated")
    after = product.get_invoice(invoice)
    assert after["invoiceNumber"].startswith("INV-")
    assert (after["amountDue"], after["currency"]) == (250, "USD")


def test_numbers_follow_each_other(product: Product) -> None:
    numbers = [product.get_invoice(pending(product))["invoiceNumber"] for _ in range(3)]
    places = [int(number.rpartition("-")[2]) for number in numbers]
    assert places == list(range(places[0], places[0] + 3))


def test_payment_by_default_is_all_and_now(writer: Api, product: Product) -> None:
    invoice = pending(product, baseAmount=900)
    done(change(writer, invoice, "paid"), "Invoice updated")
    shown = product.get_invoice(invoice)
    assert (shown["status"], shown["amountPaid"], shown["amountDue"]) == ("paid", 900, 900)
    age = datetime.now(UTC) - datetime.fromtimestamp(shown["subscription"]["lastPaymentDate"] / 1000, UTC)
    assert timedelta() <= age < timedelta(minutes=1)


def test_part_of_it_leaves_it_pending(writer: Api, product: Product) -> None:
    invoice = pending(product, baseAmount=900)
    for paid in (400, 800):
        done(change(writer, invoice, "paid", amountPaid=400), "Invoice updated")
        shown = product.get_invoice(invoice)
        assert (shown["status"], shown["amountPaid"]) == ("pending", paid)
        assert shown["subscription"]["status"] == "pending_payment"
    done(change(writer, invoice, "paid"), "Invoice updated")
    shown = product.get_invoice(invoice)
    assert (shown["status"], shown["amountPaid"], shown["subscription"]["status"]) == ("paid", 900, "active")


def test_a_failed_invoice(writer: Api, product: Product) -> None:
    invoice = pending(product)
    done(change(writer, invoice, "failed"), "Invoice updated")
    shown = product.get_invoice(invoice)
    assert (shown["status"], shown["subscription"]["failedPaymentAttempts"]) == ("failed", 1)
    assert [row["_id"] for row in product.invoices(status="failed")].count(invoice) == 1
    done(change(writer, invoice, "paid"), "Invoice updated")
    shown = product.get_invoice(invoice)
    assert (shown["status"], shown["subscription"]["failedPaymentAttempts"]) == ("paid", 0)
    assert shown["subscription"]["status"] == "active"


def test_the_date_of_payment(writer: Api, product: Product) -> None:
    invoice = pending(product)
    ahead = int((datetime.now(UTC) + timedelta(hours=1)).timestamp() * 1000)
    error(change(writer, invoice, "paid", paidDate=ahead), 400, "paidDate must not be in the future")
    done(change(writer, invoice, "paid", paidDate=1704067200123), "Invoice updated")
    assert product.get_invoice(invoice)["subscription"]["lastPaymentDate"] == 1704067200123


@pytest.mark.parametrize("field", ["amountPaid", "paidDate"])
def test_what_goes_with_a_payment_alone(writer: Api, product: Product, field: str) -> None:
    invoice = pending(product)
    for status in ("draft", "pending", "open", "void", "failed"):
        said = f"{field} goes with the status paid alone"
        error(change(writer, invoice, status, **{field: 1}), 400, said)
    error(change(writer, invoice, "paid", amountPaid=0), 400)
    assert product.get_invoice(invoice)["status"] == "pending"


def test_filters(writer: Api, product: Product) -> None:
    customer = product.customer()
    subscription = product.subscription(customer)
    [invoice] = product.invoices(customerId=customer)
    for query in (
        {"customerId": customer},
        {"subscriptionId": subscription},
        {"customerId": customer, "subscriptionId": subscription, "status": "pending"},
        {"customerId": customer, "status": "open"},
    ):
        assert product.invoices(**query) == [invoice]
    assert product.invoices(customerId=product.customer(), subscriptionId=subscription) == []
    assert product.invoices(customerId=customer, status="paid") == []
    for status in ("", "uncollectible", "Paid", "x"):
        error(writer.get("/api/invoices", status=status), 400)
    error(
        writer.get("/api/invoices", invoiceId=invoice["_id"], status="paid"),
        400,
        "invoiceId must stand alone",
    )


def test_pages(writer: Api, product: Product) -> None:
    for _ in range(3):
        pending(product)
    whole = product.invoices()
    first = writer.get("/api/invoices", limit="2").json()
    rest = writer.get("/api/invoices", cursor=first["nextCursor"]).json()
    assert first["invoices"] + rest["invoices"] == whole
    assert "nextCursor" not in rest
