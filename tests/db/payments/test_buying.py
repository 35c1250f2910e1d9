"""Buying a package: a saved way to pay is charged at once, else there is a page; the credits come with the money."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from itertools import product
from typing import Any
from uuid import UUID

import pytest

from tallystick.domain.catalog import actions as catalog
from tallystick.domain.identity.actions import patch_account
from tallystick.domain.identity.request_keys import Inner
from tallystick.domain.payments.buying import Bought, buy_package
from tallystick.domain.payments.checkouts import expire_checkout
from tallystick.gateways.manual import Manual
from tallystick.kernel.errors import Conflict, KeyReused, NotFound, Unavailable
from tests.cast import crowd
from tests.db.subscriptions.shop import BEGIN
from tests.doubles.gateway import Killed, SlowGateway, Trouble

from .front import Front

pytestmark = pytest.mark.anyio

KEY: Inner = ("\nbuy-1", b"1" * 16)


async def buy(front: Front, account: int, package: UUID, **more: Any) -> Bought:
    said: dict[str, Any] = {"gateway": None, "method": None, "by": "test"} | more
    return await buy_package(front.till, front.tenant, account, package, **said)


async def invoices_of(front: Front, account: int) -> Sequence[dict[str, Any]]:
    return front.shop.rows("select status from invoice where account_id = %s order by place", account)


async def test_a_saved_card_is_charged_and_the_credits_are_there(front: Front) -> None:
    account = await front.shop.customer()
    card = await front.save(account)
    made = await buy(front, account, await front.package())
    assert (made.status, made.checkout) == ("paid", None)
    assert made.payment is not None
    assert (made.payment.status, made.payment.cause, made.payment.method) == ("succeeded", "request", card.id)
    assert (made.invoice.status, made.invoice.total, made.invoice.reason) == ("paid", 1000, "purchase")
    assert front.bench.taken == 1000
    assert await front.shop.balance(account) == 100


async def test_of_two_cards_the_standard_one_pays_unless_another_is_named(front: Front) -> None:
    account = await front.shop.customer()
    first, second = await front.save(account), await front.save(account)
    package = await front.package()
    made = [
        await buy(front, account, package),
        await buy(front, account, package, method=second.id),
        await buy(front, account, package, method=second.id, gateway="sandbox"),
    ]
    assert [one.payment and one.payment.method for one in made] == [first.id, second.id, second.id]


async def test_a_declined_card_buys_nothing_and_leaves_nothing_owed(front: Front) -> None:
    account = await front.shop.customer()
    await front.save(account, "decline")
    made = await buy(front, account, await front.package())
    assert (made.status, made.invoice.status, made.checkout) == ("failed", "void", None)
    assert made.payment is not None
    assert (made.payment.status, made.payment.failure_code) == ("failed", "card_declined")
    assert await front.shop.balance(account) == 0
    assert front.events(account)[-2:] == ["payment.failed", "invoice.voided"]
    assert await front.work() == 0


async def test_a_gateway_that_refuses_the_charge_sells_nothing(front: Front) -> None:
    account = await front.shop.customer()
    await front.save(account)
    front.bench.trouble(None, "refused")
    made = await buy(front, account, await front.package())
    assert made.payment is not None
    assert (made.status, made.payment.failure_code) == ("failed", "gateway_refused")
    assert made.invoice.status == "void"


async def test_a_card_that_needs_its_owner(front: Front) -> None:
    account = await front.shop.customer()
    await front.save(account, "action")
    made = await buy(front, account, await front.package())
    assert (made.status, made.invoice.status) == ("pending", "open")
    assert made.payment is not None
    assert made.payment.action_url is not None
    assert await front.shop.balance(account) == 0
    await front.take(*front.bench.finish(made.payment.id))
    assert (await front.invoice(made.invoice.id)).status == "paid"
    assert await front.shop.balance(account) == 100


async def test_an_owner_who_does_not_come_owes_nothing(front: Front) -> None:
    account = await front.shop.customer()
    await front.save(account, "action")
    made = await buy(front, account, await front.package())
    await front.shop.set_time(BEGIN + timedelta(hours=24))
    await front.work()
    assert made.payment is not None
    assert (await front.payment(made.payment.id)).status == "cancelled"
    assert (await front.invoice(made.invoice.id)).status == "void"


async def test_money_that_comes_later(front: Front) -> None:
    account = await front.shop.customer()
    await front.save(account, "later")
    made = await buy(front, account, await front.package())
    assert (made.status, made.payment and made.payment.status) == ("pending", "processing")
    assert made.payment is not None
    await front.take(*front.bench.finish(made.payment.id))
    assert await front.shop.balance(account) == 100


async def test_later_declined_the_invoice_goes_too(front: Front) -> None:
    account = await front.shop.customer()
    await front.save(account, "later")
    made = await buy(front, account, await front.package())
    assert made.payment is not None
    await front.take(*front.bench.finish(made.payment.id, succeeded=False))
    assert (await front.invoice(made.invoice.id)).status == "void"


async def test_a_gateway_that_is_down_is_charged_by_the_worker(front: Front) -> None:
    account = await front.shop.customer()
    await front.save(account)
    front.bench.trouble(None, "down")
    made = await buy(front, account, await front.package())
    assert (made.status, made.payment and made.payment.status) == ("pending", "pending")
    await front.work()
    assert (await front.invoice(made.invoice.id)).status == "paid"
    assert (front.bench.taken, await front.shop.balance(account)) == (1000, 100)


async def test_without_a_saved_card_there_is_a_page(front: Front) -> None:
    account = await front.shop.customer()
    made = await buy(
        front, account, await front.package(), success_url="https://a.example/yes",
        cancel_url="https://a.example/no",
    )  # fmt: skip
    assert (made.status, made.invoice.status) == ("pending", "open")
    assert made.checkout is not None
    assert made.checkout.url == f"https://pay.example/cs_{made.checkout.id.hex}"
    assert (made.checkout.success_url, made.checkout.cancel_url) == (
        "https://a.example/yes",
        "https://a.example/no",
    )
    assert made.payment is not None
    assert made.payment.id == made.checkout.payment
    await front.pay(made.checkout)
    assert await front.shop.balance(account) == 100


async def test_a_transfer_is_waited_for_though_a_card_is_saved(front: Front) -> None:
    front = Front(front.shop, front.bench, [Manual()])
    account = await front.shop.customer()
    await front.save(account)
    made = await buy(front, account, await front.package(), gateway="manual")
    assert (made.status, made.payment and made.payment.gateway) == ("pending", "manual")
    assert front.bench.taken == 0


async def test_a_gift_is_given_at_once(front: Front) -> None:
    with_card, without = await front.shop.customer(), await front.shop.customer()
    await front.save(with_card)
    package = await front.package(price=0)
    for account in (with_card, without):
        made = await buy(front, account, package)
        assert (made.status, made.payment, made.invoice.status) == ("paid", None, "paid")
        assert await front.shop.balance(account) == 100


async def test_what_is_not_sold(front: Front) -> None:
    account = await front.shop.customer()
    package = await front.package()
    async with front.shop.tx() as tx:
        await catalog.update_package(tx, front.tenant, package, active=False, by="test")
    for saved in (False, True):
        with pytest.raises(Conflict) as inactive:
            await buy(front, account, package)
        assert inactive.value.code == "package_inactive"
        with pytest.raises(NotFound):
            await buy(front, account, UUID(int=7))
        if not saved:
            await front.save(account)
    assert await invoices_of(front, account) == []


async def test_who_cannot_buy(front: Front) -> None:
    account, other = await front.shop.customer(), await front.shop.customer()
    package = await front.package()
    strange = await front.save(other)
    with pytest.raises(NotFound):
        await buy(front, account, package, method=strange.id)
    with pytest.raises(Conflict) as elsewhere:
        await buy(front, other, package, method=strange.id, gateway="manual")
    assert elsewhere.value.code == "no_payment_method"
    with pytest.raises(Conflict) as unknown:
        await buy(front, other, package, gateway="paypal")
    assert unknown.value.code == "gateway_not_set_up"
    async with front.shop.tx() as tx:
        await patch_account(tx, front.tenant, other, {"status": "blocked"})
    with pytest.raises(Conflict) as blocked:
        await buy(front, other, package)
    assert blocked.value.code == "account_blocked"
    assert await invoices_of(front, account) == await invoices_of(front, other) == []


async def test_a_page_that_cannot_be_opened_sells_nothing(front: Front) -> None:
    account = await front.shop.customer()
    front.bench.trouble(None, "down")
    with pytest.raises(Unavailable):
        await buy(front, account, await front.package())
    assert await invoices_of(front, account) == [{"status": "void"}]


@pytest.mark.parametrize("card", ["ok", "decline", None])
async def test_one_key_buys_once(front: Front, card: Any) -> None:
    account = await front.shop.customer()
    if card is not None:
        await front.save(account, card)
    package = await front.package()
    first = await buy(front, account, package, key=KEY)
    await front.save(account)  # what is saved meanwhile changes nothing
    again = await buy(front, account, package, key=KEY)
    assert (again.status, again.invoice, again.payment) == (first.status, first.invoice, first.payment)
    assert again.checkout == first.checkout
    assert len(await invoices_of(front, account)) == 1
    assert KEY is not None
    with pytest.raises(KeyReused):
        await buy(front, account, package, key=(KEY[0], b"2" * 16))


@pytest.mark.parametrize("card", ["ok", "decline", None])
async def test_many_at_once_with_one_key(front: Front, card: Any) -> None:
    account = await front.shop.customer()
    if card is not None:
        await front.save(account, card)
    package = await front.package()
    await crowd(front.shop.db)
    made = await asyncio.gather(*(buy(front, account, package, key=KEY) for _ in range(8)))
    assert {one.status for one in made} == {{"ok": "paid", "decline": "failed", None: "pending"}[card]}
    assert {one.invoice.id for one in made} == {made[0].invoice.id}
    assert front.bench.count("charge") == (0 if card is None else 1)
    assert len(front.bench.pages) == (1 if card is None else 0)


async def test_who_repeats_a_charge_under_way_hears_what_came_of_it(front: Front) -> None:
    slow = SlowGateway()
    front = Front(front.shop, slow)
    account = await front.shop.customer()
    await front.save(account)
    package = await front.package()
    first = asyncio.create_task(buy(front, account, package, key=KEY))
    await slow.asked.wait()
    again = asyncio.create_task(buy(front, account, package, key=KEY))
    _, unanswered = await asyncio.wait([again], timeout=0.3)
    assert unanswered == {again}
    slow.go.set()
    assert [one.status for one in await asyncio.gather(first, again)] == ["paid", "paid"]
    assert (slow.taken, slow.count("charge")) == (1000, 1)


async def test_a_key_whose_page_is_over_bought_nothing(front: Front) -> None:
    account = await front.shop.customer()
    package = await front.package()
    made = await buy(front, account, package, key=KEY)
    assert made.checkout is not None
    await expire_checkout(front.till, front.tenant, account, made.checkout.id, by="test")
    again = await buy(front, account, package, key=KEY)
    assert (again.status, again.invoice.status, again.invoice.id) == ("failed", "void", made.invoice.id)


POINTS: list[Trouble] = ["killed", "died"]


@pytest.mark.parametrize(("call", "point"), list(product([0, 1], POINTS)))
async def test_killed_and_asked_again_it_is_bought_once(front: Front, call: int, point: Trouble) -> None:
    account = await front.shop.customer()
    await front.save(account)
    package = await front.package()
    front.bench.trouble(*[None] * call, point)
    with pytest.raises(Killed):
        await buy(front, account, package, key=KEY)
    async with front.shop.tx() as tx:  # the dead request's lease is over
        await tx.execute(b"update payment set retry_at = null")
    made = await buy(front, account, package, key=KEY)
    assert made.status == "paid"
    assert (front.bench.taken, len(front.bench.charges)) == (1000, 1)
    assert await front.shop.balance(account) == 100
