"""What falls due ends first, in order of its time, however late anybody looks."""

import pytest

from tallystick.domain.ledger.rules import end_due
from tallystick.kernel.errors import Conflict, InsufficientCredits

from .builders import ACME, CREDITS, GLOBEX, Ledger, after
from .checks import check_books


def test_a_grant_expires_at_its_time_though_swept_later() -> None:
    ledger = Ledger()
    grant = ledger.grant(100, lasts=10)
    ledger.debit(30)
    ledger.at(1000)
    (entry,) = ledger.end_due()
    assert (entry.kind, entry.contra, entry.splits) == ("expire", "expired", [[grant, -70]])
    assert (entry.effective_at, entry.actor, entry.op_key) == (after(10), "system", None)
    assert ledger.balance() == (0, 0, 0)


def test_a_grant_is_there_until_the_moment_it_expires() -> None:
    ledger = Ledger()
    ledger.grant(100, lasts=10)
    ledger.at(9.999999)
    ledger.debit(1)
    ledger.at(10)
    with pytest.raises(InsufficientCredits) as declined:
        ledger.debit(1)
    assert declined.value.available == 0


def test_a_refused_command_still_ends_what_was_due() -> None:
    ledger = Ledger()
    ledger.grant(100, lasts=10)
    ledger.at(10)
    with pytest.raises(InsufficientCredits):
        ledger.debit(1)
    assert [entry.kind for entry in ledger[ACME].posted] == ["grant", "expire"]


def test_due_things_end_in_the_order_of_their_times() -> None:
    ledger = Ledger()
    third = ledger.grant(10, lasts=30)
    first = ledger.grant(10, lasts=10)
    second = ledger.grant(10, lasts=20)
    ledger.at(100)
    ended = ledger.end_due()
    assert [entry.splits[0][0] for entry in ended] == [first, second, third]
    assert [entry.effective_at for entry in ended] == [after(10), after(20), after(30)]


def test_of_two_that_end_together_the_older_is_first() -> None:
    ledger = Ledger()
    older, newer = ledger.grant(10, lasts=10), ledger.grant(10, lasts=10)
    ledger.at(10)
    assert [entry.splits[0][0] for entry in ledger.end_due()] == [older, newer]


def test_what_an_ending_hold_frees_expires_with_its_grant_later_in_the_same_sweep() -> None:
    ledger = Ledger()
    grant = ledger.grant(10, lasts=20)
    hold = ledger.hold(10, lasts=10)
    ledger.at(100)
    (entry,) = ledger.end_due()
    assert (entry.splits, entry.effective_at) == ([[grant, -10]], after(20))
    assert ledger.held(hold).ended_at == after(10)


def test_a_grant_that_expires_before_its_hold_ends_with_the_hold() -> None:
    ledger = Ledger()
    grant = ledger.grant(10, lasts=10)
    ledger.hold(6, lasts=20)
    ledger.at(100)
    free, pinned = ledger.end_due()
    assert (free.splits, free.effective_at) == ([[grant, -4]], after(10))
    assert (pinned.splits, pinned.effective_at) == ([[grant, -6]], after(20))


def test_a_hold_and_its_grant_that_end_together_leave_nothing() -> None:
    ledger = Ledger()
    ledger.grant(10, lasts=10)
    ledger.hold(6, lasts=10)
    ledger.at(10)
    ended = ledger.end_due()
    assert [entry.amount for entry in ended] == [-6, -4]
    assert ledger.balance() == (0, 0, 0)
    assert ledger[ACME].head.next_due_at is None


def test_a_hold_that_expires_is_released() -> None:
    ledger = Ledger()
    ledger.grant(10)
    hold = ledger.hold(6, lasts=10)
    ledger.report(hold, 4)
    ledger.at(10)
    assert ledger.end_due() == []
    held = ledger.held(hold)
    assert (held.state, held.captured, held.released, held.ended_at) == ("expired", 0, 6, after(10))


def test_or_captures_what_was_reported_if_it_was_opened_so() -> None:
    ledger = Ledger()
    grant = ledger.grant(10)
    hold = ledger.hold(6, lasts=10, on_expiry="capture_reported")
    ledger.capture(hold, 1)
    ledger.report(hold, 2)
    ledger.report(hold, 4)
    ledger.at(100)
    (entry,) = ledger.end_due()
    assert (entry.kind, entry.hold, entry.splits) == ("capture", hold, [[grant, -3]])
    assert (entry.effective_at, entry.actor) == (after(10), "system")
    held = ledger.held(hold)
    assert (held.state, held.captured, held.released) == ("expired", 4, 2)
    assert ledger.balance() == (6, 0, 0)


@pytest.mark.parametrize("reported", [0, 2])
def test_nothing_is_captured_on_expiry_when_no_more_was_reported_than_captured(reported: int) -> None:
    ledger = Ledger()
    ledger.grant(10)
    hold = ledger.hold(6, lasts=10, on_expiry="capture_reported")
    ledger.report(hold, reported)
    ledger.capture(hold, 2)
    ledger.at(100)
    assert ledger.end_due() == []
    assert (ledger.held(hold).captured, ledger.held(hold).released) == (2, 4)


def test_a_capture_on_expiry_takes_from_a_grant_that_expired_before() -> None:
    ledger = Ledger()
    grant = ledger.grant(10, lasts=5)
    hold = ledger.hold(10, lasts=10, on_expiry="capture_reported")
    ledger.report(hold, 7)
    ledger.at(100)
    captured, expired = ledger.end_due()
    assert (captured.kind, captured.splits) == ("capture", [[grant, -7]])
    assert (expired.kind, expired.splits) == ("expire", [[grant, -3]])
    assert captured.effective_at == expired.effective_at == after(10)


def test_an_expiry_of_credits_never_breaks_the_limit() -> None:
    ledger = Ledger()
    ledger.overdraft(10)
    ledger.grant(20, lasts=10)
    ledger.hold(30, lasts=50)
    ledger.at(10)
    assert ledger.end_due() == []
    assert ledger.balance() == (20, 30, 0)
    ledger.at(50)
    ledger.end_due()
    assert ledger.balance() == (0, 0, 0)


# When to look next --------------------------------------------------------------------------------------


def test_the_next_due_moment_is_the_first_of_all() -> None:
    ledger = Ledger()
    assert ledger[ACME].head.next_due_at is None
    ledger.grant(10, lasts=100)
    assert ledger[ACME].head.next_due_at == after(100)
    ledger.hold(1, lasts=50)
    assert ledger[ACME].head.next_due_at == after(50)
    ledger.at(50)
    ledger.end_due()
    assert ledger[ACME].head.next_due_at == after(100)


def test_it_may_be_early_when_what_was_due_has_gone() -> None:
    ledger = Ledger()
    ledger.grant(10)
    ledger.release(ledger.hold(1, lasts=50))
    assert ledger[ACME].head.next_due_at == after(50)
    ledger.at(50)
    assert ledger.end_due() == []
    assert ledger[ACME].head.next_due_at is None


def test_a_spent_grant_that_is_open_again_falls_due_again() -> None:
    ledger = Ledger()
    ledger.grant(10, lasts=100)
    spent = ledger.debit(10)
    ledger.grant(1, credit_type="api_calls", lasts=50)
    ledger.at(60)
    ledger.end_due()
    assert ledger[ACME].head.next_due_at is None
    ledger.reverse(spent.seq)
    assert ledger[ACME].head.next_due_at == after(100)
    ledger.at(100)
    assert [entry.amount for entry in ledger.end_due()] == [-10]


def test_an_extended_hold_is_due_at_its_new_time() -> None:
    ledger = Ledger()
    ledger.grant(10)
    hold = ledger.hold(5, lasts=10)
    ledger.extend(hold, lasts=90)
    ledger.at(10)
    assert ledger.end_due() == []
    assert ledger.held(hold).state == "active"
    assert ledger[ACME].head.next_due_at == after(90)


# Time ---------------------------------------------------------------------------------------------------


def test_time_does_not_run_backwards_within_an_account() -> None:
    ledger = Ledger()
    ledger.at(100)
    ledger.grant(10)
    ledger.at(40)
    assert ledger.debit(1).effective_at == after(100)
    assert ledger.held(ledger.hold(1, lasts=60)).expires_at == after(160)
    assert end_due(ledger[ACME], after(0)) == after(100)


def test_what_expired_stays_expired_when_the_clock_goes_back() -> None:
    ledger = Ledger()
    ledger.grant(10)
    hold = ledger.hold(5, lasts=50)
    ledger.at(50)
    ledger.end_due()
    ledger.at(20)
    with pytest.raises(Conflict):
        ledger.capture(hold, 1)
    assert ledger.debit(1).effective_at == after(50)


def test_what_becomes_free_again_when_the_clock_has_gone_back_still_expires() -> None:
    ledger = Ledger()
    grant = ledger.grant(30, lasts=9)
    spent = ledger.debit(10)
    hold = ledger.hold(20, lasts=40)
    ledger.at(9)
    assert ledger.end_due() == []
    assert ledger[ACME].head.next_due_at == after(40)
    ledger.at(7)
    ledger.reverse(spent.seq, 4)
    assert ledger[ACME].head.next_due_at == after(9)
    ledger.at(9)
    assert [entry.amount for entry in ledger.end_due()] == [-4]
    ledger.at(8)
    assert ledger.release(hold).facts["posted"] == 0  # by the account's own time it has expired
    assert ledger.lot(grant).remaining == 0


def test_a_hold_that_is_released_when_the_clock_has_gone_back() -> None:
    """The shortest history that a long search once found, and the rest of it that mattered."""
    ledger = Ledger()
    grant = ledger.grant(30, lasts=9)
    hold = ledger.hold(20, lasts=40)
    ledger.overdraft(0)
    ledger.debit(1)
    ledger.debit(1)
    ledger.capture(hold, 1)
    for source in ("plan", "promo", "plan"):
        ledger.grant(1, source=source, priority=10)
    ledger.at(-1)
    ledger.grant(1, source="plan", priority=10)
    with pytest.raises(InsufficientCredits):
        ledger.hold(156, lasts=1)
    ledger.report(hold, 1)
    ledger.at(-21)
    ledger.extend(hold, 12)
    with pytest.raises(InsufficientCredits):
        ledger.debit(1)
    assert ledger.lot(grant).free == 0
    ledger.at(9)
    with pytest.raises(InsufficientCredits):
        ledger.refund(grant, 1)
    assert ledger[ACME].head.next_due_at == after(40)
    ledger.at(8)
    ledger.release(hold)
    check_books(ledger.books, ledger.now)
    assert ledger[ACME].head.next_due_at == after(9)
    ledger.at(9)
    assert [entry.splits[0][0] for entry in ledger.end_due()] == [grant]


def test_a_blocked_account_spends_nothing() -> None:
    ledger = Ledger()
    grant = ledger.grant(10)
    hold = ledger.hold(5, lasts=20)
    ledger[ACME].head.status = "blocked"
    for attempt in (
        lambda: ledger.debit(1),
        lambda: ledger.hold(1),
        lambda: ledger.extend(hold, 1),
        lambda: ledger.transfer(1),
    ):
        with pytest.raises(Conflict) as refused:
            attempt()
        assert refused.value.code == "account_blocked"
    ledger.grant(1)
    ledger.capture(hold, 1)
    ledger.release(hold)
    ledger.adjust("debit", 1)
    ledger.reverse(grant, 1)
    ledger.grant(3, account=GLOBEX)
    ledger.transfer(3, account=GLOBEX, to=ACME)
    assert ledger.balance() == (11, 0, 0)
    ledger[ACME].head.status = "inactive"
    ledger.debit(1)


def test_a_closed_account_refuses_all_but_the_end_of_what_is_due() -> None:
    ledger = Ledger()
    ledger.grant(10, lasts=50)
    hold = ledger.hold(5, lasts=20)
    ledger[ACME].head.status = "closed"
    for attempt in (lambda: ledger.grant(1), lambda: ledger.debit(1), lambda: ledger.capture(hold, 1)):
        with pytest.raises(Conflict) as refused:
            attempt()
        assert refused.value.code == "account_closed"
    ledger.at(60)
    assert [entry.amount for entry in ledger.end_due()] == [-10]
    assert ledger.held(hold).state == "expired"


def test_each_account_ends_its_own() -> None:
    ledger = Ledger()
    ledger.grant(10, lasts=5)
    ledger.grant(10, account=GLOBEX, lasts=5)
    ledger.at(10)
    ledger.end_due(GLOBEX)
    assert ledger.balance() == (10, 0, 0)
    assert ledger.balance(GLOBEX) == (0, 0, 0)
    assert ledger.wallet(GLOBEX, CREDITS).updated_at == after(5)
