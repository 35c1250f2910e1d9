"""The life of a hold: opened, extended, captured in parts, reported, released."""

from typing import Any

import pytest

from tallystick.domain.ledger import commands as command
from tallystick.kernel.errors import Conflict, InsufficientCredits, Invalid, NotFound

from .builders import ACME, CREDITS, Ledger, after, entry_of


def test_a_hold_sets_credits_aside_and_posts_nothing() -> None:
    ledger = Ledger()
    grant = ledger.grant(100)
    hold = ledger.hold(30)
    assert ledger.held(hold).splits == [[grant, 30]]
    assert ledger.balance() == (100, 30, 0)
    assert ledger.wallet().available == 70
    assert ledger[ACME].head.seq == grant


def test_a_hold_says_all_about_itself_in_its_answer() -> None:
    ledger = Ledger()
    ledger.grant(100)
    answer = ledger.do(command.Hold(account=ACME, credit_type=CREDITS, amount=30, expires_in=60))
    assert answer.entry is None
    assert answer.facts == {
        "hold": 1,
        "credit_type": CREDITS,
        "amount": 30,
        "captured": 0,
        "released": 0,
        "reported": 0,
        "state": "active",
        "expires_at": "2026-03-01T09:01:00Z",
        "on_expiry": "release",
        "created_at": "2026-03-01T09:00:00Z",
        "posted": 100,
        "held": 30,
        "available": 70,
    }


def test_more_than_is_available_cannot_be_held() -> None:
    ledger = Ledger()
    ledger.grant(100)
    ledger.hold(80)
    with pytest.raises(InsufficientCredits) as declined:
        ledger.hold(21)
    assert (declined.value.needed, declined.value.available) == (21, 20)
    assert ledger[ACME].head.hold_seq == 1


@pytest.mark.parametrize("extend", [False, True])
def test_a_time_beyond_the_calendar_is_refused_without_a_trace(extend: bool) -> None:
    ledger = Ledger()
    ledger.grant(100)
    hold = ledger.hold(10, lasts=60)
    before = ledger[ACME].copy()
    attempt: Any = (
        (lambda: ledger.extend(hold, 5, lasts=10**12)) if extend else lambda: ledger.hold(5, lasts=10**12)
    )
    with pytest.raises(Invalid, match="expires_in"):
        attempt()
    assert ledger[ACME] == before


def test_captures_in_parts_and_the_rest_released() -> None:
    ledger = Ledger()
    first, second = ledger.grant(20), ledger.grant(80)
    hold = ledger.hold(50)
    one = ledger.capture(hold, 15)
    two = ledger.capture(hold, 10)
    assert (one.kind, one.contra, one.hold, one.splits) == ("capture", "usage", hold, [[first, -15]])
    assert two.splits == [[first, -5], [second, -5]]
    assert (two.posted_after, two.held_after) == (75, 25)
    facts = ledger.release(hold).facts
    assert (facts["captured"], facts["released"], facts["state"]) == (25, 25, "released")
    assert ledger.balance() == (75, 0, 0)


def test_a_final_capture_releases_the_rest() -> None:
    ledger = Ledger()
    ledger.grant(100)
    hold = ledger.hold(50)
    entry = ledger.capture(hold, 20, final=True)
    assert entry.detail is not None
    assert {key: entry.detail[key] for key in ("captured", "released", "state", "held", "overage")} == {
        "captured": 20,
        "released": 30,
        "state": "captured",
        "held": 0,
        "overage": None,
    }
    assert ledger.balance() == (80, 0, 0)


def test_a_capture_of_all_ends_the_hold() -> None:
    ledger = Ledger()
    ledger.grant(100)
    hold = ledger.hold(50)
    ledger.capture(hold, 50)
    assert ledger.held(hold).state == "captured"


def test_a_capture_above_the_hold_is_refused_unless_asked_for() -> None:
    ledger = Ledger()
    ledger.grant(100)
    hold = ledger.hold(50)
    ledger.capture(hold, 10)
    with pytest.raises(Conflict) as refused:
        ledger.capture(hold, 41)
    assert (refused.value.code, refused.value.details) == ("exceeds_hold", {"remaining": 40})
    assert ledger.balance() == (90, 40, 0)


def test_a_capture_above_the_hold_debits_the_excess_by_an_entry_of_its_own() -> None:
    ledger = Ledger()
    grant = ledger.grant(100)
    hold = ledger.hold(50)
    entry = ledger.capture(hold, 70, overage="debit")
    overage = ledger[ACME].posted[-1]
    assert entry.detail is not None
    assert entry.detail["overage"] == {"entry": overage.seq, "amount": 20}
    assert (entry.amount, overage.amount, overage.kind, overage.hold) == (-50, -20, "debit", hold)
    assert overage.op_key is None
    assert overage.splits == [[grant, -20]]
    assert ledger.held(hold).state == "captured"
    assert ledger.balance() == (30, 0, 0)


def test_an_excess_that_nothing_covers_declines_the_whole_capture() -> None:
    ledger = Ledger()
    ledger.grant(60)
    hold = ledger.hold(50)
    before = ledger[ACME].copy()
    with pytest.raises(InsufficientCredits) as declined:
        ledger.capture(hold, 61, overage="debit")
    assert (declined.value.needed, declined.value.available) == (11, 10)
    assert ledger[ACME] == before


def test_a_hold_is_extended_by_credits_and_by_time() -> None:
    ledger = Ledger()
    ledger.grant(100)
    hold = ledger.hold(10, lasts=60)
    ledger.wait(30)
    facts = ledger.extend(hold, 5, lasts=60).facts
    assert (facts["amount"], facts["held"], facts["expires_at"]) == (15, 15, "2026-03-01T09:01:30Z")
    assert ledger.held(hold).splits == [[1, 15]]


def test_an_extension_never_shortens() -> None:
    ledger = Ledger()
    ledger.grant(100)
    hold = ledger.hold(10, lasts=60)
    ledger.extend(hold, lasts=5)
    assert ledger.held(hold).expires_at == after(60)


def test_an_extension_must_be_covered() -> None:
    ledger = Ledger()
    ledger.grant(10)
    hold = ledger.hold(10, lasts=60)
    with pytest.raises(InsufficientCredits):
        ledger.extend(hold, 1, lasts=600)
    assert ledger.held(hold).expires_at == after(60)


def test_a_report_notes_and_moves_nothing() -> None:
    ledger = Ledger()
    ledger.grant(100)
    hold = ledger.hold(10)
    assert ledger.report(hold, 7).facts["reported"] == 7
    assert ledger.balance() == (100, 10, 0)
    with pytest.raises(Conflict):
        ledger.report(hold, 11)


@pytest.mark.parametrize("end", ["captured", "released", "expired"])
def test_an_ended_hold_takes_no_further_command(end: str) -> None:
    ledger = Ledger()
    ledger.grant(100)
    hold = ledger.hold(10, lasts=60)
    if end == "captured":
        ledger.capture(hold, 1, final=True)
    elif end == "released":
        ledger.release(hold)
    else:
        ledger.wait(60)
    attempts: list[Any] = [
        lambda: ledger.capture(hold, 1),
        lambda: ledger.extend(hold, 1),
        lambda: ledger.report(hold, 1),
        lambda: ledger.release(hold),
    ]
    for attempt in attempts:
        with pytest.raises(Conflict) as refused:
            attempt()
        assert refused.value.code == ("hold_expired" if end == "expired" else "hold_ended")
        assert refused.value.details == {"state": end}


def test_a_hold_that_is_not_there_is_not_found() -> None:
    ledger = Ledger()
    with pytest.raises(NotFound):
        ledger.capture(1, 1)


def test_pinned_credits_outlive_their_grant_so_that_a_capture_cannot_fail() -> None:
    ledger = Ledger()
    grant = ledger.grant(100, lasts=10)
    hold = ledger.hold(30, lasts=60)
    ledger.at(20)
    entry = ledger.capture(hold, 20)
    assert entry.splits == [[grant, -20]]
    assert ledger[ACME].posted[-2].kind == "expire"
    assert ledger[ACME].posted[-2].amount == -70
    assert ledger.balance() == (10, 10, 0)


def test_what_is_released_into_an_expired_grant_expires_at_once() -> None:
    ledger = Ledger()
    grant = ledger.grant(30, lasts=10)
    hold = ledger.hold(30, lasts=60)
    ledger.at(20)
    ledger.release(hold)
    last = ledger[ACME].posted[-1]
    assert (last.kind, last.contra, last.splits, last.effective_at) == (
        "expire",
        "expired",
        [[grant, -30]],
        after(20),
    )
    assert ledger.lot(grant).closed
    assert ledger.balance() == (0, 0, 0)


def test_pinned_credits_of_an_expired_grant_are_for_their_hold_alone() -> None:
    ledger = Ledger()
    ledger.grant(30, lasts=10)
    ledger.hold(30, lasts=60)
    ledger.at(20)
    with pytest.raises(InsufficientCredits):
        ledger.debit(1)


def test_a_capture_at_the_very_end_of_a_hold_is_refused_swept_or_not() -> None:
    ledger = Ledger()
    ledger.grant(30)
    hold = ledger.hold(30, lasts=60)
    ledger.at(59.999999)
    ledger.capture(hold, 1)
    ledger.at(60)
    with pytest.raises(Conflict) as refused:
        ledger.capture(hold, 1)
    assert refused.value.code == "hold_expired"
    assert ledger.held(hold).ended_at == after(60)


def test_labels_of_a_hold_stand_on_its_captures() -> None:
    ledger = Ledger()
    ledger.grant(30)
    labels = command.Labels(reference="job-7", description="a video", metadata={"frames": 3})
    hold = ledger.hold(30, labels=labels)
    entry = entry_of(ledger.do(command.Capture(account=ACME, hold=hold, amount=3)))
    assert (entry.reference, entry.description, entry.metadata) == ("job-7", "a video", {"frames": 3})
