"""When a reload begins: the rule alone."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from tallystick.domain.reloads.model import AutoReload, Verdict, judge, state_of

NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ID = UUID(int=7)


def setting(**fields: object) -> AutoReload:
    row = AutoReload(
        account=7, account_uuid=ID, tenant=1, credit_type="credits", enabled=True, threshold=50, amount=100,
        package=None, method=None, cooldown=300, monthly_cap=None, currency="USD", stop_reason=None,
        stop_message=None, stopped_at=None, capped_until=None, due_at=NOON, created_at=NOON, updated_at=NOON,
    )  # fmt: skip
    for name, value in fields.items():
        setattr(row, name, value)
    return row


def verdict(row: AutoReload, **known: object) -> Verdict:
    found = {"available": 10, "in_flight": False, "last": None, "now": NOON} | known
    return judge(row, **found)  # type: ignore[arg-type]


def test_what_fell_due_is_bought_as_of_then() -> None:
    assert verdict(setting(), now=NOON + HOUR) == Verdict(True, NOON)


def test_nothing_is_bought_that_is_not_needed() -> None:
    nothing = Verdict(False, None)
    assert verdict(setting(), available=50) == nothing
    assert verdict(setting(), in_flight=True) == nothing
    assert verdict(setting(enabled=False)) == nothing
    assert verdict(setting(stop_reason="card_declined", stopped_at=NOON)) == nothing
    assert verdict(setting(due_at=None)) == nothing


def test_the_cool_down_is_counted_from_the_last_start() -> None:
    last = NOON - timedelta(seconds=100)
    end = last + timedelta(seconds=300)
    assert verdict(setting(), last=last) == Verdict(False, end)
    assert verdict(setting(), last=last, now=end) == Verdict(True, end)
    assert verdict(setting(), last=last, now=end + HOUR) == Verdict(True, end)
    assert verdict(setting(), last=NOON - HOUR) == Verdict(True, NOON)


@given(
    late=st.timedeltas(min_value=timedelta(), max_value=timedelta(days=40)),
    since=st.timedeltas(min_value=timedelta(), max_value=HOUR),
    cooldown=st.integers(0, 3600),
)
def test_late_is_the_same_as_on_time(late: timedelta, since: timedelta, cooldown: int) -> None:
    """Looked at whenever, a reload begins as of one moment, and never before its time."""
    row = setting(cooldown=cooldown)
    on_time = max(NOON, NOON - since + timedelta(seconds=cooldown))
    assert verdict(row, last=NOON - since, now=NOON + late) == Verdict(NOON + late >= on_time, on_time)


def test_the_state_that_is_shown() -> None:
    assert state_of(setting(), in_flight=False, now=NOON) == "ready"
    assert state_of(setting(), in_flight=True, now=NOON) == "in_flight"
    assert state_of(setting(enabled=False), in_flight=False, now=NOON) == "off"
    assert state_of(setting(stop_reason="x", stopped_at=NOON), in_flight=False, now=NOON) == "stopped"
    assert state_of(setting(capped_until=NOON + HOUR), in_flight=False, now=NOON) == "capped"
    assert state_of(setting(capped_until=NOON), in_flight=False, now=NOON) == "ready"
