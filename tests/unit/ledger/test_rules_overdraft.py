"""Below zero: what is spent beyond grants is owed, up to the limit, and repaid first."""

import pytest

from tallystick.domain.ledger import commands as command
from tallystick.kernel.credits import MAX_AMOUNT, MAX_BALANCE
from tallystick.kernel.errors import Conflict, InsufficientCredits

from .builders import ACME, CREDITS, Ledger, entry_of


def test_what_is_spent_beyond_the_grants_is_owed() -> None:
    ledger = Ledger()
    ledger.overdraft(20)
    grant = ledger.grant(10)
    entry = ledger.debit(25)
    assert entry.splits == [[grant, -10], [0, -15]]
    assert (entry.posted_after, entry.available_after) == (-15, 5)
    assert ledger.balance() == (-15, 0, 15)


def test_never_below_the_limit() -> None:
    ledger = Ledger()
    ledger.overdraft(20)
    ledger.grant(10)
    with pytest.raises(InsufficientCredits) as declined:
        ledger.debit(31)
    assert (declined.value.needed, declined.value.available) == (31, 30)
    assert ledger.debit(30).available_after == 0


def test_credits_that_come_in_repay_what_is_owed_first() -> None:
    ledger = Ledger()
    ledger.overdraft(20)
    ledger.debit(15)
    grant = ledger.grant(40)
    assert ledger[ACME].posted[-1].splits == [[0, 15], [grant, 25]]
    assert (ledger.lot(grant).amount, ledger.lot(grant).remaining) == (40, 25)
    assert ledger.balance() == (25, 0, 0)


def test_a_grant_that_only_repays_is_closed_at_once() -> None:
    ledger = Ledger()
    ledger.overdraft(20)
    ledger.debit(15)
    grant = ledger.grant(5, lasts=10)
    assert ledger.lot(grant).closed
    assert ledger.balance() == (-10, 0, 10)
    ledger.wait(60)
    assert ledger.end_due() == []


def test_a_hold_may_set_the_overdraft_aside() -> None:
    ledger = Ledger()
    ledger.overdraft(20)
    grant = ledger.grant(10)
    hold = ledger.hold(25)
    assert ledger.held(hold).splits == [[grant, 10], [0, 15]]
    assert ledger.balance() == (10, 25, 0)
    entry = ledger.capture(hold, 18)
    assert entry.splits == [[grant, -10], [0, -8]]
    assert ledger.balance() == (-8, 7, 8)
    ledger.release(hold)
    assert ledger.balance() == (-8, 0, 8)


def test_a_hold_on_the_overdraft_burns_credits_that_came_meanwhile() -> None:
    ledger = Ledger()
    ledger.overdraft(20)
    hold = ledger.hold(15)
    grant = ledger.grant(10)
    assert ledger.capture(hold, 12).splits == [[grant, -10], [0, -2]]
    assert ledger.balance() == (-2, 3, 2)


def test_an_extended_hold_captures_its_grants_before_the_overdraft() -> None:
    ledger = Ledger()
    ledger.overdraft(20)
    hold = ledger.hold(15)
    grant = ledger.grant(10)
    ledger.extend(hold, 10)
    assert ledger.held(hold).splits == [[grant, 10], [0, 15]]
    assert ledger.capture(hold, 10).splits == [[grant, -10]]
    assert ledger.balance() == (0, 15, 0)


def test_an_extended_hold_captures_its_grants_in_burn_order() -> None:
    ledger = Ledger()
    late = ledger.grant(10)
    hold = ledger.hold(10)
    soon = ledger.grant(10, lasts=60)
    ledger.extend(hold, 5)
    assert ledger.held(hold).splits == [[soon, 5], [late, 10]]
    assert ledger.capture(hold, 6).splits == [[soon, -5], [late, -1]]


def test_debts_and_free_credits_may_stand_side_by_side() -> None:
    ledger = Ledger()
    ledger.overdraft(5)
    grant = ledger.grant(10)
    hold = ledger.hold(10)
    ledger.debit(5)
    ledger.release(hold)
    assert ledger.lot(grant).free == 10
    assert ledger.balance() == (5, 0, 5)
    assert ledger.wallet().available == 10


def test_the_limit_cannot_be_set_below_what_is_owed_though_free_credits_hide_it() -> None:
    """Otherwise the expiry of those credits would leave the wallet below its limit."""
    ledger = Ledger()
    ledger.overdraft(5)
    ledger.grant(10, lasts=60)
    hold = ledger.hold(10)
    ledger.debit(5)
    ledger.release(hold)
    with pytest.raises(Conflict) as refused:
        ledger.overdraft(4)
    assert (refused.value.code, refused.value.details) == ("overdraft_in_use", {"overdrawn": 5})
    ledger.overdraft(5)
    ledger.wait(60)
    ledger.end_due()
    assert ledger.balance() == (-5, 0, 5)


def test_the_limit_cannot_be_set_below_what_a_hold_has_of_it() -> None:
    ledger = Ledger()
    ledger.overdraft(20)
    hold = ledger.hold(15)
    ledger.grant(40, lasts=30)
    with pytest.raises(Conflict):
        ledger.overdraft(14)
    ledger.overdraft(15)
    ledger.release(hold)
    assert ledger.overdraft(0).facts == {
        "credit_type": CREDITS,
        "overdraft": 0,
        "posted": 40,
        "held": 0,
        "available": 40,
    }


def test_setting_the_limit_posts_nothing_and_keeps_its_answer() -> None:
    ledger = Ledger()
    answer = ledger.do(command.SetOverdraft(account=ACME, credit_type=CREDITS, overdraft=9), "limit-1")
    again = ledger.do(command.SetOverdraft(account=ACME, credit_type=CREDITS, overdraft=9), "limit-1")
    assert answer.entry is None
    assert (again.facts, again.replayed) == (answer.facts, True)
    assert [(kept.op_key, kept.keep) for kept in ledger[ACME].outcomes] == [("c:limit-1", None)]


# Adjust -------------------------------------------------------------------------------------------------


def test_an_adjustment_up_is_a_grant_and_repays_first() -> None:
    ledger = Ledger()
    ledger.overdraft(20)
    ledger.debit(15)
    entry = ledger.adjust("credit", 20)
    assert (entry.kind, entry.contra, entry.description) == ("adjust", "adjustment", "by hand")
    assert entry.splits == [[0, 15], [entry.seq, 5]]
    assert ledger.lot(entry.seq).source == "adjustment"


def test_an_adjustment_down_burns_in_order_and_obeys_the_limit() -> None:
    ledger = Ledger()
    ledger.overdraft(5)
    grant = ledger.grant(10)
    with pytest.raises(InsufficientCredits):
        ledger.adjust("debit", 16)
    entry = ledger.adjust("debit", 12)
    assert (entry.kind, entry.contra, entry.splits) == ("adjust", "adjustment", [[grant, -10], [0, -2]])


# The largest balance ------------------------------------------------------------------------------------


def test_a_wallet_holds_no_more_than_the_largest_balance() -> None:
    ledger = Ledger()
    for _ in range(MAX_BALANCE // MAX_AMOUNT):
        ledger.grant(MAX_AMOUNT)
    ledger.grant(MAX_BALANCE - ledger.wallet().posted)
    spent = ledger.debit(1)
    ledger.grant(1)
    for asked in (
        command.Grant(account=ACME, credit_type=CREDITS, amount=1),
        command.Adjust(account=ACME, credit_type=CREDITS, direction="credit", amount=1, reason="more"),
        command.Reverse(account=ACME, entry=spent.seq),
    ):
        with pytest.raises(Conflict) as refused:
            ledger.do(asked)
        assert refused.value.code == "balance_too_large"
    assert ledger.wallet().posted == MAX_BALANCE


def test_a_transfer_into_a_full_wallet_is_refused_without_a_trace() -> None:
    ledger = Ledger()
    for _ in range(MAX_BALANCE // MAX_AMOUNT):
        ledger.grant(MAX_AMOUNT, account=2)
    ledger.grant(MAX_AMOUNT)
    with pytest.raises(Conflict):
        ledger.transfer(MAX_AMOUNT)
    assert ledger.balance() == (MAX_AMOUNT, 0, 0)
    room = MAX_BALANCE - ledger.wallet(2).posted
    assert (
        entry_of(ledger.do(command.Transfer(account=ACME, to=2, credit_type=CREDITS, amount=room))).amount
        == -room
    )
