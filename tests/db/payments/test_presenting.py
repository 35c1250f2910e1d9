"""Buying by the digits of a card: once for a key, whatever dies on the way; a decline leaves nothing to pay."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from tallystick.domain.identity.request_keys import Inner
from tallystick.domain.invoicing.model import Settings
from tallystick.domain.payments import receipts
from tallystick.domain.payments.checkouts import expire_checkout
from tallystick.domain.payments.model import Checkout
from tallystick.domain.payments.port import CheckoutSeen, Seen, Site
from tallystick.domain.payments.presenting import buy_by_digits, takes_digits
from tallystick.domain.payments.receipt_paper import receipt_document
from tallystick.kernel.errors import Conflict, KeyReused, NotFound, Unavailable
from tallystick.kernel.ids import Kind, inner_uuid
from tests.cast import crowd
from tests.doubles.gateway import BenchGateway, Card, Killed, Trouble

from .front import Front

pytestmark = pytest.mark.anyio

KEY: Inner = ("\ndigits-1", b"1" * 16)
CARDS: dict[str, Card] = {"0002": "decline", "3220": "action", "7726": "later"}


@dataclass
class Digits(BenchGateway):
    """A bench that takes digits; a decline ends its page."""

    async def present(self, site: Site, checkout: UUID, last4: str) -> Sequence[Seen]:
        with self._call("present", checkout, site):
            page = self.pages[checkout]
            if page.status != "open":
                return self._page(page)
            seen = self.pay(checkout, CARDS.get(last4, "ok"))
            if not isinstance(seen[0], CheckoutSeen):
                page.status = "expired"
                return self._page(page)
            return seen


@pytest.fixture
async def shop(front: Front) -> Front:
    return Front(front.shop, Digits())


async def buy(shop: Front, account: int, package: UUID, last4: str = "4242", **more: Any) -> Checkout:
    said: dict[str, Any] = {"gateway": "sandbox", "by": "test"} | more
    return await buy_by_digits(shop.till, shop.tenant, account, package, last4=last4, **said)


async def tried(shop: Front, account: int, package: UUID, **more: Any) -> Checkout | None:
    try:
        return await buy(shop, account, package, **more)
    except (Killed, Unavailable):
        return None


async def test_which_gateways_take_digits(shop: Front) -> None:
    assert takes_digits(shop.till, "sandbox")
    assert not takes_digits(Front(shop.shop).till, "sandbox")
    assert not takes_digits(shop.till, "nowhere")


async def test_a_card_pays_and_the_credits_are_there(shop: Front) -> None:
    account = await shop.shop.customer()
    made = await buy(shop, account, await shop.package())
    assert (made.status, await shop.shop.balance(account), shop.bench.taken) == ("completed", 100, 1000)


async def test_a_decline_leaves_nothing_to_pay(shop: Front) -> None:
    account = await shop.shop.customer()
    made = await buy(shop, account, await shop.package(), "0002")
    assert made.status == "expired"
    assert (await shop.payment(made.payment)).status == "failed"
    assert (await shop.invoice(made.invoice)).status == "void"
    assert (await shop.shop.balance(account), shop.bench.taken) == (0, 0)
    await shop.work()  # closes the page at the gateway
    assert await shop.work() == 0


@pytest.mark.parametrize("trouble", ["down", "lost", "killed", "died"])
@pytest.mark.parametrize(("call", "card"), [(1, "4242"), (2, "4242"), (2, "0002")])
async def test_a_repeat_of_the_key_goes_on(shop: Front, call: int, card: str, trouble: Trouble) -> None:
    """The calls are those for the customer, the page and the card."""
    account, package = await shop.shop.customer(), await shop.package()
    shop.bench.trouble(*([None] * call), trouble)
    assert await tried(shop, account, package, last4=card, key=KEY) is None
    first = await buy(shop, account, package, card, key=KEY)
    again = await buy(shop, account, package, card, key=KEY)
    assert first.id == again.id
    paid = card == "4242"
    assert first.status == again.status == ("completed" if paid else "expired")
    assert (await shop.shop.balance(account), shop.bench.taken) == ((100, 1000) if paid else (0, 0))
    assert len(await shop.payments(account)) == 1


async def test_without_a_key_an_outage_leaves_nothing(shop: Front) -> None:
    account, package = await shop.shop.customer(), await shop.package()
    shop.bench.trouble(None, None, "down")
    with pytest.raises(Unavailable):
        await buy(shop, account, package)
    assert [row["status"] for row in shop.shop.rows("select status from invoice")] == ["void"]
    assert (await buy(shop, account, package)).status == "completed"
    assert (await shop.shop.balance(account), shop.bench.taken) == (100, 1000)


async def test_what_the_gateway_refuses(shop: Front) -> None:
    account, package = await shop.shop.customer(), await shop.package()
    shop.bench.trouble(None, None, "refused")
    with pytest.raises(Conflict) as refused:
        await buy(shop, account, package, key=KEY)
    assert refused.value.code == "gateway_refused"
    assert [row["status"] for row in shop.shop.rows("select status from invoice")] == ["void"]


async def test_another_request_under_the_key(shop: Front) -> None:
    account, package = await shop.shop.customer(), await shop.package()
    await buy(shop, account, package, key=KEY)
    with pytest.raises(KeyReused):
        await buy(shop, account, package, key=("\ndigits-1", b"2" * 16))


async def test_many_at_once_under_one_key_pay_once(shop: Front) -> None:
    account, package = await shop.shop.customer(), await shop.package()
    await crowd(shop.shop.db)
    pages = await asyncio.gather(*(buy(shop, account, package, key=KEY) for _ in range(8)))
    assert {page.id for page in pages} == {pages[0].id}
    assert (await shop.shop.balance(account), shop.bench.taken) == (100, 1000)


async def test_receipts_of_what_came_of_it(shop: Front) -> None:
    account, package = await shop.shop.customer(), await shop.package(bonus=50_000_000)
    paid, declined, waits = [await buy(shop, account, package, card) for card in ("4242", "0002", "3220")]

    async def receipt(id: UUID | None) -> receipts.Receipt:
        assert id is not None
        return await receipts.receipt(shop.shop.db, shop.tenant, id)

    found = await receipts.receipt_of_invoice(shop.shop.db, shop.tenant, paid.invoice or UUID(int=0))
    assert found.id == inner_uuid(account, Kind.ENTRY, 1)
    for id in (found.id, paid.payment, inner_uuid(account, Kind.ENTRY, 2)):
        shown = await receipt(id)
        assert (shown.id, shown.status, shown.given, shown.last4) == (id, "paid", 150, "4242")
        assert (shown.why, shown.action_url, shown.invoice.id) == ("", None, paid.invoice)
    shown = await receipt(declined.payment)
    assert (shown.id, shown.status, shown.given) == (declined.payment, "failed", 0)
    assert (shown.why, shown.action_url, shown.last4) == ("The card was declined.", None, "0002")
    shown = await receipt(waits.payment)
    assert (shown.status, shown.given, shown.why) == ("pending", 0, "")
    assert shown.action_url is not None
    for id in (UUID(int=0), inner_uuid(account, Kind.ENTRY, 3), inner_uuid(account, Kind.GRANT, 1), paid.id):
        with pytest.raises(NotFound):
            await receipts.receipt(shop.shop.db, shop.tenant, id)
    for id in (found.id, paid.payment):
        with pytest.raises(NotFound):
            await receipts.receipt(shop.shop.db, shop.tenant + 1, id or UUID(int=0))


async def test_receipts_on_paper(shop: Front) -> None:
    account, package = await shop.shop.customer(), await shop.package()
    said = {}
    for card in ("4242", "0002", "3220"):
        made = await buy(shop, account, package, card)
        found = await receipts.receipt(shop.shop.db, shop.tenant, made.payment or UUID(int=0))
        paper = receipt_document(found, Settings())
        [row] = paper["rows"]
        assert (paper["title"], row["cells"], paper["number"]) == (
            "Receipt",
            ["$10.00"],
            found.invoice.number,
        )
        assert ["Card", f"ending in {card}"] in paper["facts"]
        assert ["Transaction", str(made.payment)] in paper["facts"]
        said[card] = (paper["stamp"], paper["note"], paper["totals"][-1])
    assert said == {
        "4242": ("PAID", "100 credits were added.", ["Paid", "$10.00", True]),
        "0002": (
            "DECLINED",
            "The card was declined. Nothing was charged, and no credits were added.",
            ["Paid", "$0.00", True],
        ),
        "3220": (
            "PENDING",
            "The payment is not there yet: the credits are added as soon as it is.",
            ["Paid", "$0.00", True],
        ),
    }


async def test_a_page_that_nobody_paid_was_not_declined(shop: Front) -> None:
    account = await shop.shop.customer()
    opened = await shop.buy(account)
    await expire_checkout(shop.till, shop.tenant, account, opened.id, by="test")
    found = await receipts.receipt(shop.shop.db, shop.tenant, opened.payment or UUID(int=0))
    assert (found.status, found.why) == ("failed", "The payment was not made.")
    assert receipt_document(found, Settings())["stamp"] == "NOT PAID"
