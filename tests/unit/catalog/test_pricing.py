"""What a component costs: against a model in fractions, and by hand at the edges."""

from fractions import Fraction
from itertools import pairwise
from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.domain.catalog.components import (
    KINDS,
    MAX_PRICE,
    MAX_UNIT_PRICE,
    Component,
    Tier,
    check_component,
)
from tallystick.domain.catalog.pricing import Charge, charges, quote, total
from tallystick.domain.catalog.terms import Terms
from tallystick.kernel.credits import MAX_AMOUNT, MICRO
from tallystick.kernel.money import Money


def units(count: float) -> int:
    return round(count * MICRO)


def amounts(component: Component, quantity: int) -> list[int]:
    return [charge.amount for charge in charges(component, quantity)]


# The model: each tier and price as a fraction, each part rounded by itself


def model(component: Component, quantity: int) -> list[int]:
    """The parts' amounts, each of them Python's own rounding (half to even) of an exact fraction."""
    if component.kind == "flat":
        return [component.amount]
    left = max(Fraction(0), Fraction(quantity, MICRO) - Fraction(component.free_units, MICRO))
    parts = _parts(component, left) if left > 0 else []
    return parts + ([component.minimum - sum(parts)] if sum(parts) < component.minimum else [])


def _parts(component: Component, left: Fraction) -> list[int]:
    price = Fraction(component.unit_price, MICRO)
    bounds = [None if tier.up_to is None else Fraction(tier.up_to, MICRO) for tier in component.tiers]
    match component.kind:
        case "per_unit":
            return [round(left * price)]
        case "percentage":
            return [round(left * component.rate / MICRO)]
        case "package":
            return [ceil(left / Fraction(component.package_size, MICRO)) * component.package_price]
        case "volume" | "stairstep":
            n = next(n for n, bound in enumerate(bounds) if bound is None or left <= bound)
            tier = component.tiers[n]
            if component.kind == "stairstep":
                return [tier.flat]
            return [round(left * Fraction(tier.unit_price, MICRO)), *([tier.flat] if tier.flat else [])]
        case _:
            parts, below = [], Fraction(0)
            for tier, bound in zip(component.tiers, bounds, strict=True):
                if left > below:
                    within = (left if bound is None else min(left, bound)) - below
                    parts.append(round(within * Fraction(tier.unit_price, MICRO)))
                    parts += [tier.flat] if tier.flat else []
                below = left if bound is None else bound
            return parts


# near one another and near the bounds, that they meet
QUANTITIES = st.one_of(
    st.integers(0, 20).map(lambda n: n * MICRO // 2),
    st.integers(0, 10 * MICRO),
    st.integers(0, MAX_AMOUNT),
    st.sampled_from([0, 1, MICRO - 1, MICRO, MICRO + 1, MAX_AMOUNT]),
)
UNIT_PRICES = st.one_of(
    st.integers(0, 4).map(lambda n: n * MICRO // 2),
    st.integers(0, 10 * MICRO),
    st.integers(0, MAX_UNIT_PRICE),
)
PRICES = st.one_of(st.integers(0, 1000), st.integers(0, MAX_PRICE))


@st.composite
def components(draw: st.DrawFn, *kinds: str) -> Component:
    kind = draw(st.sampled_from(kinds or KINDS))
    if kind == "flat":
        return Component(key="a", kind="flat", amount=draw(PRICES))
    fields: dict[str, object] = {
        "meter": "m",
        "free_units": draw(st.one_of(st.just(0), QUANTITIES)),
        "minimum": draw(st.one_of(st.just(0), PRICES)),
    }
    if kind == "per_unit":
        fields["unit_price"] = draw(UNIT_PRICES)
    elif kind == "percentage":
        fields["rate"] = draw(st.integers(1, MICRO))
    elif kind == "package":
        fields["package_size"] = draw(QUANTITIES.filter(bool))
        fields["package_price"] = draw(PRICES)
    else:
        bounds = sorted(draw(st.sets(QUANTITIES.filter(bool), max_size=5)))
        unit_prices = st.just(0) if kind == "stairstep" else UNIT_PRICES
        fields["tiers"] = tuple(
            Tier(up_to=bound, unit_price=draw(unit_prices), flat=draw(PRICES)) for bound in [*bounds, None]
        )
    return Component(key="a", kind=kind, **fields)  # type: ignore[arg-type]


@settings(max_examples=500)
@given(components(), QUANTITIES, st.integers(-1, 1))
def test_the_model_agrees(component: Component, quantity: int, beside: int) -> None:
    check_component("a", component)
    edges = [tier.up_to for tier in component.tiers if tier.up_to is not None]
    for used in (quantity, *[max(0, component.free_units + edge + beside) for edge in edges]):
        parts = charges(component, used)
        assert [part.amount for part in parts] == model(component, used)
        assert all(part.amount >= 0 for part in parts)
        assert total(parts) == sum(part.amount for part in parts)
        assert total(parts) >= component.minimum
        if component.kind != "flat":
            assert total(parts) < 2**127


@settings(max_examples=150)
@given(components("graduated"), QUANTITIES)
def test_graduated_parts_hold_every_unit_once(component: Component, quantity: int) -> None:
    parts = [part for part in charges(component, quantity) if part.quantity is not None]
    assert sum(part.quantity or 0 for part in parts) == max(0, quantity - component.free_units)
    assert all(part.quantity for part in parts)


@settings(max_examples=200)
@given(components(), QUANTITIES, QUANTITIES)
def test_more_never_costs_less_but_by_volume(component: Component, one: int, other: int) -> None:
    tiers = component.tiers
    if component.kind == "volume" or any(a.flat > b.flat for a, b in pairwise(tiers)):
        return
    less, more = sorted((one, other))
    assert total(charges(component, less)) <= total(charges(component, more))


# By hand

TIERS = (
    Tier(up_to=units(10), unit_price=units(100)),
    Tier(up_to=units(20), unit_price=units(50), flat=7),
    Tier(up_to=None, unit_price=units(10)),
)


@pytest.mark.parametrize(
    ("quantity", "graduated", "volume"),
    [
        (0, [], []),
        (units(1), [100], [100]),
        (units(10), [1000], [1000]),
        (units(10) + 1, [1000, 0, 7], [500, 7]),
        (units(11), [1000, 50, 7], [550, 7]),
        (units(20), [1000, 500, 7], [1000, 7]),
        (units(20) + 1, [1000, 500, 7, 0], [200]),
        (units(30), [1000, 500, 7, 100], [300]),
    ],
)
def test_tier_edges(quantity: int, graduated: list[int], volume: list[int]) -> None:
    assert amounts(Component(key="a", kind="graduated", meter="m", tiers=TIERS), quantity) == graduated
    assert amounts(Component(key="a", kind="volume", meter="m", tiers=TIERS), quantity) == volume


@pytest.mark.parametrize(
    ("quantity", "cost"),
    [(0, []), (1, [500]), (units(5), [500]), (units(5) + 1, [900]), (MAX_AMOUNT, [900])],
)
def test_stairs(quantity: int, cost: list[int]) -> None:
    steps = (Tier(up_to=units(5), flat=500), Tier(up_to=None, flat=900))
    assert amounts(Component(key="a", kind="stairstep", meter="m", tiers=steps), quantity) == cost


@pytest.mark.parametrize(
    ("quantity", "begun"), [(0, 0), (1, 1), (units(100), 1), (units(100) + 1, 2), (units(250), 3)]
)
def test_packages_begun_are_whole(quantity: int, begun: int) -> None:
    packs = Component(key="a", kind="package", meter="m", package_size=units(100), package_price=150)
    assert total(charges(packs, quantity)) == begun * 150
    assert [charge.quantity for charge in charges(packs, quantity)] == ([begun * MICRO] if begun else [])


@pytest.mark.parametrize(
    ("quantity", "amount"),
    [(units(1), 0), (units(3), 2), (units(5), 2), (units(7), 4), (units(1) + 1, 1), (units(3) - 1, 1)],
)
def test_halves_go_to_the_even(quantity: int, amount: int) -> None:
    half = Component(key="a", kind="per_unit", meter="m", unit_price=500_000)
    assert amounts(half, quantity) == [amount]


def test_each_tier_is_rounded_by_itself() -> None:
    halves = (Tier(up_to=units(1), unit_price=units(1.5)), Tier(up_to=None, unit_price=units(1.5)))
    assert amounts(Component(key="a", kind="graduated", meter="m", tiers=halves), units(2)) == [2, 2]


def test_free_units_come_off_first() -> None:
    free = Component(key="a", kind="graduated", meter="m", free_units=units(5), tiers=TIERS)
    assert amounts(free, units(5)) == []
    assert amounts(free, units(5) + 1) == [0]
    assert amounts(free, units(16)) == [1000, 50, 7]


@pytest.mark.parametrize(
    ("quantity", "cost"), [(-units(5), [250]), (0, [250]), (units(2), [200, 50]), (units(3), [300])]
)
def test_a_minimum_makes_up_the_difference(quantity: int, cost: list[int]) -> None:
    least = Component(key="a", name="Calls", kind="per_unit", meter="m", unit_price=units(100), minimum=250)
    assert amounts(least, quantity) == cost
    if len(cost) == 2:
        assert charges(least, quantity)[-1] == Charge("a", "Calls: minimum", None, None, 50)


@pytest.mark.parametrize(
    ("currency", "minor", "shown"), [("UGX", 13, "13"), ("USD", 13, "0.13"), ("KWD", 13, "0.013")]
)
def test_a_rate_of_money_in_each_currency(currency: str, minor: int, shown: str) -> None:
    fee = Component(key="fee", kind="percentage", meter="volume", rate=25_000)
    metered = 500 * MICRO  # minor units
    [charge] = charges(fee, metered)
    assert charge == Charge("fee", "fee: 2.5%", metered, 25_000, 12)  # 12.5, to the even
    assert str(Money(charge.amount + 1, currency)) == shown
    assert minor == charge.amount + 1


def test_huge_quantities_are_exact() -> None:
    dear = Component(key="a", kind="per_unit", meter="m", unit_price=MAX_UNIT_PRICE)
    assert amounts(dear, MAX_AMOUNT) == [MAX_AMOUNT * 1000]
    cheap = Component(key="a", kind="per_unit", meter="m", unit_price=1)
    assert amounts(cheap, MAX_AMOUNT) == [9007]
    assert amounts(cheap, 10**30) == [10**18]


def test_a_quote_is_all_its_components() -> None:
    terms = Terms(
        interval="monthly",
        currency="USD",
        components=(
            Component(key="base", kind="flat", amount=999),
            Component(key="a", kind="per_unit", meter="calls", unit_price=units(2)),
            Component(key="b", kind="per_unit", meter="calls", unit_price=units(1)),
            Component(key="c", kind="per_unit", meter="sms", unit_price=units(5), minimum=3),
        ),
    )
    lines = quote(terms, {"calls": units(10), "other": units(1)})
    assert [(line.component, line.amount) for line in lines] == [
        ("base", 999),
        ("a", 20),
        ("b", 10),
        ("c", 3),
    ]
    assert total(lines) == 1032
