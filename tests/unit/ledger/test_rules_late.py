"""Grants that are given late: as of their own moments, so that lateness leaves no trace."""

from dataclasses import dataclass
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.domain.ledger import commands as command
from tallystick.domain.ledger.model import Entry
from tallystick.kernel.errors import InsufficientCredits, Invalid

from .builders import ACME, CREDITS, Ledger, after, entry_of
from .checks import check_books


def late(ledger: Ledger, amount: int, at: float, lasts: float | None = None, key: str | None = None) -> Entry:
    """Give credits now as of ``at``, which expire at ``lasts``: both seconds after the start."""
    asked = command.Grant(
        account=ACME,
        credit_type=CREDITS,
        amount=amount,
        expires_at=None if lasts is None else after(lasts),
        effective_at=after(at),
    )
    return entry_of(ledger.do(asked, key))


def test_it_takes_effect_at_its_moment_after_what_was_due_by_then() -> None:
    ledger = Ledger()
    early, later = ledger.grant(5, lasts=10), ledger.grant(7, lasts=30)
    ledger.at(100)
    entry = late(ledger, 20, 20)
    assert (entry.effective_at, entry.posted_after) == (after(20), 27)
    assert [(row.splits[0][0], row.effective_at) for row in ledger[ACME].posted[2:]] == [
        (early, after(10)),
        (entry.seq, after(20)),
    ]
    assert [row.effective_at for row in ledger.end_due()] == [after(30)]
    assert ledger.lot(later).remaining == 0
    assert ledger.balance() == (20, 0, 0)


def test_one_that_is_over_ends_at_its_own_time_with_the_next_command() -> None:
    ledger = Ledger()
    ledger.at(100)
    late(ledger, 20, 20, 40)
    assert ledger.balance() == (20, 0, 0)
    with pytest.raises(InsufficientCredits):
        ledger.debit(1)
    assert ledger[ACME].posted[-1].effective_at == after(40)
    assert ledger.balance() == (0, 0, 0)


def test_never_before_the_accounts_last_moment_and_then_it_lapses_at_once() -> None:
    ledger = Ledger()
    ledger.at(50)
    ledger.grant(1)
    ledger.at(100)
    entry = late(ledger, 20, 20, 40)
    assert entry.effective_at == after(50)
    lapsed = ledger[ACME].posted[-1]
    assert (lapsed.kind, lapsed.amount, lapsed.effective_at) == ("expire", -20, after(50))
    assert lapsed.op_key is None
    assert ledger.lot(entry.seq).closed
    assert ledger.balance() == (1, 0, 0)
    check_books(ledger.books, ledger.now)


def test_what_is_owed_is_repaid_by_one_that_is_over() -> None:
    ledger = Ledger()
    ledger.overdraft(10)
    ledger.at(50)
    ledger.debit(4)
    entry = late(ledger, 20, 20, 40)
    assert entry.splits == [[0, 4], [entry.seq, 16]]
    assert ledger.balance() == (0, 0, 0)


def test_never_later_than_now() -> None:
    ledger = Ledger()
    assert late(ledger, 20, 20).effective_at == after(0)


def test_a_grant_in_time_must_not_have_expired() -> None:
    ledger = Ledger()
    ledger.at(10)
    with pytest.raises(Invalid):
        ledger.grant(1, lasts=10)


def test_a_repeat_is_answered_as_the_first() -> None:
    ledger = Ledger()
    ledger.at(100)
    first = late(ledger, 20, 20, 40, key="a")
    ledger.end_due()
    assert late(ledger, 20, 20, 40, key="a") == first
    assert ledger.balance() == (0, 0, 0)


@dataclass
class Boundary:
    """A grant for a moment, and how many seconds it lasts from there (None: without end)."""

    at: int
    amount: int
    lasts: int | None
    priority: int


_boundaries = st.lists(
    st.builds(
        Boundary,
        at=st.integers(1, 60),
        amount=st.integers(1, 30),
        lasts=st.none() | st.integers(1, 80),
        priority=st.sampled_from([10, 50]),
    ),
    min_size=1,
    max_size=8,
).map(lambda rows: sorted(rows, key=lambda row: row.at))


@st.composite
def _before(draw: st.DrawFn) -> Ledger:
    """Books with grants that end sooner or later, holds that pin them, and perhaps something owed."""
    ledger = Ledger()
    ledger.overdraft(draw(st.integers(0, 10)))
    for amount, lasts in draw(
        st.lists(st.tuples(st.integers(1, 30), st.none() | st.integers(1, 90)), max_size=4)
    ):
        ledger.grant(amount, lasts=lasts)
    for amount, lasts in draw(st.lists(st.tuples(st.integers(1, 25), st.integers(1, 90)), max_size=2)):
        if amount <= ledger.wallet().available:
            ledger.hold(amount, lasts=lasts)
    spent = draw(st.integers(0, 30))
    if 0 < spent <= ledger.wallet().available:
        ledger.debit(spent)
    return ledger


def twin(ledger: Ledger) -> Ledger:
    other = Ledger()
    other.books = {number: account.copy() for number, account in ledger.books.items()}
    return other


def give(ledger: Ledger, row: Boundary, effective_at: datetime | None = None) -> int:
    ends = None if row.lasts is None else row.at + row.lasts
    return ledger.grant(
        row.amount, lasts=ends, priority=row.priority, source="plan", effective_at=effective_at
    )


@settings(max_examples=300)
@given(_before(), _boundaries, st.integers(60, 200))
def test_late_is_on_time(ledger: Ledger, rows: list[Boundary], looked: int) -> None:
    """Given at once at some later moment, they leave the very entries that they leave when given in time."""
    other = twin(ledger)
    for row in rows:
        ledger.at(row.at)
        give(ledger, row)
    other.at(looked)
    for row in rows:
        give(other, row, after(row.at))
    for books in (ledger, other):
        books.at(looked)
        books.end_due()
        check_books(books.books, books.now)
    assert [shown(entry) for entry in other[ACME].posted] == [shown(entry) for entry in ledger[ACME].posted]
    assert other.wallet() == ledger.wallet()
    assert other[ACME].grants == ledger[ACME].grants


@settings(max_examples=300)
@given(_before(), _boundaries, st.integers(60, 200), st.integers(0, 200))
def test_late_is_on_time_though_the_sweeper_came_first(
    ledger: Ledger, rows: list[Boundary], looked: int, swept: int
) -> None:
    """Then the moments of entries may be later, but what is left, owed and held is the same, lot by lot."""
    other = twin(ledger)
    made = []
    for row in rows:
        ledger.at(row.at)
        made.append(give(ledger, row))
    other.at(min(swept, looked))
    other.end_due()
    other.at(looked)
    made_late = [give(other, row, after(row.at)) for row in rows]
    for books in (ledger, other):
        books.at(looked)
        books.end_due()
        check_books(books.books, books.now)
    assert other.balance() == ledger.balance()
    left = [(lot.remaining, lot.held) for lot in map(ledger.lot, made)]
    assert [(lot.remaining, lot.held) for lot in map(other.lot, made_late)] == left


def shown(entry: Entry) -> tuple[object, ...]:
    """An entry without the key it was made by."""
    return (
        entry.seq, entry.kind, entry.amount, entry.posted_after, entry.held_after, entry.splits,
        entry.effective_at, entry.detail,
    )  # fmt: skip
