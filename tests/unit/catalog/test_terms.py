"""A plan's terms: their fields, their JSON, and one customer's overrides."""

from typing import Any

import msgspec
import pytest

from tallystick.domain.catalog.components import KINDS
from tallystick.domain.catalog.terms import (
    Allowance,
    Component,
    Rollover,
    Terms,
    Tier,
    check_terms,
    merge,
    terms_of,
    terms_text,
)
from tallystick.kernel.errors import Invalid

TIERS = (Tier(up_to=10, unit_price=5, flat=1), Tier(up_to=None))
WHOLE = Terms(
    interval="monthly",
    currency="USD",
    components=(
        Component(key="base", name="Base fee", kind="flat", amount=2900),
        Component(key="calls", kind="per_unit", meter="calls", unit_price=500_000, free_units=7, minimum=3),
        Component(key="tiers", kind="graduated", meter="calls", tiers=TIERS),
        Component(key="packs", kind="package", meter="sms", package_size=5, package_price=6),
        Component(key="fee", kind="percentage", meter="volume", rate=25_000),
    ),
    allowances=(
        Allowance(
            credit_type="credits", amount=500, reset="weekly", rollover=Rollover(mode="all", periods=2)
        ),
        Allowance(credit_type="calls", amount=1, rollover=Rollover(mode="up_to", limit=9), priority=0),
    ),
    features={"seats": 5, "projects": None, "sso": True, "beta": False},
    trial_days=14,
    debits={"chat": "chat"},
)


def flat(**fields: Any) -> Terms:
    return Terms(**{"interval": "monthly", "currency": "USD"} | fields)


def test_what_is_stored_is_read_back() -> None:
    assert check_terms(WHOLE) is WHOLE
    text = terms_text(WHOLE)
    assert terms_of(msgspec.json.decode(text)) == WHOLE
    assert terms_text(terms_of(msgspec.json.decode(text))) == text
    assert terms_text(flat()) == '{"interval":"monthly","currency":"USD"}'
    with pytest.raises(ValueError, match="colour"):
        terms_of({"interval": "monthly", "currency": "USD", "colour": "red"})


def test_what_terms_say_of_themselves() -> None:
    assert (WHOLE.pricing_model, WHOLE.base_amount) == ("hybrid", 2900)
    assert WHOLE.meters() == {"calls", "sms", "volume"}
    assert WHOLE.credit_types() == {"credits", "calls"}
    assert (flat().pricing_model, flat().base_amount, flat().meters()) == ("flat", 0, set())
    assert flat(components=WHOLE.components[1:]).pricing_model == "usage"
    assert flat(components=WHOLE.components[:1] * 2).base_amount == 5800
    assert [part.label for part in WHOLE.components[:2]] == ["Base fee", "calls"]


def component(**fields: Any) -> Terms:
    return flat(components=(Component(**{"key": "a", "kind": "per_unit", "meter": "m"} | fields),))


def allowance(**fields: Any) -> Terms:
    given: dict[str, Any] = {"credit_type": "credits", "amount": 1} | fields
    return flat(allowances=(Allowance(**given),))


@pytest.mark.parametrize(
    ("field", "terms"),
    [
        ("interval", flat(interval="weekly")),
        ("currency", flat(currency="XYZ")),
        ("trial_days", flat(trial_days=True)),
        ("trial_days", flat(interval="one_time", trial_days=1)),
        ("features.a b", flat(features={"a b": True})),
        ("features.a", flat(features={"a": 2**53})),
        ("features.a", flat(features={"a": 1.0})),
        ("debits.a\0", flat(debits={"a\0": "x"})),
        ("debits.a", flat(debits={"a": ""})),
        ("components.0.kind", component(kind="free")),
        ("components.0.key", component(key="a/b")),
        ("components.0.name", component(name="\ud800")),
        ("components.0.unit_price", component(unit_price=10**15 + 1)),
        ("components.0.free_units", component(free_units=2**53)),
        ("components.0.tiers", component(tiers=TIERS)),
        ("components.0.rate", component(rate=1)),
        ("components.0.minimum", component(kind="flat", meter=None, minimum=1)),
        ("components.0.rate", component(kind="percentage", rate=1_000_001)),
        ("components.0.tiers.0.up_to", component(kind="volume", tiers=(Tier(up_to=2**53), Tier(up_to=None)))),
        (
            "components.0.tiers.0.unit_price",
            component(kind="volume", tiers=(Tier(up_to=None, unit_price=-1),)),
        ),
        ("components.0.tiers.0.flat", component(kind="stairstep", tiers=(Tier(up_to=None, flat=10**13),))),
        ("components", flat(components=WHOLE.components[:1] * 51)),
        ("components.1.key", flat(components=WHOLE.components[:1] * 2)),
        ("allowances.0.credit_type", allowance(credit_type="Gold")),
        ("allowances.0.amount", allowance(amount=0)),
        ("allowances.0.amount", allowance(amount=2**53)),
        ("allowances.0.reset", allowance(reset="hourly")),
        ("allowances.0.priority", allowance(priority=-1)),
        ("allowances.0.rollover.mode", allowance(rollover=Rollover(mode="some"))),  # type: ignore[arg-type]
        ("allowances.0.rollover.mode", allowance(reset="never", rollover=Rollover(mode="all"))),
        ("allowances.0.rollover.limit", allowance(rollover=Rollover(mode="all", limit=1))),
        ("allowances.0.rollover.limit", allowance(rollover=Rollover(mode="up_to", limit=0))),
        ("allowances.0.rollover.periods", allowance(rollover=Rollover(periods=1))),
        ("allowances.1.credit_type", flat(allowances=WHOLE.allowances[:1] * 2)),
    ],
)
def test_what_is_wrong_is_named(field: str, terms: Terms) -> None:
    with pytest.raises(Invalid) as refused:
        check_terms(terms)
    assert refused.value.field == field


def test_every_kind_can_be_made() -> None:
    fields: dict[str, dict[str, Any]] = {
        "flat": {"meter": None, "amount": 1},
        "per_unit": {"unit_price": 1},
        "graduated": {"tiers": TIERS},
        "volume": {"tiers": TIERS},
        "stairstep": {"tiers": (Tier(up_to=1, flat=1), Tier(up_to=None))},
        "package": {"package_size": 1, "package_price": 1},
        "percentage": {"rate": 1},
    }
    assert set(fields) == set(KINDS)
    for kind, given in fields.items():
        check_terms(component(kind=kind, **given))


def test_one_customers_overrides() -> None:
    theirs = merge(
        WHOLE,
        {
            "components": {
                "base": {"amount": 1900},
                "tiers": {"tiers": [{"up_to": None, "unit_price": 4}], "minimum": 100},
                "calls": {"name": "Calls"},
            },
            "allowances": {"credits": {"amount": 900}, "extra": {"amount": 5, "reset": "never"}},
            "features": {"seats": None, "audit": True},
            "trial_days": 0,
        },
    )
    base, calls, tiers, packs, fee = theirs.components
    assert (base.amount, base.name) == (1900, "Base fee")
    assert (calls.name, calls.unit_price) == ("Calls", 500_000)
    assert (tiers.tiers, tiers.minimum) == ((Tier(up_to=None, unit_price=4),), 100)
    assert (packs, fee) == WHOLE.components[3:]
    assert [(one.credit_type, one.amount, one.reset) for one in theirs.allowances] == [
        ("credits", 900, "weekly"),
        ("calls", 1, "monthly"),
        ("extra", 5, "never"),
    ]
    assert theirs.allowances[0].rollover == WHOLE.allowances[0].rollover
    assert theirs.features == {"seats": None, "projects": None, "sso": True, "beta": False, "audit": True}
    assert theirs.trial_days == 0
    assert check_terms(theirs) is theirs
    assert WHOLE.features["seats"] == 5  # the plan's own are as they were


def test_nothing_overridden_is_the_plan_itself() -> None:
    assert merge(WHOLE, {}) == WHOLE
    empty: dict[str, Any] = {"components": {}, "allowances": {"credits": {}}, "features": {}}
    assert merge(WHOLE, empty) == WHOLE


@pytest.mark.parametrize(
    ("field", "overrides"),
    [
        ("overrides.colour", {"colour": "red"}),
        ("overrides.components", {"components": []}),
        ("overrides.components.none", {"components": {"none": {}}}),
        ("overrides.components.base", {"components": {"base": 7}}),
        ("overrides.components.base.key", {"components": {"base": {"key": "x"}}}),
        ("overrides.components.base.kind", {"components": {"base": {"kind": "flat"}}}),
        ("overrides.components.calls.meter", {"components": {"calls": {"meter": "x"}}}),
        ("overrides.components.base.colour", {"components": {"base": {"colour": 1}}}),
        ("overrides.components.base.amount", {"components": {"base": {"amount": "1"}}}),
        ("overrides.components.base.amount", {"components": {"base": {"amount": True}}}),
        ("overrides.components.base.amount", {"components": {"base": {"amount": 1.5}}}),
        ("overrides.components.base.amount", {"components": {"base": {"amount": -1}}}),
        ("overrides.components.base.amount", {"components": {"base": {"amount": 10**400}}}),
        ("overrides.components.base.rate", {"components": {"base": {"rate": 1}}}),
        ("overrides.components.tiers.tiers", {"components": {"tiers": {"tiers": []}}}),
        ("overrides.components.tiers.tiers.0", {"components": {"tiers": {"tiers": [{"up_to": 1, "x": 1}]}}}),
        ("overrides.components.tiers.tiers.0.up_to", {"components": {"tiers": {"tiers": [{"up_to": 1}]}}}),
        ("overrides.allowances", {"allowances": None}),
        ("overrides.allowances.credits.credit_type", {"allowances": {"credits": {"credit_type": "x"}}}),
        ("overrides.allowances.credits.amount", {"allowances": {"credits": {"amount": 0}}}),
        ("overrides.allowances.extra", {"allowances": {"extra": {}}}),
        ("overrides.allowances.A b.credit_type", {"allowances": {"A b": {"amount": 1}}}),
        (
            "overrides.allowances.credits.rollover.mode",
            {"allowances": {"credits": {"rollover": {"mode": "x"}}}},
        ),
        ("overrides.features", {"features": []}),
        ("overrides.features.a b", {"features": {"a b": True}}),
        ("overrides.features.a", {"features": {"a": "x"}}),
        ("overrides.trial_days", {"trial_days": 731}),
        ("overrides.trial_days", {"trial_days": None}),
    ],
)
def test_overrides_that_are_wrong(field: str, overrides: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as refused:
        merge(WHOLE, overrides)
    assert refused.value.field == field
