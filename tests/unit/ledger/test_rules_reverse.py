"""Undoing: a debit or capture goes back where it came from, a grant is taken back as far as it is unspent."""

import pytest

from tallystick.domain.ledger import commands as command
from tallystick.kernel.errors import Conflict, InsufficientCredits, NotFound

from .builders import ACME, CREDITS, Ledger, after


def test_a_debit_goes_back_to_the_grants_it_burned() -> None:
    ledger = Ledger()
    first, second = ledger.grant(10), ledger.grant(10)
    debit = ledger.debit(15, operation="clustering")
    entry = ledger.reverse(debit.seq)
    assert (entry.kind, entry.amount, entry.contra) == ("reverse", 15, "usage:clustering")
    assert (entry.reverses, entry.operation, entry.description) == (debit.seq, "clustering", "oops")
    assert entry.splits == [[second, 5], [first, 10]]
    assert ledger.lot(first).remaining == ledger.lot(second).remaining == 10
    assert not ledger.lot(first).closed
    assert ledger.debit(1).splits == [[first, -1]]


def test_in_parts_the_last_burned_goes_back_first() -> None:
    ledger = Ledger()
    first, second = ledger.grant(10), ledger.grant(10)
    debit = ledger.debit(15)
    assert ledger.reverse(debit.seq, 3).splits == [[second, 3]]
    assert ledger.reverse(debit.seq, 4).splits == [[second, 2], [first, 2]]
    assert ledger.reverse(debit.seq).splits == [[first, 8]]
    with pytest.raises(Conflict) as refused:
        ledger.reverse(debit.seq)
    assert (refused.value.code, refused.value.details) == ("already_reversed", {"reversible": 0})


def test_never_more_than_is_left_to_undo() -> None:
    ledger = Ledger()
    ledger.grant(10)
    debit = ledger.debit(8)
    ledger.reverse(debit.seq, 5)
    with pytest.raises(Conflict) as refused:
        ledger.reverse(debit.seq, 4)
    assert (refused.value.code, refused.value.details) == ("exceeds_entry", {"reversible": 3})
    assert ledger.balance() == (7, 0, 0)


def test_a_capture_is_undone_like_a_debit_and_its_hold_stays_as_it_is() -> None:
    ledger = Ledger()
    grant = ledger.grant(10)
    hold = ledger.hold(8)
    capture = ledger.capture(hold, 5)
    assert ledger.reverse(capture.seq, 2).splits == [[grant, 2]]
    held = ledger.held(hold)
    assert (held.captured, held.state, ledger.balance()) == (5, "active", (7, 3, 0))


def test_what_is_owed_is_repaid_before_a_grant_gets_anything_back() -> None:
    ledger = Ledger()
    ledger.overdraft(20)
    grant = ledger.grant(10)
    first = ledger.debit(10)
    ledger.debit(6)
    assert ledger.reverse(first.seq).splits == [[0, 6], [grant, 4]]
    assert ledger.balance() == (4, 0, 0)


def test_what_was_overdrawn_and_is_still_owed_is_not_owed_any_more() -> None:
    ledger = Ledger()
    ledger.overdraft(20)
    grant = ledger.grant(10)
    debit = ledger.debit(25)
    assert ledger.reverse(debit.seq, 5).splits == [[0, 5]]
    assert ledger.reverse(debit.seq).splits == [[0, 10], [grant, 10]]
    assert ledger.balance() == (10, 0, 0)


def test_what_was_overdrawn_and_has_been_repaid_comes_back_as_a_grant() -> None:
    ledger = Ledger()
    ledger.overdraft(20)
    ledger.grant(10)
    debit = ledger.debit(25)
    ledger.grant(15)
    entry = ledger.reverse(debit.seq)
    assert entry.splits == [[entry.seq, 15], [1, 10]]
    lot = ledger.lot(entry.seq)
    assert (lot.source, lot.amount, lot.remaining, lot.expires_at) == ("refund", 15, 15, None)
    assert ledger.balance() == (25, 0, 0)


def test_in_steps_with_an_overdraft_repaid_in_between() -> None:
    ledger = Ledger()
    ledger.overdraft(20)
    grant = ledger.grant(10)
    debit = ledger.debit(25)  # 10 of the grant, 15 owed
    assert ledger.reverse(debit.seq, 4).splits == [[0, 4]]
    ledger.grant(6)  # 11 were owed, now 5
    entry = ledger.reverse(debit.seq, 8)
    assert entry.splits == [[0, 5], [entry.seq, 3]]
    last = ledger.reverse(debit.seq)
    assert last.splits == [[last.seq, 3], [grant, 10]]
    assert ledger.balance() == (16, 0, 0)
    assert sum(lot.remaining for lot in ledger[ACME].grants.values()) == 16


def test_what_goes_back_to_an_expired_grant_expires_at_once() -> None:
    ledger = Ledger()
    gone, stays = ledger.grant(10, lasts=60), ledger.grant(10)
    debit = ledger.debit(15)
    ledger.at(90)
    entry = ledger.reverse(debit.seq)
    assert entry.splits == [[stays, 5], [gone, 10]]
    expired = ledger[ACME].posted[-1]
    assert (expired.kind, expired.splits, expired.effective_at) == ("expire", [[gone, -10]], after(90))
    assert ledger.lot(gone).closed
    assert ledger.balance() == (10, 0, 0)


# A grant ------------------------------------------------------------------------------------------------


def test_a_grant_is_taken_back_whole_or_in_part() -> None:
    ledger = Ledger()
    grant = ledger.grant(10, source="purchase")
    entry = ledger.reverse(grant, 4)
    assert (entry.amount, entry.contra, entry.splits) == (-4, "purchase", [[grant, -4]])
    ledger.reverse(grant)
    assert ledger.lot(grant).closed
    assert ledger.balance() == (0, 0, 0)


def test_only_its_unspent_part_is_taken_back() -> None:
    ledger = Ledger()
    grant = ledger.grant(10)
    ledger.grant(90)
    ledger.debit(3)
    with pytest.raises(Conflict) as refused:
        ledger.reverse(grant)
    assert (refused.value.code, refused.value.details) == ("grant_spent", {"reversible": 7})
    ledger.reverse(grant, 7)
    assert ledger.balance() == (90, 0, 0)


def test_what_a_hold_pins_of_a_grant_is_not_taken_back() -> None:
    ledger = Ledger()
    grant = ledger.grant(10)
    ledger.hold(4)
    with pytest.raises(Conflict):
        ledger.reverse(grant, 7)
    ledger.reverse(grant, 6)
    assert ledger.balance() == (4, 4, 0)


def test_a_grant_is_not_taken_back_below_the_limit() -> None:
    ledger = Ledger()
    ledger.overdraft(5)
    grant = ledger.grant(10)
    hold = ledger.hold(10)
    ledger.debit(5)
    ledger.release(hold)
    ledger.overdraft(5)
    ledger.reverse(grant)
    assert ledger.balance() == (-5, 0, 5)


@pytest.mark.parametrize("kind", ["expire", "reverse", "refund", "transfer", "adjust"])
def test_other_kinds_are_not_reversible(kind: str) -> None:
    ledger = Ledger()
    grant = ledger.grant(10, lasts=60)
    ledger.grant(50)
    match kind:
        case "expire":
            ledger.at(60)
            seq = ledger.end_due()[0].seq
        case "reverse":
            seq = ledger.reverse(ledger.debit(1).seq).seq
        case "refund":
            seq = ledger.refund(grant, 5).seq
        case "transfer":
            seq = ledger.transfer(5).seq
        case _:
            seq = ledger.adjust("debit", 5).seq
    with pytest.raises(Conflict) as refused:
        ledger.reverse(seq)
    assert refused.value.code == "not_reversible"


def test_an_entry_that_is_not_there_is_not_found() -> None:
    ledger = Ledger()
    with pytest.raises(NotFound):
        ledger.reverse(1)


# Refund -------------------------------------------------------------------------------------------------


def test_a_refund_takes_the_grants_own_credits_first_then_others_in_burn_order() -> None:
    ledger = Ledger()
    plan = ledger.grant(20, priority=10)
    bought = ledger.grant(30, source="purchase", paid_minor=300, currency="USD")
    ledger.do(command.Debit(account=ACME, credit_type=CREDITS, amount=35))  # 20 of the plan, 15 of the bought
    other = ledger.grant(10)
    entry = ledger.refund(bought, 20)
    assert (entry.kind, entry.contra, entry.description) == ("refund", "refund", "returned")
    assert entry.splits == [[bought, -15], [other, -5]]
    assert ledger.lot(plan).remaining == 0


def test_a_refund_leaves_what_holds_pin() -> None:
    ledger = Ledger()
    bought = ledger.grant(30)
    ledger.hold(20)
    other = ledger.grant(10)
    assert ledger.refund(bought, 15).splits == [[bought, -10], [other, -5]]


def test_a_refund_is_not_paid_from_the_overdraft() -> None:
    ledger = Ledger()
    ledger.overdraft(50)
    bought = ledger.grant(30)
    ledger.debit(25)
    with pytest.raises(InsufficientCredits) as declined:
        ledger.refund(bought, 6)
    assert (declined.value.needed, declined.value.available) == (6, 5)
    ledger.debit(20)
    with pytest.raises(InsufficientCredits) as declined:
        ledger.refund(bought, 1)
    assert declined.value.available == 0


def test_a_refund_is_of_no_more_than_the_grant() -> None:
    ledger = Ledger()
    bought = ledger.grant(30)
    ledger.grant(30)
    with pytest.raises(Conflict) as refused:
        ledger.refund(bought, 31)
    assert (refused.value.code, refused.value.details) == ("exceeds_grant", {"refundable": 30})


def test_refunds_together_are_of_no_more_than_the_grant() -> None:
    ledger = Ledger()
    bought = ledger.grant(30)
    ledger.grant(100)
    ledger.refund(bought, 20)
    with pytest.raises(Conflict) as fact:
        ledger.refund(bought, 11)
    assert (fact.value.code, fact.value.details) == ("exceeds_grant", {"refundable": 10})
    ledger.refund(bought, 10)


def test_a_refund_of_a_grant_that_is_not_there_is_not_found() -> None:
    ledger = Ledger()
    with pytest.raises(NotFound):
        ledger.refund(1, 1)
