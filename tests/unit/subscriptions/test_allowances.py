"""What of unspent credits goes on into the next period."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.domain.catalog.terms import Rollover
from tallystick.domain.subscriptions.allowances import Lapsed, rolled

lapses = st.lists(st.builds(Lapsed, st.integers(0, 50), st.integers(0, 5)), max_size=6)
rules = st.one_of(
    st.just(Rollover()),
    st.builds(lambda periods: Rollover(mode="all", periods=periods), st.none() | st.integers(1, 4)),
    st.builds(
        lambda limit, periods: Rollover(mode="up_to", limit=limit, periods=periods),
        st.integers(1, 100),
        st.none() | st.integers(1, 4),
    ),
)


def test_none_all_and_up_to() -> None:
    left = [Lapsed(30, 0), Lapsed(20, 1)]
    assert rolled(Rollover(), left) == []
    assert rolled(Rollover(mode="all"), left) == [Lapsed(30, 1), Lapsed(20, 2)]
    assert rolled(Rollover(mode="up_to", limit=35), left) == [Lapsed(30, 1), Lapsed(5, 2)]
    assert rolled(Rollover(mode="up_to", limit=10), left) == [Lapsed(10, 1)]


def test_a_lot_rolls_so_often_and_no_more() -> None:
    once = Rollover(mode="all", periods=1)
    assert rolled(once, [Lapsed(30, 0), Lapsed(20, 1)]) == [Lapsed(30, 1)]


def test_lots_that_rolled_as_often_become_one() -> None:
    assert rolled(Rollover(mode="all"), [Lapsed(3, 0), Lapsed(4, 0), Lapsed(0, 2)]) == [Lapsed(7, 1)]


@given(rule=rules, lapsed=lapses)
@settings(max_examples=300)
def test_never_more_than_there_was_nor_than_the_limit(rule: Rollover, lapsed: list[Lapsed]) -> None:
    kept = rolled(rule, lapsed)
    total = sum(lot.amount for lot in kept)
    assert total <= sum(lot.amount for lot in lapsed)
    assert rule.limit is None or total <= rule.limit
    assert all(lot.amount > 0 and (rule.periods is None or lot.rolls <= rule.periods) for lot in kept)
    assert len({lot.rolls for lot in kept}) == len(kept)
