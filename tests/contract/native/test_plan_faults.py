"""What is wrong with a plan is named."""

from typing import Any

import pytest

from tests.contract.native.test_plans import BARE
from tests.contract.served import Api, fields_of, problem


def component(**fields: Any) -> dict[str, Any]:
    return {"components": [{"key": "a", "kind": "per_unit", "meter": "m"} | fields]}


def tiers(*bounds: Any) -> dict[str, Any]:
    return component(kind="volume", tiers=[{"up_to": bound} for bound in bounds])


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ...}, "name"),
        ({"interval": ...}, "interval"),
        ({"currency": ...}, "currency"),
        ({"name": "\0"}, "name"),
        ({"name": "\ud800"}, "name"),
        ({"description": "\0"}, "description"),
        ({"key": "a b"}, "key"),
        ({"key": "\ud800"}, "key"),
        ({"tier": "é"}, "tier"),
        ({"rank": -1}, "rank"),
        ({"rank": 10**400}, "rank"),
        ({"rank": True}, "rank"),
        ({"status": "gone"}, "status"),
        ({"interval": "one-time"}, "interval"),
        ({"currency": "XYZ"}, "currency"),
        ({"metadata": {"a": 10**400}}, "metadata"),
        ({"colour": "red"}, "colour"),
        ({"trial_days": -1}, "trial_days"),
        ({"trial_days": "7"}, "trial_days"),
        ({"interval": "one_time", "trial_days": 1}, "trial_days"),
        ({"components": {}}, "components"),
        ({"components": [7]}, "components.0"),
        ({"components": [{"key": "a"}]}, "components.0.kind"),
        ({"components": [{"kind": "flat"}]}, "components.0.key"),
        ({"components": [{"key": "a", "kind": "flat"}] * 2}, "components.1.key"),
        ({"components": [{"key": "a", "kind": "flat"}] * 51}, "components"),
        (component(colour="red"), "components.0.colour"),
        (component(meter=None), "components.0.meter"),
        (component(meter="a b"), "components.0.meter"),
        (component(meter="\0"), "components.0.meter"),
        (component(name="\x07"), "components.0.name"),
        (component(unit_price=-1), "components.0.unit_price"),
        (component(unit_price=0.5), "components.0.unit_price"),
        (component(unit_price="0.0000001"), "components.0.unit_price"),
        (component(unit_price=10**400), "components.0.unit_price"),
        (component(unit_price=10**9 + 1), "components.0.unit_price"),
        (component(amount=1), "components.0.amount"),
        (component(minimum="1.5"), "components.0.minimum"),
        (component(minimum=True), "components.0.minimum"),
        (component(minimum=10**12 + 1), "components.0.minimum"),
        (component(free_units="-1"), "components.0.free_units"),
        (component(kind="flat"), "components.0.meter"),
        (component(kind="package"), "components.0.package_size"),
        (component(kind="package", package_size=0), "components.0.package_size"),
        (component(kind="percentage"), "components.0.rate"),
        (component(kind="percentage", rate=101), "components.0.rate"),
        (component(kind="percentage", rate="0.00001"), "components.0.rate"),
        (component(kind="volume"), "components.0.tiers"),
        (component(kind="volume", tiers=[]), "components.0.tiers"),
        (component(kind="volume", tiers=[{}] * 101), "components.0.tiers"),
        (component(kind="volume", tiers=[{"flat": "1"}]), "components.0.tiers.0.flat"),
        (component(kind="stairstep", tiers=[{"unit_price": 1}]), "components.0.tiers.0.unit_price"),
        (tiers(5), "components.0.tiers.0.up_to"),
        (tiers(None, None), "components.0.tiers.0.up_to"),
        (tiers(5, 5, None), "components.0.tiers.1.up_to"),
        (tiers(0, None), "components.0.tiers.0.up_to"),
        ({"interval": "one_time"} | component(), "components.0.kind"),
        ({"allowances": [{}]}, "allowances.0.amount"),
        ({"allowances": [{"amount": 0}]}, "allowances.0.amount"),
        ({"allowances": [{"amount": 1}] * 2}, "allowances.1.credit_type"),
        ({"allowances": [{"amount": 1, "credit_type": "gold"}]}, "allowances.0.credit_type"),
        ({"allowances": [{"amount": 1, "credit_type": "\0"}]}, "allowances.0.credit_type"),
        ({"allowances": [{"amount": 1, "reset": "yearly"}]}, "allowances.0.reset"),
        ({"allowances": [{"amount": 1, "priority": 1001}]}, "allowances.0.priority"),
        ({"allowances": [{"amount": 1}], "interval": "one_time"}, "allowances.0.reset"),
        ({"allowances": [{"amount": 1, "rollover": {}}]}, "allowances.0.rollover.mode"),
        ({"allowances": [{"amount": 1, "rollover": {"mode": "up_to"}}]}, "allowances.0.rollover.limit"),
        (
            {"allowances": [{"amount": 1, "rollover": {"mode": "all", "periods": 0}}]},
            "allowances.0.rollover.periods",
        ),
        (
            {"allowances": [{"amount": 1, "reset": "never", "rollover": {"mode": "all"}}]},
            "allowances.0.rollover.mode",
        ),
        ({"features": {"unknown": True}}, "features.unknown"),
        ({"features": {"unknown": 1.5}}, "features.unknown"),
        ({"features": {"unknown": -1}}, "features.unknown"),
        ({"features": {"unknown": 10**400}}, "features.unknown"),
        ({"features": []}, "features"),
        ({"debits": {"chat": 7}}, "debits.chat"),
        ({"debits": {"chat": "a b"}}, "debits.chat"),
        ({"debits": {"a b": "chat"}}, "debits.a b"),
    ],
)
def test_what_is_wrong_is_named(api: Api, change: dict[str, Any], field: str) -> None:
    body = {name: value for name, value in (BARE | change).items() if value is not ...}
    refused = problem(api.post("/v2/plans", body), 422, "invalid_request")
    assert fields_of(refused) == [field]
