"""The lines of invoices: in advance, in arrears, prorated, corrected."""

from tallystick.domain.catalog.terms import Component
from tallystick.domain.subscriptions.changes import change_draft, direction
from tallystick.domain.subscriptions.lines import (
    correction_line,
    draft_of,
    flat_lines,
    once_lines,
    usage_lines,
    usage_of,
)
from tallystick.domain.subscriptions.model import Scheduled
from tallystick.domain.subscriptions.periods import frame_of

from .builders import BEGIN, ID, at, flat, subscription, terms

ONE = 1_000_000
CALLS = Component(key="calls", name="Calls", kind="per_unit", meter="calls", unit_price=2 * ONE, minimum=2800)
END = at("2027-02-28T10:00")


def test_a_whole_period_costs_the_whole_and_a_part_its_share() -> None:
    plan, frame = terms(flat(2800), flat(0, "gift"), flat(100, "seat", name="Seat")), frame_of(subscription())
    assert [(line.description, line.amount) for line in flat_lines("Pro", plan, frame, BEGIN, END)] == [
        ("Pro", 2800),
        ("Pro: Seat", 100),
    ]
    assert [line.amount for line in flat_lines("Pro", plan, frame, at("2027-02-21T10:00"), END)] == [700, 25]
    assert [line.kind for line in once_lines("Pro", plan)] == ["one_time", "one_time"]


def test_a_minimum_is_for_a_whole_period() -> None:
    row = subscription(terms=terms(CALLS), usage_since=at("2027-02-21T10:00"))
    (billed,) = usage_of(row, frame_of(row), END, {"calls": 100 * ONE})
    assert (billed.terms.minimum, billed.window_start) == (700, at("2027-02-21T10:00"))
    assert [line.amount for line in usage_lines([billed])] == [200, 500]
    assert usage_of(row, frame_of(row), row.usage_since, {}) == []


def test_late_usage_costs_the_difference() -> None:
    row = subscription(terms=terms(CALLS))
    (billed,) = usage_of(row, frame_of(row), END, {"calls": 1000 * ONE})
    assert correction_line(billed, 1100 * ONE) is None  # within the minimum still
    more = correction_line(billed, 1500 * ONE)
    assert more is not None
    assert (more.kind, more.amount, more.period_end) == ("correction", 200, END)
    less = correction_line(billed, 0)
    assert less is None


def test_nothing_to_pay_is_no_invoice() -> None:
    row = subscription(terms=terms())
    assert draft_of(row, "cycle", [], BEGIN, END) is None
    free = usage_lines(usage_of(subscription(terms=terms(CALLS)), frame_of(row), END, {}))
    assert draft_of(row, "cycle", free, BEGIN, END) is not None  # the minimum
    assert draft_of(row, "cycle", [], None, None) is None


def test_up_down_and_across() -> None:
    month, year = terms(flat(1000)), terms(flat(10_000), interval="yearly")
    assert direction(1, month, 2, month) == "up"
    assert direction(2, month, 1, year) == "down"
    assert direction(1, month, 1, year) == "across"
    assert direction(1, month, 1, terms(flat(2000))) == "up"
    assert direction(None, month, None, year) == "down"
    assert direction(None, month, 5, terms(flat(12_000), interval="yearly")) == "across"
    assert direction(None, month, None, terms(flat(3001), interval="quarterly")) == "up"


def test_two_upgrades_in_a_period_cost_what_each_was_held_for() -> None:
    row = subscription(terms=terms(flat(1000)), version=1)
    mid = Scheduled(plan=ID, version=2, plan_name="Mid", terms=terms(flat(2003)))
    top = Scheduled(plan=ID, version=3, plan_name="Top", terms=terms(flat(3001)))
    one, other = at("2027-02-05T01:02:03"), at("2027-02-19T21:22:23")
    first = change_draft(row, mid, [], one)
    row.terms, row.plan_name = mid.terms, "Mid"
    second = change_draft(row, top, [], other)
    assert first is not None
    assert second is not None
    paid = 1000 + sum(line.amount for line in first.lines) + sum(line.amount for line in second.lines)
    held = (1000, BEGIN, one), (2003, one, other), (3001, other, END)
    exact = sum(price * ((end - start) / (END - BEGIN)) for price, start, end in held)
    assert abs(paid - exact) <= 1.5
    assert row.period_end == END
