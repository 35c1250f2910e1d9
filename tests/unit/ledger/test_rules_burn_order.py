"""Which grants a debit burns: priority, then the earliest expiry (none last), then the oldest."""

import pytest

from tallystick.domain.ledger import commands as command
from tallystick.kernel.errors import InsufficientCredits, Invalid

from .builders import ACME, CALLS, CREDITS, Ledger, after, entry_of


def test_a_lower_priority_number_goes_first() -> None:
    ledger = Ledger()
    late = ledger.grant(10, priority=60)
    early = ledger.grant(10, priority=40)
    assert ledger.debit(15).splits == [[early, -10], [late, -5]]


def test_of_one_priority_the_earliest_expiry_goes_first_and_none_last() -> None:
    ledger = Ledger()
    forever = ledger.grant(10)
    summer = ledger.grant(10, lasts=200)
    spring = ledger.grant(10, lasts=100)
    assert ledger.debit(25).splits == [[spring, -10], [summer, -10], [forever, -5]]


def test_of_one_expiry_the_oldest_goes_first() -> None:
    ledger = Ledger()
    first = ledger.grant(10, lasts=100)
    second = ledger.grant(10, lasts=100)
    assert ledger.debit(11).splits == [[first, -10], [second, -1]]


def test_priority_comes_before_expiry() -> None:
    ledger = Ledger()
    soon = ledger.grant(10, lasts=1)
    preferred = ledger.grant(10, priority=1)
    assert ledger.debit(20).splits == [[preferred, -10], [soon, -10]]


def test_a_grant_of_another_credit_type_is_not_touched() -> None:
    ledger = Ledger()
    ledger.grant(10, credit_type=CALLS)
    with pytest.raises(InsufficientCredits) as declined:
        ledger.debit(1)
    assert (declined.value.needed, declined.value.available) == (1, 0)
    assert ledger[ACME].wallets.keys() == {CALLS}


def test_what_a_hold_pins_is_passed_over() -> None:
    ledger = Ledger()
    first = ledger.grant(10)
    second = ledger.grant(10)
    ledger.hold(8)
    assert ledger.debit(5).splits == [[first, -2], [second, -3]]


def test_more_than_is_there_is_declined_whole() -> None:
    ledger = Ledger()
    ledger.grant(10)
    with pytest.raises(InsufficientCredits):
        ledger.debit(11)
    assert ledger.balance() == (10, 0, 0)
    assert ledger.debit(10).posted_after == 0


def test_of_two_debits_that_do_not_fit_together_the_one_that_fits_is_done() -> None:
    ledger = Ledger()
    ledger.grant(100)
    with pytest.raises(InsufficientCredits):
        ledger.debit(150)
    assert ledger.debit(40).posted_after == 60


@pytest.mark.parametrize("amount", [0, -1, -(2**60)])
def test_an_amount_that_is_not_positive_is_refused_even_past_the_edge(amount: int) -> None:
    ledger = Ledger()
    grant = ledger.grant(10)
    hold = ledger.hold(5)
    for asked in (
        command.Grant(account=ACME, credit_type=CREDITS, amount=amount),
        command.Debit(account=ACME, credit_type=CREDITS, amount=amount),
        command.Debit(account=ACME, credit_type=CREDITS, operation="render", quantity=amount),
        command.Hold(account=ACME, credit_type=CREDITS, amount=amount, expires_in=5),
        command.Capture(account=ACME, hold=hold, amount=amount),
        command.Reverse(account=ACME, entry=grant, amount=amount),
        command.Refund(account=ACME, grant=grant, amount=amount),
        command.Transfer(account=ACME, to=2, credit_type=CREDITS, amount=amount),
        command.Adjust(account=ACME, credit_type=CREDITS, direction="debit", amount=amount, reason=""),
        command.Extend(account=ACME, hold=hold, amount=amount - 1),
        command.Report(account=ACME, hold=hold, amount=amount - 1),
        command.SetOverdraft(account=ACME, credit_type=CREDITS, overdraft=amount - 1),
    ):
        with pytest.raises(Invalid):
            ledger.do(asked)
    assert ledger.balance() == (10, 5, 0)


def test_a_grant_keeps_what_was_said_of_it() -> None:
    ledger = Ledger()
    number = ledger.grant(10, source="purchase", priority=7, lasts=60, paid_minor=500, currency="USD")
    lot = ledger.lot(number)
    assert (lot.amount, lot.remaining, lot.held, lot.priority) == (10, 10, 0, 7)
    assert (lot.source, lot.expires_at, lot.paid_minor, lot.currency) == ("purchase", after(60), 500, "USD")
    entry = ledger[ACME].posted[0]
    assert (entry.kind, entry.contra, entry.amount, entry.splits) == ("grant", "purchase", 10, [[number, 10]])


def test_a_grant_must_expire_in_the_future() -> None:
    ledger = Ledger()
    for lasts in (0, -1):
        with pytest.raises(Invalid):
            ledger.grant(10, lasts=lasts)
    assert ledger[ACME].head.seq == 0


@pytest.mark.parametrize(
    ("source", "contra"),
    [
        ("plan", "plan"),
        ("purchase", "purchase"),
        ("bonus", "promo"),
        ("promo", "promo"),
        ("adjustment", "adjustment"),
        ("refund", "refund"),
    ],
)
def test_each_source_has_its_contra_account(source: str, contra: str) -> None:
    ledger = Ledger()
    ledger.grant(1, source=source)
    assert ledger[ACME].posted[0].contra == contra


# The rate card ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("quantity", "cost"),
    [
        (1_000_000, 3),
        (2_000_000, 6),
        (500_000, 2),  # 1.5 goes to the even 2
        (1_500_000, 4),  # 4.5 goes to the even 4
        (166_667, 1),  # 0.500001 is more than half
        (333_333, 1),
    ],
)
def test_an_operation_costs_its_rate_times_the_quantity_rounded_half_to_even(
    quantity: int, cost: int
) -> None:
    ledger = Ledger()
    ledger.grant(10)
    asked = command.Debit(account=ACME, credit_type=None, operation="render", quantity=quantity)
    entry = entry_of(ledger.do(asked))
    assert (entry.amount, entry.quantity, entry.rate_version) == (-cost, quantity, 7)
    assert (entry.contra, entry.operation, entry.credit_type) == ("usage:render", "render", CREDITS)


@pytest.mark.parametrize("quantity", [1, 166_666])  # a sixth of a unit costs half a microcredit: even is 0
def test_an_operation_that_costs_nothing_is_refused(quantity: int) -> None:
    ledger = Ledger()
    ledger.grant(10)
    with pytest.raises(Invalid, match="quantity"):
        ledger.do(command.Debit(account=ACME, credit_type=None, operation="render", quantity=quantity))


@pytest.mark.parametrize("operation", ["unpriced", None])
def test_an_operation_that_is_not_on_the_card_is_refused(operation: str | None) -> None:
    ledger = Ledger()
    ledger.grant(10)
    with pytest.raises(Invalid, match="operation"):
        ledger.do(command.Debit(account=ACME, credit_type=None, operation=operation, quantity=10**6))


def test_a_credit_type_that_is_not_the_rates_is_refused() -> None:
    ledger = Ledger()
    ledger.grant(10)
    with pytest.raises(Invalid, match="credit_type"):
        ledger.do(command.Debit(account=ACME, credit_type=CALLS, operation="render", quantity=10**6))


def test_an_amount_with_an_operation_is_the_callers_own_price() -> None:
    ledger = Ledger()
    ledger.grant(10)
    entry = ledger.debit(7, operation="unpriced")
    assert (entry.amount, entry.contra, entry.rate_version) == (-7, "usage:unpriced", None)
