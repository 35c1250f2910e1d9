"""What falls due next, and where periods are counted from."""

from datetime import timedelta

import pytest

from tallystick.domain.subscriptions.periods import anchor_for, frame_at, next_due, trial_end_of

from .builders import BEGIN, at, period, subscription, terms

END = at("2027-02-28T10:00")
LATER = at("2027-03-05T00:00")


@pytest.mark.parametrize(
    ("fields", "due"),
    [
        ({"status": "incomplete", "waiting": True}, (BEGIN, "start")),
        ({"status": "incomplete"}, (END, "incomplete_end")),
        ({"status": "incomplete", "period_end": None, "recurring": False}, None),
        ({"status": "trialing", "trial_end": END}, (END, "trial_end")),
        ({"status": "active"}, (END, "renewal")),
        ({"status": "active", "grace_until": BEGIN}, (BEGIN, "grace_end")),
        ({"status": "active", "grace_until": LATER}, (END, "renewal")),
        ({"status": "active", "period_end": None}, None),
        ({"status": "past_due", "unpaid_until": BEGIN}, (BEGIN, "unpaid_end")),
        ({"status": "past_due", "unpaid_until": LATER}, (END, "renewal")),
        ({"status": "paused"}, None),
        ({"status": "paused", "resume_at": LATER}, (LATER, "pause_end")),
        ({"status": "paused", "cancel_at_period_end": True}, (END, "renewal")),
        ({"status": "cancelled"}, None),
        ({"status": "ended"}, None),
    ],
)
def test_what_is_due_next(fields: dict[str, object], due: object) -> None:
    assert next_due(subscription(**fields), []) == due


def test_allowances_are_reset_where_they_are_funded() -> None:
    reset = BEGIN + timedelta(days=7)
    both = [period(reset), period(None, "boosts")]
    assert next_due(subscription(), both) == (reset, "reset")
    assert next_due(subscription(status="trialing", trial_end=END), both) == (reset, "reset")
    assert next_due(subscription(status="past_due"), both) == (END, "renewal")
    assert next_due(subscription(status="paused"), both) is None


def test_of_two_at_one_moment_the_period_is_renewed_before_its_allowances_and_after_the_grace() -> None:
    assert next_due(subscription(), [period(END)]) == (END, "renewal")
    assert next_due(subscription(grace_until=END), [period(END)]) == (END, "grace_end")


def test_calendar_periods_are_anchored_where_the_customers_month_begins() -> None:
    start = at("2027-02-10T12:00")
    assert anchor_for("anniversary", "monthly", start, "Pacific/Niue") == start
    assert anchor_for("calendar", "monthly", start, "Pacific/Niue") == at("2027-02-01T11:00")
    assert anchor_for("calendar", "yearly", start, "UTC") == at("2027-01-01T00:00")
    assert anchor_for("calendar", "one_time", start, "UTC") == start
    row = subscription(terms=terms(interval="quarterly"), anchor=at("2027-01-01T00:00"))
    assert frame_at(row, start).end == at("2027-04-01T00:00")


def test_a_trial_ends_at_the_same_time_of_the_customers_day() -> None:
    # New York's clocks go forward on 14 March 2027
    assert trial_end_of(at("2027-03-10T12:00"), 14, "America/New_York") == at("2027-03-24T11:00")
