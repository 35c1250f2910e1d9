"""What credits the money of a refund bought: never more than there were, and all of them with the last of it."""

from datetime import UTC, datetime
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from tallystick.domain.payments.model import Purchase
from tallystick.domain.payments.taking import lots_for, part

AT = datetime(2026, 11, 21, tzinfo=UTC)
amounts = st.integers(1, 2**53 - 1)


def purchase(credits: int, bonus: int) -> Purchase:
    return Purchase(
        account=1, invoice=UUID(int=1), tenant=1, package=None, cause="checkout", credit_type="credits",
        credits=credits, bonus=bonus, expires_after_days=None, grant_id=1, bonus_grant_id=2 if bonus else None,
        fulfilled_at=AT, created_at=AT,
    )  # fmt: skip


@given(credits=amounts, bonus=st.integers(0, 2**53 - 1), price=st.integers(1, 10**9), data=st.data())
def test_parts_sum_to_the_whole(credits: int, bonus: int, price: int, data: st.DataObject) -> None:
    row = purchase(credits, bonus)
    marks = sorted(data.draw(st.lists(st.integers(0, price), max_size=6)))
    taken = {1: 0, 2: 0}
    before = 0
    for after in [*marks, price]:
        for grant, amount in lots_for(row, before, after, price):
            assert amount >= 0
            taken[grant] += amount
        before = after
    assert taken == {1: credits, 2: bonus}


@given(whole=amounts, money=st.integers(0, 10**9), price=st.integers(1, 10**9))
def test_a_part_is_never_more_than_its_money(whole: int, money: int, price: int) -> None:
    got = part(whole, money, price)
    assert 0 <= got <= whole
    assert got * price <= whole * money


def test_no_money_bought_nothing() -> None:
    assert part(100, 0, 0) == 0
    assert part(100, 0, 5) == 0
    assert part(100, 6, 5) == 100
