"""The rules of features: what is allowed, how much is left, and why not."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.domain.catalog.model import Feature
from tallystick.domain.catalog.terms import Terms
from tallystick.domain.subscriptions.features import (
    Value,
    barred,
    claim,
    of_boolean,
    of_credits,
    of_limit,
    stopped,
    units_of,
)
from tallystick.kernel.credits import MICRO
from tallystick.kernel.errors import Invalid
from tallystick.kernel.ids import uuid7

_MOMENT = datetime(2026, 11, 21, tzinfo=UTC)


@dataclass
class Held:
    """A subscription, as far as the rules look at it."""

    status: str
    terms: Terms


def held(status: str, **features: Value) -> Held:
    return Held(status, Terms(interval="monthly", currency="USD", features=features))


def feature(kind: Any, key: str = "projects") -> Feature:
    credit_type = "credits" if kind == "CREDIT_BASED" else None
    return Feature(
        uuid7(), 1, 1, key, key.title(), "", kind, "", "", credit_type, _MOMENT, _MOMENT
    )  # fmt: skip


@pytest.mark.parametrize(
    ("subscriptions", "claimed"),
    [
        ([], (False, "no_subscription")),
        ([held("active", projects=3)], (3, "ok")),
        ([held("trialing", projects=3)], (3, "ok")),
        ([held("past_due", projects=3)], (3, "ok")),
        ([held("paused", projects=3)], (3, "paused")),
        ([held("incomplete", projects=3)], (3, "incomplete")),
        ([held("active")], (False, "not_in_plan")),
        ([held("active", projects=False)], (False, "not_in_plan")),
        ([held("paused", seats=1)], (False, "not_in_plan")),
        ([held("active", projects=None)], (None, "ok")),
        ([held("active", projects=0)], (0, "ok")),
        ([held("active", projects=3), held("active", projects=5)], (5, "ok")),
        ([held("active", projects=3), held("active", projects=None)], (None, "ok")),
        ([held("active", projects=3), held("paused", projects=5)], (3, "ok")),
        ([held("active"), held("paused", projects=5)], (5, "paused")),
        ([held("active", projects=True), held("active", projects=False)], (True, "ok")),
    ],
)
def test_what_subscriptions_give(subscriptions: list[Held], claimed: tuple[Value, str]) -> None:
    assert claim("projects", subscriptions) == claimed


@pytest.mark.parametrize(
    ("claimed", "allowed", "reason"),
    [
        ((True, "ok"), True, "ok"),
        ((False, "not_in_plan"), False, "not_in_plan"),
        ((False, "no_subscription"), False, "no_subscription"),
        ((True, "paused"), False, "paused"),
        ((0, "ok"), False, "not_in_plan"),
    ],
)
def test_a_switch(claimed: Any, allowed: bool, reason: str) -> None:
    found = of_boolean(feature("BOOLEAN"), claimed)
    assert (found.allowed, found.reason) == (allowed, reason)
    assert (found.limit, found.used, found.available) == (None, None, None)


@pytest.mark.parametrize(
    ("claimed", "used", "units", "reason", "limit", "available"),
    [
        ((10, "ok"), 0, 1, "ok", 10, 10),
        ((10, "ok"), 9, 1, "ok", 10, 1),
        ((10, "ok"), 9, 2, "limit_reached", 10, 1),
        ((10, "ok"), 10, 1, "limit_reached", 10, 0),
        ((5, "ok"), 8, 1, "limit_reached", 5, 0),
        ((0, "ok"), 0, 1, "limit_reached", 0, 0),
        ((None, "ok"), 10**9, 10**9, "ok", None, None),
        ((10, "paused"), 3, 1, "paused", 10, 0),
        ((None, "paused"), 3, 1, "paused", None, 0),
        ((False, "not_in_plan"), 3, 1, "not_in_plan", 0, 0),
        ((False, "no_subscription"), 0, 1, "no_subscription", 0, 0),
    ],
)
def test_a_limit(
    claimed: Any, used: int, units: int, reason: str, limit: int | None, available: int | None
) -> None:
    found = of_limit(feature("HARD_LIMIT"), claimed, used, units)
    assert (found.allowed, found.reason) == (reason == "ok", reason)
    assert (found.limit, found.used, found.available) == (limit, used, available)


@settings(max_examples=300)
@given(
    limit=st.integers(0, 30),
    acts=st.lists(st.tuples(st.sampled_from(["consume", "release", "limit"]), st.integers(1, 12))),
)
def test_no_history_exceeds_the_limit(limit: int, acts: list[tuple[str, int]]) -> None:
    used = 0
    for act, units in acts:
        if act == "limit":
            limit = units  # the use stays, also above it
            continue
        before = used
        if act == "consume":
            state = of_limit(feature("HARD_LIMIT"), (limit, "ok"), used, units)
            if state.allowed:
                used += units
            assert used <= max(limit, before)
            assert state.available == max(limit - before, 0)
        else:
            used = max(used - units, 0)
        assert used >= 0


@pytest.mark.parametrize(
    ("subscriptions", "reason"),
    [
        ([], None),
        ([held("active")], None),
        ([held("active", chat=True)], None),
        ([held("active", chat=False)], "not_in_plan"),
        ([held("paused", chat=True)], "paused"),
        ([held("paused", chat=False)], "not_in_plan"),
        ([held("active", chat=False), held("paused", chat=True)], "paused"),
        ([held("active", chat=True), held("active", chat=False)], None),
        ([held("incomplete", chat=True)], None),
    ],
)
def test_what_keeps_credits_from_being_spent(subscriptions: list[Held], reason: str | None) -> None:
    assert barred("chat", subscriptions) == reason


def test_credits() -> None:
    one = of_credits(feature("CREDIT_BASED"), 5 * MICRO, 5 * MICRO)
    assert (one.allowed, one.reason, one.available) == (True, "ok", 5 * MICRO)
    two = of_credits(feature("CREDIT_BASED"), 5 * MICRO, 5 * MICRO + 1)
    assert (two.allowed, two.reason, two.available) == (False, "insufficient_credits", 5 * MICRO)


@pytest.mark.parametrize(
    ("status", "allowed", "reason"),
    [
        ("active", True, "ok"),
        ("inactive", True, "ok"),
        ("blocked", False, "account_blocked"),
        ("closed", False, "account_closed"),
    ],
)
def test_the_accounts_status(status: str, allowed: bool, reason: str) -> None:
    found = stopped(of_limit(feature("HARD_LIMIT"), (3, "ok"), 1, 1), status)
    assert (found.allowed, found.reason, found.available) == (allowed, reason, 2)


def test_units() -> None:
    assert units_of(feature("HARD_LIMIT"), 3 * MICRO) == 3
    for amount in (1, MICRO - 1, 3 * MICRO + 1, 0, -MICRO):
        with pytest.raises(Invalid, match="whole number"):
            units_of(feature("HARD_LIMIT"), amount)
    for kind, said in (("BOOLEAN", "on or off"), ("CREDIT_BASED", "reversing its entry")):
        with pytest.raises(Invalid, match=said):
            units_of(feature(kind), MICRO)
