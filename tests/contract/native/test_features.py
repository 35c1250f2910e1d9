"""/v2/features"""

from typing import Any

import pytest

from tests.contract.served import Api, fields_of, problem

pytestmark = pytest.mark.holds(
    "native",
    "GET /v2/features",
    "POST /v2/features",
    "GET /v2/features/{feature}",
    "PATCH /v2/features/{feature}",
    "DELETE /v2/features/{feature}",
)


def made(api: Api, key: str, **fields: Any) -> dict[str, Any]:
    answer = api.post("/v2/features", {"key": key, "name": key.title(), "type": "BOOLEAN"} | fields)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def test_define_and_read(api: Api, reader: Api) -> None:
    shown = made(api, "sso", name="Single sign-on", category="security", description="SAML\nOIDC")
    assert shown == {
        "id": shown["id"],
        "number": shown["number"],
        "key": "sso",
        "name": "Single sign-on",
        "description": "SAML\nOIDC",
        "type": "BOOLEAN",
        "category": "security",
        "unit": "",
        "credit_type": None,
        "created_at": shown["created_at"],
        "updated_at": shown["created_at"],
    }
    assert shown["id"].startswith("feat_")
    for path in ("sso", shown["id"]):
        assert reader.get(f"/v2/features/{path}").json() == shown
    assert made(api, "chat", type="CREDIT_BASED")["credit_type"] == "credits"
    problem(api.post("/v2/features", {"key": "sso", "name": "x", "type": "BOOLEAN"}), 409, "key_taken")


def test_once_for_a_key(api: Api) -> None:
    body = {"key": "once", "name": "Once", "type": "BOOLEAN"}
    first, again = (api.post("/v2/features", body, key="feature-once") for _ in range(2))
    assert (first.status_code, again.content) == (201, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    other = api.post("/v2/features", body | {"name": "Twice"}, key="feature-once")
    problem(other, 422, "idempotency_key_reused")


def test_change(api: Api) -> None:
    shown = made(api, "seats", type="HARD_LIMIT", unit="seat")
    changed = api.send("PATCH", "/v2/features/seats", {"name": "Team seats", "category": "team"})
    assert changed.status_code == 200
    assert changed.json() == shown | {
        "name": "Team seats",
        "category": "team",
        "updated_at": changed.json()["updated_at"],
    }
    assert api.send("PATCH", f"/v2/features/{shown['id']}", {}).json() == changed.json()
    for body, field in (
        ({"key": "x"}, "key"),
        ({"type": "BOOLEAN"}, "type"),
        ({"name": None}, "name"),
        ({"name": ""}, "name"),
        ({"unit": 1}, "unit"),
        ({"credit_type": "credits"}, "credit_type"),
    ):
        refused = problem(api.send("PATCH", "/v2/features/seats", body), 422, "invalid_request")
        assert fields_of(refused) == [field]


def test_delete(api: Api) -> None:
    shown = made(api, "gone")
    plan = {"name": "x", "interval": "monthly", "currency": "USD", "features": {"gone": True}}
    named = api.post("/v2/plans", plan).json()["id"]
    problem(api.send("DELETE", "/v2/features/gone"), 409, "feature_in_use")
    api.send("DELETE", f"/v2/plans/{named}")
    assert api.send("DELETE", "/v2/features/gone").json() == shown
    for path in ("gone", shown["id"]):
        problem(api.get(f"/v2/features/{path}"), 404, "not_found")
        problem(api.send("DELETE", f"/v2/features/{path}"), 404, "not_found")
    log = api.get("/v2/audit-log", limit=1).json()["data"][0]
    assert (log["action"], log["target"]) == ("feature.delete", shown["id"])
    assert made(api, "gone")["id"] != shown["id"]


def test_lists(stranger: Api) -> None:
    keys = ["a", "b", "c"]
    for key in keys:
        made(stranger, key, name=f"Listed {key}", category="x" if key == "a" else "y")
    made(stranger, "d", type="CREDIT_BASED", category="z")

    def listed(**query: Any) -> list[str]:
        return [row["key"] for row in stranger.get("/v2/features", **query).json()["data"]]

    assert listed() == ["d", "c", "b", "a"]
    assert listed(category="y") == ["c", "b"]
    assert listed(type="CREDIT_BASED") == listed(credit_type="credits") == ["d"]
    assert listed(q="listed A") == ["a"]
    first = stranger.get("/v2/features", limit=3).json()
    assert listed(limit=3, cursor=first["next_cursor"]) == ["a"]
    for query in ({"type": "X"}, {"limit": 0}, {"cursor": "x"}, {"colour": "red"}, {"q": ""}, {"q": "a\0"}):
        refused = problem(stranger.get("/v2/features", **query), 422, "invalid_request")
        assert fields_of(refused) == list(query)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"key": ...}, "key"),
        ({"name": ...}, "name"),
        ({"type": ...}, "type"),
        ({"key": "a b"}, "key"),
        ({"key": "a\0"}, "key"),
        ({"key": "a/b"}, "key"),
        ({"key": 7}, "key"),
        ({"key": "x" * 101}, "key"),
        ({"name": "\ud800"}, "name"),
        ({"name": "\0"}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"description": "x" * 2001}, "description"),
        ({"description": "\x07"}, "description"),
        ({"category": 10**400}, "category"),
        ({"unit": True}, "unit"),
        ({"type": "boolean"}, "type"),
        ({"type": None}, "type"),
        ({"credit_type": "credits"}, "credit_type"),
        ({"type": "CREDIT_BASED", "credit_type": "gold"}, "credit_type"),
        ({"type": "CREDIT_BASED", "credit_type": "\0"}, "credit_type"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_is_wrong_is_named(api: Api, change: dict[str, Any], field: str) -> None:
    whole = {"key": "wrong", "name": "Wrong", "type": "BOOLEAN"} | change
    body = {name: value for name, value in whole.items() if value is not ...}
    refused = problem(api.post("/v2/features", body), 422, "invalid_request")
    assert fields_of(refused) == [field]


@pytest.mark.parametrize("path", ["none", "feat_" + "0" * 26, "feat_x", "%00", "%ff", "x%0a", "é"])
def test_unknown_features(api: Api, path: str) -> None:
    for method, body in (("GET", None), ("PATCH", {"name": "x"}), ("DELETE", None)):
        problem(api.send(method, f"/v2/features/{path}", body), 404, "not_found")


def test_broken_bodies(api: Api) -> None:
    problem(api.post("/v2/features", "{"), 400, "invalid_json")
    for body in ("[]", "7", '"x"', "null"):
        problem(api.post("/v2/features", body), 422, "invalid_request")
