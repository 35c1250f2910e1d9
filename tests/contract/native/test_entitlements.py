"""/v2/accounts/{account}/entitlements and /v2/features/check, consume, release"""

import asyncio
from typing import Any

import httpx2
import pytest

from tests.contract.native.subscribing import feature, plan, subscribe
from tests.contract.served import Api, House, fields_of, problem

pytestmark = pytest.mark.holds(
    "native",
    "POST /v2/features",
    "GET /v2/features/{feature}",
    "DELETE /v2/features/{feature}",
    "GET /v2/accounts/{account}/entitlements",
    "GET /v2/accounts/{account}/entitlements/{feature}",
    "POST /v2/features/check",
    "POST /v2/features/consume",
    "POST /v2/features/release",
)

FIELDS = {
    "feature", "name", "type", "unit", "credit_type", "scope", "allowed", "reason", "unlimited", "limit", "used",
    "remaining", "allocated", "consumed", "period_start", "period_end", "scopes",
}  # fmt: skip
USED = {
    "feature", "type", "scope", "amount", "unlimited", "limit", "used", "remaining", "credit_type", "entry",
}  # fmt: skip


@pytest.fixture(autouse=True)
def features(api: Api) -> None:
    feature(api, "export", "BOOLEAN")
    feature(api, "projects", unit="project")
    feature(api, "chat", "CREDIT_BASED")


def customer(api: Api, **fields: Any) -> str:
    """An account with a free plan of these features."""
    return str(subscribe(api, plan(api, **fields))["account"])


def state(api: Api, account: str, key: str, **query: Any) -> dict[str, Any]:
    found = api.get(f"/v2/accounts/{account}/entitlements/{key}", **query)
    assert found.status_code == 200, found.text
    return dict(found.json())


def consume(api: Api, account: str, feature: str = "projects", amount: Any = 1, key: str | None = None,
            **fields: Any) -> Any:  # fmt: skip
    return api.post(
        "/v2/features/consume", {"account": account, "feature": feature, "amount": amount} | fields, key
    )


def release(api: Api, account: str, feature: str = "projects", amount: Any = 1, key: str | None = None,
            **fields: Any) -> Any:  # fmt: skip
    return api.post(
        "/v2/features/release", {"account": account, "feature": feature, "amount": amount} | fields, key
    )


def test_what_an_account_may_use(api: Api) -> None:
    account = customer(api, features={"export": True, "projects": 3}, allowances=[{"amount": "100"}])
    page = api.get(f"/v2/accounts/{account}/entitlements").json()
    assert page["next_cursor"] is None
    chat, export, projects = page["data"]
    assert [set(one) for one in page["data"]] == [FIELDS] * 3
    assert (export["feature"], export["type"], export["allowed"], export["reason"]) == (
        "export", "BOOLEAN", True, "ok"
    )  # fmt: skip
    assert (export["limit"], export["used"], export["remaining"], export["unlimited"]) == (
        None,
        None,
        None,
        False,
    )
    assert (projects["limit"], projects["used"], projects["remaining"], projects["unit"]) == (
        "3", "0", "3", "project"
    )  # fmt: skip
    assert (chat["credit_type"], chat["allocated"], chat["consumed"], chat["remaining"]) == (
        "credits", "100", "0", "100"
    )  # fmt: skip
    assert chat["period_start"] < chat["period_end"]
    for one in page["data"]:
        assert state(api, account, one["feature"]) == one
    first = api.get(f"/v2/accounts/{account}/entitlements", limit=1).json()
    rest = api.get(f"/v2/accounts/{account}/entitlements", limit=2, cursor=first["next_cursor"]).json()
    assert first["data"] + rest["data"] == page["data"]


def test_an_account_without_a_plan(api: Api) -> None:
    account = api.account()
    reasons = {
        one["feature"]: one["reason"]
        for one in api.get(f"/v2/accounts/{account}/entitlements").json()["data"]
    }
    assert reasons == {
        "chat": "insufficient_credits", "export": "no_subscription", "projects": "no_subscription"
    }  # fmt: skip
    refused = problem(consume(api, account), 402, "limit_reached")
    assert (refused["feature"], refused["reason"], refused["needed"], refused["remaining"]) == (
        "projects", "no_subscription", "1", "0"
    )  # fmt: skip


def test_reasons(api: Api) -> None:
    made = subscribe(api, plan(api, features={"projects": 3}))
    account = made["account"]
    assert state(api, account, "export")["reason"] == "not_in_plan"
    assert state(api, account, "projects", amount=4)["reason"] == "limit_reached"
    api.post(f"/v2/subscriptions/{made['id']}/pause")
    assert state(api, account, "projects")["reason"] == "paused"
    api.post(f"/v2/subscriptions/{made['id']}/resume")
    unpaid = subscribe(api, plan(api, "10.00", features={"projects": 3}))
    assert state(api, unpaid["account"], "projects")["reason"] == "incomplete"
    api.send("PATCH", f"/v2/accounts/{account}", {"status": "blocked"})
    assert state(api, account, "projects")["reason"] == "account_blocked"
    problem(consume(api, account), 409, "account_blocked")
    assert release(api, account).status_code == 200


def test_check(api: Api) -> None:
    account = customer(api, features={"projects": 3})
    body = {"account": account, "feature": "projects"}
    for more, allowed in (
        ({}, True),
        ({"amount": 3}, True),
        ({"amount": "4"}, False),
        ({"scope": "p"}, True),
    ):
        made = api.post("/v2/features/check", body | more)
        assert (made.status_code, set(made.json()), made.json()["allowed"]) == (200, FIELDS, allowed)
    assert state(api, account, "projects")["used"] == "0"


def test_consume_and_release(api: Api) -> None:
    account = customer(api, features={"projects": 3})
    made = consume(api, account, amount=2)
    assert made.status_code == 200
    assert made.json() == {
        "feature": "projects", "type": "HARD_LIMIT", "scope": "", "amount": "2", "unlimited": False, "limit": "3",
        "used": "2", "remaining": "1", "credit_type": None, "entry": None,
    }  # fmt: skip
    refused = problem(consume(api, account, amount=2), 402, "limit_reached")
    assert (refused["needed"], refused["remaining"], refused["reason"]) == ("2", "1", "limit_reached")
    assert "retry_with_new_key" not in refused
    back = release(api, account, amount=5).json()
    assert (back["amount"], back["used"], back["remaining"]) == ("2", "0", "3")


def test_scopes(api: Api) -> None:
    account = customer(api, features={"projects": 1})
    for scope in ("a", "b"):
        assert consume(api, account, scope=scope).json()["scope"] == scope
        problem(consume(api, account, scope=scope), 402, "limit_reached")
    found = state(api, account, "projects", scope="a")
    assert (found["scope"], found["used"], found["remaining"]) == ("a", "1", "0")
    [listed] = [one for one in api.get(f"/v2/accounts/{account}/entitlements").json()["data"]
                if one["feature"] == "projects"]  # fmt: skip
    assert (listed["used"], listed["scopes"]) == ("0", {"a": "1", "b": "1"})


def test_without_limit(api: Api) -> None:
    account = customer(api, features={"projects": None})
    made = consume(api, account, amount=1000).json()
    assert (made["unlimited"], made["limit"], made["remaining"], made["used"]) == (True, None, None, "1000")


def test_credits(api: Api) -> None:
    account = api.funded(10)
    made = consume(api, account, "chat", "2.5", scope="p-1", metadata={"job": 7})
    assert made.status_code == 200
    shown = made.json()
    assert set(shown) == USED
    assert (shown["amount"], shown["remaining"], shown["credit_type"], shown["used"]) == (
        "2.5", "7.5", "credits", None
    )  # fmt: skip
    entry = api.get(f"/v2/entries/{shown['entry']}").json()
    assert (entry["operation"], entry["reference"], entry["metadata"]) == ("chat", "p-1", {"job": 7})
    refused = problem(consume(api, account, "chat", 8), 402, "insufficient_credits")
    assert (refused["needed"], refused["available"]) == ("8", "7.5")
    assert state(api, account, "chat", amount="7.5")["allowed"]
    assert state(api, account, "chat", amount="7.6")["reason"] == "insufficient_credits"


@pytest.mark.parametrize(("key", "amount"), [("projects", 1), ("chat", "0.5")])
def test_a_key_counts_once(api: Api, key: str, amount: Any) -> None:
    account = customer(api, features={"projects": 2}, allowances=[{"amount": 1}])
    first, again = (consume(api, account, key, amount, key="k") for _ in range(2))
    assert first.status_code == 200
    assert "idempotent-replayed" not in first.headers
    assert (again.content, again.headers["idempotent-replayed"]) == (first.content, "true")
    problem(consume(api, account, key, 2, key="k"), 422, "idempotency_key_reused")
    problem(consume(api, account, "chat" if key == "projects" else "projects", 1, key="k"), 422,
            "idempotency_key_reused")  # fmt: skip
    refused = problem(
        consume(api, account, key, 5, key="no"), 402, state(api, account, key, amount=5)["reason"]
    )
    assert refused["retry_with_new_key"] is True
    later = consume(api, account, key, 5, key="no")
    assert (later.status_code, later.headers["idempotent-replayed"]) == (402, "true")
    other = customer(api, features={"projects": 2}, allowances=[{"amount": 1}])
    assert "idempotent-replayed" not in consume(api, other, key, amount, key="k").headers


def test_a_release_counts_once(api: Api) -> None:
    account = customer(api, features={"projects": 5})
    consume(api, account, amount=5)
    first, again = (release(api, account, amount=2, key="r") for _ in range(2))
    assert (first.content, again.headers["idempotent-replayed"]) == (again.content, "true")
    assert state(api, account, "projects")["used"] == "3"


def test_sixty_four_at_once(api: Api, house: House) -> None:
    account = customer(api, features={"projects": 10})

    async def work(client: httpx2.AsyncClient) -> list[int]:
        body = {"account": account, "feature": "projects", "amount": 1}
        made = await asyncio.gather(*(client.post("/v2/features/consume", json=body) for _ in range(64)))
        return [one.status_code for one in made]

    statuses = house.together(work)
    assert (statuses.count(200), statuses.count(402)) == (10, 54)
    assert state(api, account, "projects")["used"] == "10"


def test_a_key_at_once(api: Api, house: House) -> None:
    account = customer(api, features={"projects": 10})

    async def work(client: httpx2.AsyncClient) -> set[bytes]:
        body = {"account": account, "feature": "projects", "amount": 1}
        headers = {"Idempotency-Key": "at-once"}
        made = await asyncio.gather(
            *(client.post("/v2/features/consume", json=body, headers=headers) for _ in range(32))
        )
        return {one.content for one in made}

    assert len(house.together(work)) == 1
    assert state(api, account, "projects")["used"] == "1"


@pytest.mark.parametrize("path", ["check", "consume", "release"])
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"feature": "projects", "amount": 1}, "account"),
        ({"account": "ext:x", "amount": 1}, "feature"),
        ({"account": 1, "feature": "projects", "amount": 1}, "account"),
        ({"account": "ext:x", "feature": 1, "amount": 1}, "feature"),
        ({"account": "ext:x", "feature": "", "amount": 1}, "feature"),
        ({"account": "ext:x", "feature": "projects", "amount": 0}, "amount"),
        ({"account": "ext:x", "feature": "projects", "amount": -1}, "amount"),
        ({"account": "ext:x", "feature": "projects", "amount": 1.5}, "amount"),
        ({"account": "ext:x", "feature": "projects", "amount": True}, "amount"),
        ({"account": "ext:x", "feature": "projects", "amount": "NaN"}, "amount"),
        ({"account": "ext:x", "feature": "projects", "amount": 2**53}, "amount"),
        ({"account": "ext:x", "feature": "projects", "amount": 1, "scope": "x" * 256}, "scope"),
        ({"account": "ext:x", "feature": "projects", "amount": 1, "scope": "\0"}, "scope"),
        ({"account": "ext:x", "feature": "projects", "amount": 1, "scope": "\ud800"}, "scope"),
        ({"account": "ext:x", "feature": "a\0b", "amount": 1}, "feature"),
        ({"account": "ext:x", "feature": "\ud800", "amount": 1}, "feature"),
        ({"account": "ext:\0", "feature": "projects", "amount": 1}, "account"),
        ({"account": "ext:x", "feature": "projects", "amount": 1, "colour": 1}, "colour"),
    ],
)
def test_what_is_wrong(api: Api, path: str, body: Any, field: str) -> None:
    assert fields_of(problem(api.post(f"/v2/features/{path}", body), 422, "invalid_request")) == [field]


def test_what_cannot_be(api: Api) -> None:
    account = customer(api, features={"projects": 3, "export": True})
    for act in (consume, release):
        assert fields_of(problem(act(api, account, amount="1.5"), 422, "invalid_request")) == ["amount"]
        assert fields_of(problem(act(api, account, "export"), 422, "invalid_request")) == ["feature"]
        assert fields_of(problem(act(api, account, scope="a\x01b"), 422, "invalid_request")) == ["scope"]
        problem(act(api, account, "nothing"), 404, "not_found")
        problem(act(api, "ext:nobody"), 404, "not_found")
    assert fields_of(problem(release(api, account, "chat"), 422, "invalid_request")) == ["feature"]
    for path in ("check", "consume", "release"):
        problem(api.post(f"/v2/features/{path}", b"{"), 400, "invalid_json")
    wrong = {"account": account, "feature": "projects", "amount": 1, "metadata": []}
    assert fields_of(problem(api.post("/v2/features/consume", wrong), 422, "invalid_request")) == ["metadata"]
    base = f"/v2/accounts/{account}/entitlements"
    for query, field in (
        ({"amount": "x"}, "amount"), ({"amount": "0"}, "amount"), ({"scope": "x" * 256}, "scope"), ({"a": 1}, "a"),
        ({"scope": "\0"}, "scope"),
    ):  # fmt: skip
        assert fields_of(problem(api.get(f"{base}/projects", **query), 422, "invalid_request")) == [field]
    assert fields_of(problem(api.get(base, cursor="x"), 422, "invalid_request")) == ["cursor"]
    for key in ("nothing", "%00", "feat_" + "0" * 26):
        problem(api.get(f"{base}/{key}"), 404, "not_found")


def test_the_literal_paths_win(api: Api) -> None:
    """A feature may be called check; asking about features is another thing than reading that one."""
    feature(api, "check", "BOOLEAN")
    try:
        assert api.get("/v2/features/check").json()["type"] == "BOOLEAN"
        problem(api.post("/v2/features/check", {}), 422, "invalid_request")
    finally:
        assert api.send("DELETE", "/v2/features/check").status_code == 200


def test_who_may(api: Api, reader: Api, writer: Api, stranger: Api, test_mode: Api, nobody: Api) -> None:
    account = customer(api, features={"projects": 3})
    body = {"account": account, "feature": "projects", "amount": 1}
    assert reader.post("/v2/features/check", body).status_code == 200
    assert reader.get(f"/v2/accounts/{account}/entitlements").status_code == 200
    assert state(reader, account, "projects")["allowed"]
    for path in ("consume", "release"):
        problem(reader.post(f"/v2/features/{path}", body), 403, "forbidden")
        assert writer.post(f"/v2/features/{path}", body).status_code == 200
    for other in (stranger, test_mode):
        for path in ("check", "consume", "release"):
            problem(other.post(f"/v2/features/{path}", body), 404, "not_found")
        problem(other.get(f"/v2/accounts/{account}/entitlements"), 404, "not_found")
        problem(other.get(f"/v2/accounts/{account}/entitlements/projects"), 404, "not_found")
    for path in ("check", "consume", "release"):
        problem(nobody.post(f"/v2/features/{path}", body), 401, "unauthenticated")
    problem(nobody.get(f"/v2/accounts/{account}/entitlements"), 401, "unauthenticated")
    assert state(api, account, "projects")["used"] == "0"


def test_a_plan_may_keep_credits_from_being_spent(api: Api) -> None:
    account = customer(api, features={"chat": False}, allowances=[{"amount": "100"}])
    assert (state(api, account, "chat")["allowed"], state(api, account, "chat")["reason"]) == (
        False,
        "not_in_plan",
    )
    assert problem(consume(api, account, "chat"), 402, "limit_reached")["reason"] == "not_in_plan"
    held = subscribe(api, plan(api, features={"chat": True}, allowances=[{"amount": "100"}]))
    first = consume(api, held["account"], "chat", 5, "once")
    assert first.status_code == 200
    assert api.post(f"/v2/subscriptions/{held['id']}/pause", {}).status_code == 200
    assert state(api, held["account"], "chat")["reason"] == "paused"
    assert problem(consume(api, held["account"], "chat", 5), 402, "limit_reached")["reason"] == "paused"
    again = consume(api, held["account"], "chat", 5, "once")
    assert (again.status_code, again.content) == (200, first.content)
