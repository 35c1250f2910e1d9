"""/v2/plans, their versions and quotes"""

from typing import Any

import pytest

from tests.contract.served import Api, fields_of, problem

pytestmark = pytest.mark.holds(
    "native",
    "GET /v2/plans",
    "POST /v2/plans",
    "GET /v2/plans/{plan}",
    "PATCH /v2/plans/{plan}",
    "DELETE /v2/plans/{plan}",
    "GET /v2/plans/{plan}/versions",
    "GET /v2/plans/{plan}/versions/{version}",
    "POST /v2/plans/{plan}/quote",
)

BARE: dict[str, Any] = {"name": "Basic", "interval": "monthly", "currency": "USD"}
COMPONENTS: list[dict[str, Any]] = [
    {"key": "base", "kind": "flat", "amount": "29.00", "name": "Base fee"},
    {"key": "unit", "kind": "per_unit", "meter": "calls", "unit_price": "0.5", "free_units": 1000},
    {
        "key": "steps",
        "kind": "graduated",
        "meter": "calls",
        "tiers": [{"up_to": 10, "unit_price": 2, "flat": "1.00"}, {"unit_price": "0.000001"}],
        "minimum": "5.00",
    },
    {"key": "all", "kind": "volume", "meter": "calls", "tiers": [{"up_to": "0.5"}, {"unit_price": 1}]},
    {
        "key": "stairs",
        "kind": "stairstep",
        "meter": "seats",
        "tiers": [{"up_to": 5, "flat": 500}, {"flat": 900}],
    },
    {"key": "packs", "kind": "package", "meter": "sms", "package_size": 100, "package_price": 150},
    {"key": "fee", "kind": "percentage", "meter": "volume", "rate": "2.5"},
]
WHOLE: dict[str, Any] = BARE | {
    "name": "Pro",
    "components": COMPONENTS,
    "allowances": [
        {
            "amount": "500",
            "reset": "daily",
            "rollover": {"mode": "up_to", "limit": 100, "periods": 2},
            "priority": 3,
        }
    ],
    "trial_days": 14,
    "debits": {"chat": "chat"},
}


def made(api: Api, **fields: Any) -> dict[str, Any]:
    answer = api.post("/v2/plans", BARE | fields)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def test_make_and_read(api: Api, reader: Api) -> None:
    for key, kind in (("seats", "HARD_LIMIT"), ("projects", "HARD_LIMIT"), ("sso", "BOOLEAN")):
        api.post("/v2/features", {"key": key, "name": key, "type": kind})
    features = {"seats": 5, "projects": None, "sso": True}
    own = {"key": "pro", "tier": "pro", "rank": 2, "description": "For\nteams", "metadata": {"a": 1}}
    shown = made(api, **WHOLE | {"features": features} | own)
    zero = {"free_units": "0", "minimum": 0}
    assert shown == {
        "id": shown["id"],
        "number": shown["number"],
        **own,
        "name": "Pro",
        "status": "active",
        "version": 1,
        "interval": "monthly",
        "currency": "USD",
        "pricing_model": "hybrid",
        "base_amount": {"amount": 2900, "currency": "USD"},
        "components": [
            {"key": "base", "name": "Base fee", "kind": "flat", "amount": 2900},
            {
                "key": "unit",
                "name": "",
                "kind": "per_unit",
                "meter": "calls",
                "unit_price": "0.5",
                "free_units": "1000",
                "minimum": 0,
            },
            {
                "key": "steps",
                "name": "",
                "kind": "graduated",
                "meter": "calls",
                "tiers": [
                    {"up_to": "10", "unit_price": "2", "flat": 100},
                    {"up_to": None, "unit_price": "0.000001", "flat": 0},
                ],
                "free_units": "0",
                "minimum": 500,
            },
            {
                "key": "all",
                "name": "",
                "kind": "volume",
                "meter": "calls",
                "tiers": [
                    {"up_to": "0.5", "unit_price": "0", "flat": 0},
                    {"up_to": None, "unit_price": "1", "flat": 0},
                ],
                **zero,
            },
            {
                "key": "stairs",
                "name": "",
                "kind": "stairstep",
                "meter": "seats",
                "tiers": [
                    {"up_to": "5", "unit_price": "0", "flat": 500},
                    {"up_to": None, "unit_price": "0", "flat": 900},
                ],
                **zero,
            },
            {
                "key": "packs",
                "name": "",
                "kind": "package",
                "meter": "sms",
                "package_size": "100",
                "package_price": 150,
                **zero,
            },
            {"key": "fee", "name": "", "kind": "percentage", "meter": "volume", "rate": "2.5", **zero},
        ],
        "allowances": [
            {
                "credit_type": "credits",
                "amount": "500",
                "reset": "daily",
                "rollover": {"mode": "up_to", "limit": "100", "periods": 2},
                "priority": 3,
            }
        ],
        "features": features,
        "trial_days": 14,
        "debits": {"chat": "chat"},
        "created_at": shown["created_at"],
        "updated_at": shown["created_at"],
    }
    for path in ("pro", shown["id"]):
        assert reader.get(f"/v2/plans/{path}").json() == shown
    # what is shown can be sent again
    terms = ("components", "allowances", "features", "trial_days", "debits", "interval", "currency")
    again = made(api, **{name: shown[name] for name in terms}, name="Again")
    assert {name: again[name] for name in terms} == {name: shown[name] for name in terms}
    problem(api.post("/v2/plans", BARE | {"key": "pro"}), 409, "key_taken")


def test_meters_are_made(api: Api) -> None:
    made(api, components=[{"key": "a", "kind": "per_unit", "meter": "made.here", "unit_price": 1}])
    [meter] = [row for row in api.get("/v2/meters", limit=100).json()["data"] if row["key"] == "made.here"]
    assert (meter["metric"], meter["aggregation"]) == ("made.here", "sum")


def test_once_for_a_key(api: Api) -> None:
    first, again = (api.post("/v2/plans", BARE, key="plan-once") for _ in range(2))
    assert (first.status_code, again.content) == (201, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    problem(api.post("/v2/plans", BARE | {"name": "x"}, key="plan-once"), 422, "idempotency_key_reused")


def test_change_and_versions(api: Api, reader: Api) -> None:
    first = made(api, key="changing", components=COMPONENTS[:1], trial_days=7)
    path = f"/v2/plans/{first['id']}"
    renamed = api.send(
        "PATCH", path, {"name": "Renamed", "tier": "t", "rank": 1, "status": "archived"}
    ).json()
    assert (renamed["version"], renamed["tier"], renamed["rank"], renamed["status"]) == (
        1,
        "t",
        1,
        "archived",
    )
    dearer = {"components": [COMPONENTS[0] | {"amount": 3900}]}
    second = api.send("PATCH", path, dearer)
    assert second.status_code == 200
    assert (second.json()["version"], second.json()["trial_days"]) == (2, 7)
    assert second.json()["base_amount"] == {"amount": 3900, "currency": "USD"}
    assert api.send("PATCH", path, dearer).json() == second.json()
    assert api.send("PATCH", path, {"tier": None, "rank": None}).json()["tier"] is None
    versions = reader.get(f"{path}/versions").json()
    assert [row["version"] for row in versions["data"]] == [2, 1]
    shown = versions["data"][1]
    assert shown == {
        "plan": first["id"],
        "version": 1,
        **{
            name: first[name]
            for name in (
                "interval",
                "currency",
                "pricing_model",
                "base_amount",
                "components",
                "allowances",
                "features",
                "trial_days",
                "debits",
            )
        },
        "created_at": first["created_at"],
        "created_by": shown["created_by"],
    }
    assert shown["created_by"].startswith("key_")
    assert reader.get("/v2/plans/changing/versions/1").json() == shown
    page = reader.get(f"{path}/versions", limit=1).json()
    rest = reader.get(f"{path}/versions", limit=1, cursor=page["next_cursor"]).json()
    assert (rest["data"], rest["next_cursor"]) == ([shown], None)
    for version in ("0", "3", "x", "-1", "1.0", "9" * 30, "%00", "٣"):
        problem(reader.get(f"{path}/versions/{version}"), 404, "not_found")
    log = api.get("/v2/audit-log", limit=1).json()["data"][0]
    assert (log["action"], log["target"]) == ("plan.update", first["id"])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"key": "x"}, "key"),
        ({"name": None}, "name"),
        ({"status": "deleted"}, "status"),
        ({"interval": "weekly"}, "interval"),
        ({"interval": "one_time"}, "components.1.kind"),
        ({"currency": "EUR"}, "components"),
        ({"components": None}, "components"),
        ({"components": [{"key": "a", "kind": "flat", "amount": "1"}]}, "components.0.amount"),
        ({"trial_days": 731}, "trial_days"),
        ({"version": 2}, "version"),
    ],
)
def test_changes_that_are_wrong(api: Api, body: dict[str, Any], field: str) -> None:
    plan = made(api, components=COMPONENTS[:2])
    refused = problem(api.send("PATCH", f"/v2/plans/{plan['id']}", body), 422, "invalid_request")
    assert fields_of(refused) == [field]
    assert api.get(f"/v2/plans/{plan['id']}").json() == plan


def test_delete(api: Api) -> None:
    plan = made(api, key="gone")
    assert api.send("DELETE", "/v2/plans/gone").json() == plan
    for path in ("gone", plan["id"]):
        for method, rest, body in (
            ("GET", "", None),
            ("GET", "/versions", None),
            ("GET", "/versions/1", None),
            ("POST", "/quote", {}),
            ("PATCH", "", {"name": "x"}),
            ("DELETE", "", None),
        ):
            problem(api.send(method, f"/v2/plans/{path}{rest}", body), 404, "not_found")
    assert made(api, key="gone")["id"] != plan["id"]


def test_lists(stranger: Api) -> None:
    made(stranger, name="One", tier="a")
    made(stranger, name="Two", tier="a", interval="yearly", currency="EUR")
    made(stranger, name="Three", status="archived")

    def listed(**query: Any) -> list[str]:
        return [row["name"] for row in stranger.get("/v2/plans", **query).json()["data"]]

    assert listed() == ["Three", "Two", "One"]
    assert listed(status="archived") == ["Three"]
    assert listed(tier="a", status="active") == ["Two", "One"]
    assert listed(interval="yearly") == listed(currency="EUR") == listed(q="TW") == ["Two"]
    first = stranger.get("/v2/plans", limit=2).json()
    assert listed(limit=2, cursor=first["next_cursor"]) == ["One"]
    for query in (
        {"status": "x"},
        {"interval": "x"},
        {"currency": "x"},
        {"limit": 0},
        {"x": 1},
        {"tier": "\0"},
    ):
        refused = problem(stranger.get("/v2/plans", **query), 422, "invalid_request")
        assert fields_of(refused) == list(query)


def test_quote(api: Api, reader: Api) -> None:
    plan = made(api, **WHOLE)
    path = f"/v2/plans/{plan['id']}/quote"
    quantities = {"calls": "1001.5", "sms": 101, "volume": 199, "seats": 6}
    quoted = reader.post(path, {"quantities": quantities})
    assert quoted.status_code == 200

    def line(component: str, description: str, quantity: Any, unit_price: Any, amount: int) -> dict[str, Any]:
        return {
            "component": component,
            "description": description,
            "quantity": quantity,
            "unit_price": unit_price,
            "amount": {"amount": amount, "currency": "USD"},
        }

    assert quoted.json() == {
        "plan": plan["id"],
        "version": 1,
        "lines": [
            line("base", "Base fee", None, None, 2900),
            line("unit", "unit", "1.5", "0.5", 1),
            line("steps", "steps: up to 10", "10", "2", 20),
            line("steps", "steps: up to 10, flat", None, None, 100),
            line("steps", "steps: above 10", "991.5", "0.000001", 0),
            line("steps", "steps: minimum", None, None, 380),
            line("all", "all: above 0.5", "1001.5", "1", 1002),
            line("stairs", "stairs: above 5", "6", None, 900),
            line("packs", "packs: packages of 100", "2", "150", 300),
            line("fee", "fee: 2.5%", "199", "0.025", 5),
        ],
        "total": {"amount": 5608, "currency": "USD"},
    }
    nothing = reader.post(path, {}).json()
    assert [one["component"] for one in nothing["lines"]] == ["base", "steps"]
    assert nothing["total"]["amount"] == 3400
    api.send("PATCH", f"/v2/plans/{plan['id']}", {"components": []})
    assert reader.post(path, {}).json()["lines"] == []
    assert reader.post(path, {"quantities": quantities, "version": 1}).json() == quoted.json()
    problem(reader.post(path, {"version": 3}), 404, "not_found")
    for body, field in (
        ({"quantities": {"calls": 1}}, "quantities.calls"),
        ({"quantities": {"calls": -1}, "version": 1}, "quantities.calls"),
        ({"quantities": {"calls": 1.5}, "version": 1}, "quantities.calls"),
        ({"quantities": {"calls": 10**400}, "version": 1}, "quantities.calls"),
        ({"quantities": []}, "quantities"),
        ({"version": 0}, "version"),
        ({"version": 10**400}, "version"),
        ({"colour": "red"}, "colour"),
    ):
        refused = problem(reader.post(path, body), 422, "invalid_request")
        assert fields_of(refused) == [field]


def test_a_quote_beyond_all_money(api: Api) -> None:
    dear = {"key": "a", "kind": "per_unit", "meter": "a", "unit_price": 10**9}
    path = f"/v2/plans/{made(api, components=[dear])['id']}/quote"
    refused = problem(api.post(path, {"quantities": {"a": 9_007_199_254}}), 422, "invalid_request")
    assert fields_of(refused) == ["quantities"]


@pytest.mark.parametrize("path", ["none", "plan_" + "0" * 26, "plan_x", "%00", "%ff", "a%2Fb"])
def test_unknown_plans(api: Api, path: str) -> None:
    for method, body in (("GET", None), ("PATCH", {"name": "x"}), ("DELETE", None)):
        problem(api.send(method, f"/v2/plans/{path}", body), 404, "not_found")


def test_a_plan_that_is_held_stays(api: Api) -> None:
    plan = made(api, key="held")
    subscribed = api.post("/v2/subscriptions", {"account": api.account(), "plan": plan["id"]})
    assert subscribed.status_code == 201, subscribed.text
    problem(api.send("DELETE", "/v2/plans/held"), 409, "plan_in_use")
    assert api.get("/v2/plans/held").json() == plan
