"""Credits move to another account lot by lot; what leaves one is what arrives in the other."""

import pytest

from tallystick.kernel.errors import Conflict, InsufficientCredits, Invalid

from .builders import ACME, GLOBEX, INITECH, Ledger, after


def test_each_lot_keeps_priority_expiry_source_and_its_share_of_the_price() -> None:
    ledger = Ledger()
    ledger.grant(10, priority=5, source="plan", lasts=60)
    ledger.grant(40, source="purchase", paid_minor=1000, currency="USD")
    ledger.transfer(30)
    plan, bought = ledger[GLOBEX].grants.values()
    assert (plan.amount, plan.priority, plan.source, plan.expires_at) == (10, 5, "plan", after(60))
    assert (plan.paid_minor, plan.currency) == (None, None)
    assert (bought.amount, bought.priority, bought.source, bought.expires_at) == (20, 50, "purchase", None)
    assert (bought.paid_minor, bought.currency) == (500, "USD")


def test_both_sides_say_who_the_other_is() -> None:
    ledger = Ledger()
    ledger.grant(10)
    ledger.grant(10)
    entry = ledger.transfer(15)
    left, right = ledger[GLOBEX].posted
    assert (entry.kind, entry.contra, entry.amount) == ("transfer", "transfer", -15)
    assert entry.detail == {"to": str(ledger[GLOBEX].head.uuid), "to_account": GLOBEX, "to_entries": [1, 2]}
    assert [leg.amount for leg in (left, right)] == [10, 5]
    assert {leg.contra for leg in (left, right)} == {"transfer"}
    assert left.detail is not None
    assert left.detail["from"] == str(ledger[ACME].head.uuid)
    assert left.detail["from_entry"] == entry.seq
    assert (left.op_key, right.op_key) == (None, None)


def test_the_prices_of_all_parts_sum_to_the_price_of_the_lot() -> None:
    ledger = Ledger()
    ledger.grant(3, paid_minor=100, currency="USD")
    for _ in range(3):
        ledger.transfer(1)
    prices = [lot.paid_minor for lot in ledger[GLOBEX].grants.values()]
    assert prices == [33, 34, 33]


def test_a_lot_that_was_partly_spent_takes_along_only_the_price_of_the_rest() -> None:
    ledger = Ledger()
    ledger.grant(10, paid_minor=100, currency="USD")
    ledger.debit(6)
    ledger.transfer(4)
    (lot,) = ledger[GLOBEX].grants.values()
    assert lot.paid_minor == 40


def test_borrowed_credits_are_not_given_away() -> None:
    ledger = Ledger()
    ledger.overdraft(50)
    ledger.grant(10)
    with pytest.raises(InsufficientCredits) as declined:
        ledger.transfer(11)
    assert (declined.value.needed, declined.value.available) == (11, 10)
    ledger.debit(20)
    with pytest.raises(InsufficientCredits) as declined:
        ledger.transfer(1)
    assert declined.value.available == 0
    assert ledger[GLOBEX].head.seq == 0


def test_nor_what_is_owed_though_there_are_free_credits() -> None:
    ledger = Ledger()
    ledger.overdraft(5)
    ledger.grant(10)
    hold = ledger.hold(10)
    ledger.debit(5)
    ledger.release(hold)
    with pytest.raises(InsufficientCredits) as declined:
        ledger.transfer(6)
    assert declined.value.available == 5
    ledger.transfer(5)
    assert ledger.balance() == (0, 0, 5)


def test_what_the_receiver_owes_is_repaid_first() -> None:
    ledger = Ledger()
    ledger.overdraft(20, account=GLOBEX)
    ledger.debit(12, account=GLOBEX)
    ledger.grant(8)
    ledger.grant(8)
    ledger.transfer(16)
    assert [entry.splits for entry in ledger[GLOBEX].posted[1:]] == [[[0, 8]], [[0, 4], [3, 4]]]
    assert ledger.balance(GLOBEX) == (4, 0, 0)


def test_a_lot_that_has_expired_is_not_moved_and_one_that_will_expires_there() -> None:
    ledger = Ledger()
    ledger.grant(10, lasts=10)
    ledger.grant(10, lasts=30)
    ledger.at(20)
    with pytest.raises(InsufficientCredits):
        ledger.transfer(11)
    ledger.transfer(10)
    assert ledger[GLOBEX].head.next_due_at == after(30)
    ledger.at(30)
    (entry,) = ledger.end_due(GLOBEX)
    assert (entry.kind, entry.amount) == ("expire", -10)


def test_what_is_due_on_both_sides_ends_first() -> None:
    ledger = Ledger()
    ledger.grant(10)
    ledger.grant(10, account=GLOBEX, lasts=10)
    ledger.at(20)
    ledger.transfer(5)
    assert [entry.kind for entry in ledger[GLOBEX].posted] == ["grant", "expire", "transfer"]
    assert ledger.balance(GLOBEX) == (5, 0, 0)


def test_both_sides_are_written_at_one_moment_even_when_one_is_ahead() -> None:
    ledger = Ledger()
    ledger.grant(10)
    ledger.at(100)
    ledger.grant(1, account=GLOBEX)
    ledger.at(50)
    entry = ledger.transfer(5)
    assert entry.effective_at == ledger[GLOBEX].posted[-1].effective_at == after(100)


def test_there_and_back_again_sums_to_zero() -> None:
    ledger = Ledger()
    ledger.grant(10)
    ledger.transfer(10)
    ledger.transfer(10, account=GLOBEX, to=INITECH)
    ledger.transfer(10, account=INITECH, to=ACME)
    assert [ledger.wallet(number).posted for number in (ACME, GLOBEX, INITECH)] == [10, 0, 0]


def test_an_account_gives_nothing_to_itself() -> None:
    ledger = Ledger()
    ledger.grant(10)
    with pytest.raises(Invalid, match="to"):
        ledger.transfer(5, to=ACME)
    assert ledger.balance() == (10, 0, 0)


def test_a_closed_account_receives_nothing() -> None:
    ledger = Ledger()
    ledger.grant(10)
    ledger[GLOBEX].head.status = "closed"
    with pytest.raises(Conflict) as refused:
        ledger.transfer(5)
    assert refused.value.code == "account_closed"
    assert ledger.balance() == (10, 0, 0)
