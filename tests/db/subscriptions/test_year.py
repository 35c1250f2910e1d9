"""A year of billing on a test clock, against a model in plain Python: each invoice, grant and balance, to the unit.

The clock goes in steps of a day, of months, of all the year at once; work that is done late must give what it would
have given on time, so each of them must end as the one model says.
"""

import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest

from tallystick.db.pool import Database
from tallystick.domain.identity import actions as identity

from .year.chance import drawn
from .year.said import differences, said
from .year.server import Server, stop_the_clock
from .year.story import (
    BEGIN,
    END,
    EVERYTHING,
    FLAT,
    KIRITIMATI,
    NIUE,
    PLENTY,
    QUARTERLY,
    QUARTERLY_WEEKLY,
    WEEKLY,
    Story,
    quiet,
    told,
)

pytestmark = pytest.mark.anyio

DAY = timedelta(days=1)
MONTH = timedelta(days=30)
QUARTER = timedelta(days=91)
AT_ONCE = timedelta(days=1000)
SHOWN = 4  # differences of one person


@pytest.fixture
async def stopped(db_url: str) -> AsyncIterator[Database]:
    """A database whose own time is the year's begin, for ever: only its tenants' clocks move."""
    stop_the_clock(db_url, BEGIN)
    db = Database(db_url)
    await db.open()
    try:
        yield db
    finally:
        await db.close()


async def compare(
    db: Database, story: Story, step: timedelta, *, rude: bool = False, end: datetime = END
) -> None:
    """Tell a story to a new app, the clock no further at once than ``step``; it ends as the model says."""
    async with db.tx() as tx:
        app = await identity.create_app(tx, "A year")
    server = Server(db, app.test, step, rude=rude)
    await server.furnish(story)
    await server.tell(story, end)
    found = server.books()
    wrong = [f"{name}: {refused}" for name, refused in server.failed.items()]
    for name, person in told(story, end).items():
        if name not in server.failed:
            wrong += [f"{name}: {one}" for one in differences(said(person, end), found[name])][:SHOWN]
    assert not wrong, f"{len(wrong)} differences\n" + "\n".join(wrong)


@pytest.mark.parametrize(
    ("step", "rude"), [(AT_ONCE, False), (MONTH, True)], ids=["a year at once", "a month, sweeper first"]
)
async def test_a_quiet_year(stopped: Database, step: timedelta, rude: bool) -> None:
    await compare(stopped, quiet(), step, rude=rude)


async def test_a_busy_year(stopped: Database) -> None:
    await compare(stopped, drawn(1, 8), AT_ONCE)


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("rude", [False, True], ids=["", "sweeper first"])
@pytest.mark.parametrize("step", [DAY, MONTH, QUARTER, AT_ONCE], ids=["day", "month", "quarter", "year"])
async def test_a_quiet_year_in_any_steps(stopped: Database, step: timedelta, rude: bool) -> None:
    await compare(stopped, quiet(), step, rude=rude)


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("step", [DAY, AT_ONCE], ids=["day", "year"])
@pytest.mark.parametrize("turn", range(5))
async def test_any_busy_year(stopped: Database, turn: int, step: timedelta) -> None:
    """TALLYSTICK_YEAR_SEED repeats a run that failed: the seed is in each person's name."""
    given = os.environ.get("TALLYSTICK_YEAR_SEED")
    seed = int(given) if given else int.from_bytes(os.urandom(4))
    await compare(stopped, drawn(seed, 15), step, rude=turn % 2 == 1)


# Histories that once went wrong, or nearly


async def test_late_usage_of_a_quarter_is_billed(stopped: Database) -> None:
    """It comes within 35 days of its period, but the next invoice is a quarter away."""
    story = Story()
    story.person("late", NIUE, PLENTY)
    story.act(BEGIN, "late", "subscribe", name="s", plan=QUARTERLY)
    period_end = datetime(2027, 5, 27, 12, tzinfo=UTC)
    story.act(
        period_end + timedelta(days=20), "late", "use", metric="gigabytes", quantity=Fraction(70),
        used_at=period_end - timedelta(days=10),
    )  # fmt: skip
    [bill] = [
        bill for bill in told(story)["late"].bills if any(line.what == "correction" for line in bill.lines)
    ]
    assert bill.issued_at == datetime(2027, 8, 27, 12, tzinfo=UTC)
    assert [line.amount for line in bill.lines if line.what == "correction"] == [210]
    await compare(stopped, story, AT_ONCE)


async def test_late_usage_that_comes_after_the_next_renewal_is_billed(stopped: Database) -> None:
    """February's usage reported on 1 April, after March's invoice: within its 35 days, on April's."""
    story = Story()
    story.person("late", KIRITIMATI, PLENTY)
    story.act(BEGIN, "late", "subscribe", name="s", plan=WEEKLY)
    story.act(
        datetime(2027, 4, 29, tzinfo=UTC), "late", "use", metric="gigabytes", quantity=Fraction(70),
        used_at=datetime(2027, 3, 26, tzinfo=UTC),
    )  # fmt: skip
    await compare(stopped, story, AT_ONCE)


async def test_an_allowance_that_begins_with_another_interval_is_counted_from_there(
    stopped: Database,
) -> None:
    story = Story()
    story.person("changes", NIUE, PLENTY)
    story.act(BEGIN, "changes", "subscribe", name="s", plan=EVERYTHING, trial=False)
    story.act(BEGIN + 40 * DAY, "changes", "change", name="s", plan=QUARTERLY_WEEKLY)
    await compare(stopped, story, AT_ONCE)


async def test_usage_is_billed_once_by_two_subscriptions(stopped: Database) -> None:
    """The second begins where the first did: what the first was billed for is not billed again."""
    story = Story()
    story.person("returns", NIUE, PLENTY)
    story.act(BEGIN, "returns", "subscribe", name="one", plan=WEEKLY)
    story.act(BEGIN + DAY, "returns", "use", metric="gigabytes", quantity=Fraction(70))
    story.act(BEGIN + 2 * DAY, "returns", "cancel", name="one", at_end=False)
    story.act(BEGIN + 3 * DAY, "returns", "subscribe", name="two", plan=WEEKLY, start=BEGIN)
    billed = [
        line.amount
        for bill in told(story)["returns"].bills
        for line in bill.lines
        if line.of == "storage" and line.amount
    ]
    assert billed == [210]
    await compare(stopped, story, AT_ONCE)


async def test_usage_under_a_flat_plan_is_not_billed_by_the_next_subscription(stopped: Database) -> None:
    """It was included then, though the second subscription's period reaches back to it."""
    story = Story()
    story.person("returns", NIUE, PLENTY)
    story.act(BEGIN, "returns", "subscribe", name="one", plan=FLAT)
    story.act(BEGIN + DAY, "returns", "use", metric="gigabytes", quantity=Fraction(70))
    story.act(BEGIN + 2 * DAY, "returns", "cancel", name="one", at_end=False)
    story.act(BEGIN + 3 * DAY, "returns", "subscribe", name="two", plan=WEEKLY, start=BEGIN)
    assert not any(
        line.what == "usage" and line.amount for bill in told(story)["returns"].bills for line in bill.lines
    )
    await compare(stopped, story, AT_ONCE)
