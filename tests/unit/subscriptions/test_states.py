"""The one table of moves."""

from itertools import product
from typing import get_args

import pytest

from tallystick.domain.subscriptions.model import Status
from tallystick.domain.subscriptions.states import FUNDED, LIVE, MOVES, OVER, demand, move
from tallystick.kernel.errors import Conflict

from .builders import subscription

STATES: tuple[Status, ...] = get_args(Status)


def test_every_state_is_in_the_table() -> None:
    assert set(MOVES) == set(STATES)
    assert FUNDED < LIVE
    assert {state for state in STATES if not MOVES[state]} == OVER


@pytest.mark.parametrize(("before", "after"), list(product(STATES, STATES)))
def test_only_legal_moves_move(before: Status, after: Status) -> None:
    row = subscription(status=before)
    if after in MOVES[before]:
        move(row, after)
        assert row.status == after
        return
    with pytest.raises(Conflict) as refused:
        move(row, after)
    assert refused.value.code == ("subscription_ended" if before in OVER else "subscription_state")
    assert row.status == before


def test_a_state_that_is_demanded() -> None:
    demand(subscription(status="active"), "trialing", "active")
    with pytest.raises(Conflict):
        demand(subscription(status="paused"), "trialing", "active")
