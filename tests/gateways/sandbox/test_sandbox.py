"""The sandbox keeps its promises as a provider: each outcome, each thing once, the tenant's time."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from tallystick.domain.payments.port import CheckoutSeen, DisputeSeen, GatewayRefused, PaymentSeen
from tallystick.gateways.sandbox import CARDS
from tallystick.kernel.errors import Invalid, NotFound
from tests.cast import crowd

from .bank import Bank

pytestmark = pytest.mark.anyio

DECLINES = {
    "0002": "card_declined",
    "9995": "insufficient_funds",
    "9987": "lost_card",
    "9979": "stolen_card",
    "0069": "expired_card",
    "0127": "incorrect_cvc",
    "0119": "processing_error",
}


def only(seen: Any) -> Any:
    [one] = seen
    return one


def test_a_card_is_known_by_four_digits_alone() -> None:
    assert all(len(card.last4) == 4 and card.last4.isdigit() for card in CARDS)
    assert len({card.last4 for card in CARDS}) == len(CARDS)


async def test_a_card_that_succeeds_completes_the_page_once(bank: Bank) -> None:
    page = await bank.opens()
    seen = only(await bank.pays(page, "4242", keep=True))
    assert (seen.status, seen.checkout, seen.payment.status) == ("completed", page.checkout, "succeeded")
    assert (seen.payment.payment, seen.payment.amount, seen.payment.final) == (page.payment, 1000, True)
    assert (seen.method.last4, seen.payment.method) == ("4242", seen.method)
    assert only(await bank.pays(page, "9995")) == seen
    assert only(await bank.gateway.look_checkout(bank.site, bank.ref)) == seen


async def test_a_double_click_saves_one_card_and_pays_once(bank: Bank) -> None:
    page = await bank.opens()
    await crowd(bank.db)
    all_seen = await asyncio.gather(*(bank.pays(page, "4242", keep=True) for _ in range(6)))
    assert all(seen == all_seen[0] for seen in all_seen)
    past, more = await bank.gateway.history(bank.site, bank.customer, 10)
    assert ([one.amount for one in past], more) == ([1000], False)


@pytest.mark.parametrize(("card", "code"), DECLINES.items())
async def test_a_decline_says_why_and_another_card_may_pay(bank: Bank, card: str, code: str) -> None:
    page = await bank.opens()
    seen = only(await bank.pays(page, card))
    assert isinstance(seen, PaymentSeen)
    assert (seen.status, seen.failure_code, seen.final) == ("failed", code, False)
    assert seen.failure_message
    assert only(await bank.pays(page, "4242")).payment.status == "succeeded"


async def test_a_further_step_is_approved_or_refused(bank: Bank) -> None:
    page = await bank.opens()
    assert only(await bank.pays(page, "3220", keep=True)).status == "requires_action"
    assert only(await bank.pays(page, "4242")).status == "requires_action"
    refused = only(await bank.gateway.answer(bank.site, page.checkout, False))
    assert (refused.status, refused.failure_code) == ("failed", "authentication_failed")
    await bank.pays(page, "3220", keep=True)
    done = only(await bank.gateway.answer(bank.site, page.checkout, True))
    assert (done.status, done.payment.status, done.method.last4) == ("completed", "succeeded", "3220")
    assert only(await bank.gateway.answer(bank.site, page.checkout, False)) == done


async def test_a_card_that_pays_later_does_so_in_the_tenants_time(bank: Bank) -> None:
    page = await bank.opens()
    seen = only(await bank.pays(page, "7726"))
    assert (seen.status, seen.payment.status, seen.payment.final) == ("completed", "processing", False)
    assert page.payment is not None
    assert only(await bank.gateway.look_payment(bank.site, page.payment, None)).status == "processing"
    await bank.waits(seconds=61)
    assert only(await bank.gateway.look_payment(bank.site, page.payment, None)).status == "succeeded"


async def test_a_disputed_card_is_paid_and_disputed(bank: Bank) -> None:
    page = await bank.opens()
    done, dispute = await bank.pays(page, "0259")
    assert isinstance(done, CheckoutSeen)
    assert isinstance(dispute, DisputeSeen)
    assert done.payment is not None
    assert (dispute.payment_ref, dispute.status, dispute.amount) == (done.payment.ref, "open", 1000)


async def test_a_page_without_a_price_saves_a_card(bank: Bank) -> None:
    page = await bank.opens(0)
    assert await bank.pays(page, "9995") == []
    assert (await bank.gateway.page(bank.site, page.checkout)).failure_code == "insufficient_funds"
    seen = only(await bank.pays(page, "0341"))
    assert (seen.status, seen.payment, seen.method.last4) == ("completed", None, "0341")


async def test_a_page_that_does_not_offer_it_saves_no_card(bank: Bank) -> None:
    page = await bank.opens(save_method=False)
    assert only(await bank.pays(page, "4242", keep=True)).method is None


async def test_a_page_expires_and_takes_no_money_then(bank: Bank) -> None:
    late, closed = await bank.opens(), await bank.opens()
    ref = bank.ref
    await bank.pays(late, "9995")
    assert only(await bank.gateway.close_checkout(bank.site, ref)).status == "expired"
    await bank.waits(days=1)
    for page in (late, closed):
        assert only(await bank.pays(page, "4242")).status == "expired"
    assert late.payment is not None
    payment = only(await bank.gateway.look_payment(bank.site, late.payment, None))
    assert (payment.status, payment.final) == ("failed", True)


async def test_to_close_a_page_that_was_paid_tells_so(bank: Bank) -> None:
    page = await bank.opens()
    seen = await bank.pays(page, "4242")
    assert await bank.gateway.close_checkout(bank.site, bank.ref) == seen


async def test_a_charge_happens_once_under_its_id(bank: Bank) -> None:
    card, payment = await bank.saves("4242"), uuid4()
    await crowd(bank.db)
    all_seen = await asyncio.gather(*(bank.charges(card, payment) for _ in range(6)))
    assert {seen.status for seen in all_seen} == {"succeeded"}
    past, _ = await bank.gateway.history(bank.site, bank.customer, 10)
    assert len(past) == 1


async def test_a_saved_card_may_decline_later(bank: Bank) -> None:
    seen = await bank.charges(await bank.saves("0341"))
    assert (seen.status, seen.failure_code, seen.final) == ("failed", "card_declined", True)


async def test_a_charge_may_need_the_customer(bank: Bank) -> None:
    card = await bank.saves_with_step("3220")
    first, second, third = [await bank.charges(card) for _ in range(3)]
    assert first.status == "requires_action"
    assert first.url.startswith("https://pay.example/pay/confirm/pay_")
    assert only(await bank.gateway.confirm(bank.site, first.payment, True)).status == "succeeded"
    refused = only(await bank.gateway.confirm(bank.site, second.payment, False))
    assert (refused.status, refused.final) == ("failed", True)
    assert (await bank.gateway.cancel_payment(bank.site, third.payment, third.ref)).status == "cancelled"
    assert only(await bank.gateway.confirm(bank.site, third.payment, True)).status == "cancelled"
    assert (await bank.gateway.cancel_payment(bank.site, first.payment, first.ref)).status == "succeeded"


async def test_a_card_that_was_forgotten_is_not_charged(bank: Bank) -> None:
    card = await bank.saves("4242")
    await bank.gateway.forget_method(bank.site, card)
    await bank.gateway.forget_method(bank.site, card)
    with pytest.raises(GatewayRefused):
        await bank.charges(card)


async def test_refunds_happen_once_and_never_exceed_the_payment(bank: Bank) -> None:
    paid = await bank.charges(await bank.saves("4242"), amount=500)
    refund = uuid4()
    first = await bank.refunds(paid, 300, refund)
    assert (first.status, first.amount, first.refund) == ("succeeded", 300, refund)
    assert await bank.refunds(paid, 300, refund) == first
    with pytest.raises(GatewayRefused):
        await bank.refunds(paid, 201)
    await bank.refunds(paid, 200)
    assert await bank.gateway.look_refund(bank.site, refund, None) == first
    assert await bank.gateway.look_refund(bank.site, uuid4(), None) is None
    seen = await bank.gateway.look_payment(bank.site, paid.payment, paid.ref)
    assert [type(one).__name__ for one in seen] == ["PaymentSeen", "RefundSeen", "RefundSeen"]


async def test_a_card_that_takes_nothing_back_fails_the_refund(bank: Bank) -> None:
    paid = await bank.charges(await bank.saves("5126"))
    failed = await bank.refunds(paid, 500)
    assert (failed.status, bool(failed.failure)) == ("failed", True)


async def test_what_it_never_heard_of(bank: Bank) -> None:
    assert await bank.gateway.look_payment(bank.site, uuid4(), None) == []
    assert await bank.gateway.look_checkout(bank.site, "sandbox_checkout_" + "0" * 26) == []
    page = await bank.opens()
    with pytest.raises(Invalid):
        await bank.pays(page, "4111")
    with pytest.raises(NotFound):
        await bank.gateway.pay(bank.site, uuid4(), "4242", False)
    with pytest.raises(GatewayRefused):
        await bank.charges("pm_of_somebody_else")


async def test_digits_alone_pay_a_page_once(bank: Bank) -> None:
    page = await bank.opens()
    await crowd(bank.db)
    all_seen = await asyncio.gather(
        *(bank.gateway.present(bank.site, page.checkout, "4242") for _ in range(6))
    )
    assert all(seen == all_seen[0] for seen in all_seen)
    seen = only(all_seen[0])
    assert (seen.status, seen.payment.status, seen.method) == ("completed", "succeeded", None)
    assert only(await bank.gateway.present(bank.site, page.checkout, "0002")) == seen


async def test_digits_that_are_not_listed_succeed_and_can_be_refunded(bank: Bank) -> None:
    page = await bank.opens()
    seen = only(await bank.gateway.present(bank.site, page.checkout, "1234"))
    assert seen.payment.status == "succeeded"
    assert (await bank.refunds(seen.payment, 400)).status == "succeeded"


@pytest.mark.parametrize(("card", "code"), DECLINES.items())
async def test_digits_that_are_declined_end_the_page(bank: Bank, card: str, code: str) -> None:
    page = await bank.opens()
    seen = only(await bank.gateway.present(bank.site, page.checkout, card))
    assert (seen.status, seen.payment.status, seen.payment.final) == ("expired", "failed", True)
    assert (seen.payment.failure_code, bool(seen.payment.failure_message)) == (code, True)
    assert only(await bank.gateway.present(bank.site, page.checkout, "4242")) == seen
    assert only(await bank.pays(page, "4242")) == seen


async def test_digits_that_need_a_step_wait_for_it_on_the_page(bank: Bank) -> None:
    page = await bank.opens()
    waits = only(await bank.gateway.present(bank.site, page.checkout, "3220"))
    assert waits.status == "requires_action"
    assert only(await bank.gateway.present(bank.site, page.checkout, "4242")) == waits
    # refused, the page is the customer's: digits end it no more
    refused = only(await bank.gateway.answer(bank.site, page.checkout, False))
    assert only(await bank.gateway.present(bank.site, page.checkout, "3220")) == refused
    assert only(await bank.pays(page, "4242")).payment.status == "succeeded"


async def test_digits_for_a_page_that_there_is_not(bank: Bank) -> None:
    with pytest.raises(GatewayRefused):
        await bank.gateway.present(bank.site, uuid4(), "4242")
