"""Facts of a payment come in any order and any number of times, and the same comes of it."""

from datetime import UTC, datetime, timedelta
from functools import reduce
from itertools import permutations
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from tallystick.domain.payments.merging import Facts, facts_seen, merge, merge_checkout
from tallystick.domain.payments.model import CheckoutStatus
from tallystick.domain.payments.port import PaymentSeen, PaymentStatus

BEGIN = datetime(2027, 1, 31, 10, tzinfo=UTC)
PENDING = Facts("pending", False)

seen = st.builds(
    PaymentSeen,
    ref=st.sampled_from(["ch_1", "ch_2"]),
    status=st.sampled_from(get_args(PaymentStatus)),
    amount=st.sampled_from([900, 1000]),
    currency=st.just("USD"),
    at=st.none() | st.integers(0, 3).map(lambda n: BEGIN + timedelta(seconds=n)),
    final=st.booleans(),
    failure_code=st.none() | st.sampled_from(["card_declined", "expired_card"]),
    failure_message=st.none() | st.just("No."),
    url=st.none() | st.just("https://pay.example"),
)


def after(told: list[PaymentSeen]) -> Facts:
    return reduce(merge, [facts_seen(one) for one in told], PENDING)


@given(st.lists(seen, max_size=6), st.data())
def test_any_order_and_any_repetition(told: list[PaymentSeen], data: st.DataObject) -> None:
    again = data.draw(st.permutations(told + [one for one in told if data.draw(st.booleans())]))
    assert after(list(again)) == after(told)


@given(seen.map(facts_seen), seen.map(facts_seen), seen.map(facts_seen))
def test_the_laws_of_merging(a: Facts, b: Facts, c: Facts) -> None:
    assert merge(a, b) == merge(b, a)
    assert merge(merge(a, b), c) == merge(a, merge(b, c))
    assert merge(a, a) == a


@given(st.lists(seen, max_size=6))
def test_money_that_came_stays(told: list[PaymentSeen]) -> None:
    came = any(one.status == "succeeded" for one in told)
    assert (after(told).status == "succeeded") == came


def test_a_decline_on_an_open_page_gives_way() -> None:
    declined = PaymentSeen("ch_1", "failed", 1000, "USD", final=False, failure_code="card_declined")
    for status in ("requires_action", "processing", "succeeded", "cancelled"):
        other = PaymentSeen("ch_1", status, 1000, "USD")
        assert {after(list(told)).status for told in permutations([declined, other])} == {status}
    final = PaymentSeen("ch_1", "failed", 1000, "USD", failure_code="card_declined")
    processing = PaymentSeen("ch_1", "processing", 1000, "USD")
    assert {after(list(told)).status for told in permutations([final, processing])} == {"failed"}


def test_of_two_declines_the_later_counts() -> None:
    told = [
        PaymentSeen("ch_1", "failed", 1000, "USD", at=BEGIN + timedelta(seconds=n), failure_code=code)
        for n, code in enumerate(("z_first", "a_second"))
    ]
    assert {after(list(order)).failure_code for order in permutations(told)} == {"a_second"}


@given(st.lists(st.sampled_from(get_args(CheckoutStatus)), min_size=1))
def test_a_page_that_was_completed_is(told: list[CheckoutStatus]) -> None:
    assert reduce(merge_checkout, told) == reduce(merge_checkout, reversed(told))
    assert (reduce(merge_checkout, told) == "completed") == ("completed" in told)
