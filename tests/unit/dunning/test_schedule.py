"""When an invoice is charged and its customer reminded: the days of the policy, each once, in order, and no others."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tallystick.domain.dunning.schedule import DAY, is_charged, next_charge, next_reminder, reminded_day
from tallystick.domain.payments.policy import Policy

BEGIN = datetime(2027, 1, 31, 10, tzinfo=UTC)
LONG_AGO = BEGIN - 1000 * DAY

charges = st.lists(st.integers(0, 60), max_size=8).map(tuple)
reminders = st.lists(st.integers(-60, 365), max_size=8).map(tuple)
terms = st.integers(0, 60)


@given(charges)
def test_looked_at_again_and_again_it_is_charged_on_the_policys_days(days: tuple[int, ...]) -> None:
    policy = Policy(retry_days=days)
    moments = []
    at: datetime | None = BEGIN  # it is looked at first when it is issued
    while at is not None:
        if is_charged(policy, BEGIN, at):
            moments.append(at)
        at = next_charge(policy, BEGIN, at)
    assert moments == [BEGIN + day * DAY for day in sorted(set(days))]


@given(reminders, terms)
def test_customers_are_reminded_on_the_policys_days_but_never_before_the_issue(
    days: tuple[int, ...], until_due: int
) -> None:
    policy = Policy(reminder_days=days)
    due = BEGIN + until_due * DAY
    told = []
    at: datetime | None = BEGIN
    while at is not None:
        day = reminded_day(policy, BEGIN, due, at)
        if day is not None:
            told.append(day)
        at = next_reminder(policy, BEGIN, due, at)
    assert told == sorted({day for day in days if day >= -until_due})


@given(charges, reminders, st.integers(0, 10**7))
def test_the_next_moment_is_the_first_that_is_later(
    retries: tuple[int, ...], days: tuple[int, ...], seconds: int
) -> None:
    policy = Policy(retry_days=retries, reminder_days=days)
    after = BEGIN + timedelta(seconds=seconds)
    then = next_charge(policy, BEGIN, after)
    assert then == min((BEGIN + day * DAY for day in retries if BEGIN + day * DAY > after), default=None)
    told = next_reminder(policy, BEGIN, BEGIN, LONG_AGO)
    assert told is None or told > BEGIN


def test_what_a_customer_saves_between_two_days_is_charged_at_once() -> None:
    policy = Policy(retry_days=(1, 3))
    assert not is_charged(policy, BEGIN, BEGIN)
    assert is_charged(policy, BEGIN, BEGIN + 2 * DAY)
    assert next_charge(policy, BEGIN, BEGIN + 2 * DAY) == BEGIN + 3 * DAY
