"""/v2/accounts and what is read of one: balance, entries, grants, holds"""

from typing import Any

import pytest

from tests.contract.served import Api, fields_of, problem

pytestmark = pytest.mark.holds(
    "native",
    "GET /v2/accounts/{account}/balance",
    "POST /v2/accounts",
    "GET /v2/accounts",
    "GET /v2/accounts/{account}",
    "PATCH /v2/accounts/{account}",
    "GET /v2/accounts/{account}/entries",
    "GET /v2/accounts/{account}/grants",
    "GET /v2/accounts/{account}/holds",
)


def test_create(api: Api) -> None:
    body = {
        "external_id": "acme-1",
        "name": "Acme",
        "email": "Billing@Acme.example",
        "currency": "UGX",
        "time_zone": "Africa/Kampala",
        "metadata": {"tier": "gold"},
        "first_name": "Ann",
        "last_name": "Nakato",
        "phone": "+256 700 000000",
        "kind": "business",
        "address": {
            "line1": "Plot 1",
            "line2": "",
            "city": "Kampala",
            "region": "Central",
            "postal_code": "",
            "country": "UG",
        },
        "tax_id": "UG-1000",
        "tax_exempt": True,
    }
    made = api.post("/v2/accounts", body, key="a")
    assert made.status_code == 201
    shown = made.json()
    assert shown == {
        **body,
        "id": shown["id"],
        "number": shown["number"],
        "email": "billing@acme.example",
        "status": "active",
        "created_at": shown["created_at"],
        "updated_at": shown["updated_at"],
    }
    assert shown["id"].startswith("acct_")
    again = api.post("/v2/accounts", body, key="a")
    assert (again.status_code, again.content) == (201, made.content)
    assert again.headers["idempotent-replayed"] == "true"
    problem(api.post("/v2/accounts", {**body, "name": "B"}, key="a"), 422, "idempotency_key_reused")
    problem(api.post("/v2/accounts", body), 409, "external_id_taken")
    assert api.get("/v2/accounts/ext:acme-1").json() == shown
    assert api.get(f"/v2/accounts/{shown['id']}").json() == shown
    assert api.get("/v2/accounts", external_id="acme-1").json() == {"data": [shown], "next_cursor": None}
    assert shown in api.get("/v2/accounts", email="BILLING@acme.example").json()["data"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("external_id", ""),
        ("external_id", "x" * 256),
        ("external_id", "\0"),
        ("external_id", 5),
        ("name", "x" * 256),
        ("name", "\ud800"),
        ("email", "nonsense"),
        ("currency", "usd"),
        ("currency", "XXX"),
        ("time_zone", "Mars/Olympus"),
        ("time_zone", ""),
        ("metadata", []),
        ("metadata", {"a": "x" * 17_000}),
        ("metadata", {"a": "\0"}),
        ("first_name", "x" * 101),
        ("last_name", "\0"),
        ("phone", 256),
        ("phone", "\ud800"),
        ("kind", "person"),
        ("tax_id", "x" * 101),
        ("tax_exempt", "yes"),
        ("tax_exempt", 1),
        ("address", "Plot 1"),
        ("colour", "red"),
    ],
)
def test_values_that_are_wrong(api: Api, field: str, value: Any) -> None:
    assert fields_of(problem(api.post("/v2/accounts", {field: value}), 422, "invalid_request")) == [field]
    account = api.account()
    changed = api.send("PATCH", f"/v2/accounts/{account}", {field: value})
    assert fields_of(problem(changed, 422, "invalid_request")) == [field]


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("country", "ug"),
        ("country", "UGA"),
        ("country", "U1"),
        ("country", ""),
        ("line1", "x" * 256),
        ("city", "\0"),
        ("street", "Plot 1"),
    ],
)
def test_addresses_that_are_wrong(api: Api, part: str, value: str) -> None:
    made = api.post("/v2/accounts", {"address": {part: value}})
    assert fields_of(problem(made, 422, "invalid_request")) == [f"address.{part}"]


def test_an_address_is_replaced_whole(api: Api) -> None:
    made = api.post("/v2/accounts", {"address": {"line1": "Plot 1", "country": "UG"}}).json()
    assert (made["kind"], made["tax_exempt"], made["first_name"]) == ("individual", False, "")
    path = f"/v2/accounts/{made['id']}"
    changed = api.send("PATCH", path, {"address": {"city": "Gulu"}, "kind": "business", "tax_exempt": True})
    shown = changed.json()
    assert (shown["kind"], shown["tax_exempt"]) == ("business", True)
    assert {part: text for part, text in shown["address"].items() if text} == {"city": "Gulu"}
    assert api.get(path).json() == shown
    assert not any(api.send("PATCH", path, {"address": {}}).json()["address"].values())


def test_a_blocked_account_spends_nothing(api: Api) -> None:
    account = api.account()
    path = f"/v2/accounts/{account}"
    api.grant(account, 10)
    hold = api.hold(account, 2)["id"]
    assert api.send("PATCH", path, {"status": "blocked"}).json()["status"] == "blocked"
    debit = {"account": account, "amount": 1}
    problem(api.post("/v2/debits", debit), 409, "account_blocked")
    problem(api.post("/v2/holds", {**debit, "expires_in": 60}), 409, "account_blocked")
    problem(api.post(f"/v2/holds/{hold}/extend", {"expires_in": 900}), 409, "account_blocked")
    sent = {"from": account, "to": api.account(), "amount": 1}
    problem(api.post("/v2/transfers", sent), 409, "account_blocked")
    assert api.post(f"/v2/holds/{hold}/capture", {"amount": 1, "final": True}).status_code == 200
    api.grant(account, 1)
    assert [row["id"] for row in api.get("/v2/accounts", status="blocked").json()["data"]] == [account]
    assert api.get("/v2/accounts", status="active", limit=100).json()["data"]
    assert api.send("PATCH", path, {"status": "inactive"}).json()["status"] == "inactive"
    assert api.get("/v2/accounts", status="blocked").json()["data"] == []
    assert api.post("/v2/debits", debit).status_code == 201
    for status in ("closed", "gone", None, 1):
        refused = problem(api.send("PATCH", path, {"status": status}), 422, "invalid_request")
        assert fields_of(refused) == ["status"]
    unknown = problem(api.get("/v2/accounts", status="gone"), 422, "invalid_request")
    assert fields_of(unknown) == ["status"]
    acts = [row for row in api.get("/v2/audit-log").json()["data"] if row["target"] == account]
    assert [row["details"] for row in acts] == [
        {"from": "blocked", "to": "inactive"},
        {"from": "active", "to": "blocked"},
    ]


@pytest.mark.parametrize("body", ["{", '{"metadata": {"a": NaN}}', "[" * 100_000])
def test_what_is_not_json(api: Api, nobody: Api, body: str) -> None:
    problem(api.post("/v2/accounts", body), 400, "invalid_json")
    problem(nobody.post("/v2/accounts", body), 401, "unauthenticated")


def test_json_by_another_content_type(api: Api) -> None:
    for media in ("application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x"):
        made = api.http.post("/v2/accounts", content='{"name": "A"}', headers={"Content-Type": media})
        assert made.status_code == 201


def test_patch(api: Api) -> None:
    account = api.account(name="A", external_id="patched", metadata={"a": 1})
    path = f"/v2/accounts/{account}"
    changed = api.send("PATCH", path, {"name": "B"}).json()
    assert (changed["name"], changed["external_id"], changed["metadata"]) == ("B", "patched", {"a": 1})
    assert api.send("PATCH", path, {"external_id": None, "metadata": {}}).json()["external_id"] is None
    problem(api.get("/v2/accounts/ext:patched"), 404, "not_found")
    assert api.send("PATCH", path, {}).status_code == 200
    for field in ("name", "currency", "metadata"):
        refused = problem(api.send("PATCH", path, {field: None}), 422, "invalid_request")
        assert fields_of(refused) == [field]
    api.account(external_id="patch-taken")
    problem(api.send("PATCH", path, {"external_id": "patch-taken"}), 409, "external_id_taken")


def test_balance(api: Api) -> None:
    account = api.account(external_id="balance")
    assert api.get(f"/v2/accounts/{account}/balance").json() == {"account": account, "balances": []}
    api.send("PUT", "/v2/credit-types", {"code": "minutes", "name": "Minutes"})
    api.grant(account, "12.5")
    api.grant(account, 3, credit_type="minutes")
    api.hold(account, 2)
    shown = api.get("/v2/accounts/ext:balance/balance").json()
    moments = [wallet.pop("updated_at") for wallet in shown["balances"]]
    assert all(moment.endswith("Z") for moment in moments)
    assert shown == {
        "account": account,
        "balances": [
            {"credit_type": "credits", "posted": "12.5", "held": "2", "available": "10.5", "overdraft": "0"},
            {"credit_type": "minutes", "posted": "3", "held": "0", "available": "3", "overdraft": "0"},
        ],
    }
    head = api.http.head(f"/v2/accounts/{account}/balance")
    assert (head.status_code, head.content) == (200, b"")


def test_paging(api: Api) -> None:
    account = api.account(external_id="paging")
    api.grant(account, 100)
    for amount in range(1, 8):
        api.debit(account, amount)
    seen: list[int] = []
    cursor: dict[str, Any] = {}
    while True:
        page = api.get(f"/v2/accounts/{account}/entries", limit=3, **cursor).json()
        assert len(page["data"]) <= 3
        seen += [entry["seq"] for entry in page["data"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert seen == [8, 7, 6, 5, 4, 3, 2, 1]
    kinds = api.get(f"/v2/accounts/{account}/entries", kind="grant").json()["data"]
    assert [entry["kind"] for entry in kinds] == ["grant"]
    middle = api.get(f"/v2/accounts/{account}/entries").json()["data"][3]["created_at"]
    since = api.get("/v2/accounts/ext:paging/entries", **{"from": middle}).json()["data"]
    before = api.get("/v2/accounts/ext:paging/entries", to=middle).json()["data"]
    assert [entry["seq"] for entry in since] == [8, 7, 6, 5]
    assert [entry["seq"] for entry in before] == [4, 3, 2, 1]
    assert api.get(f"/v2/accounts/{account}/entries", credit_type="gold").json()["data"] == []


def test_lists_of_grants_and_holds(api: Api) -> None:
    account = api.account()
    first, second = api.grant(account, 5, source="plan"), api.grant(account, 5)
    grants = api.get(f"/v2/accounts/{account}/grants").json()["data"]
    assert [grant["id"] for grant in grants] == [second["id"], first["id"]]
    [plan] = api.get(f"/v2/accounts/{account}/grants", kind="plan").json()["data"]
    assert (plan["id"], plan["remaining"], plan["held"]) == (first["id"], "5", "0")
    one, two = api.hold(account, 1), api.hold(account, 2)
    api.post(f"/v2/holds/{one['id']}/release")
    page = api.get(f"/v2/accounts/{account}/holds", limit=1).json()
    assert [hold["id"] for hold in page["data"]] == [two["id"]]
    page = api.get(f"/v2/accounts/{account}/holds", limit=1, cursor=page["next_cursor"]).json()
    assert [hold["id"] for hold in page["data"]] == [one["id"]]
    [active] = api.get(f"/v2/accounts/{account}/holds", kind="active").json()["data"]
    assert active["id"] == two["id"]


def test_list_of_accounts(api: Api) -> None:
    made = [api.account() for _ in range(3)]
    seen: list[str] = []
    cursor: dict[str, Any] = {}
    while True:
        page = api.get("/v2/accounts", limit=2, **cursor).json()
        seen += [account["id"] for account in page["data"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert seen[-3:] == made
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize("what", ["entries", "grants", "holds"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", "0"),
        ("limit", "101"),
        ("limit", "x"),
        ("limit", "1.0"),
        ("limit", "١"),
        ("limit", "-1"),
        ("limit", ""),
        ("cursor", "x"),
        ("cursor", ""),
        ("cursor", "\0"),
        ("kind", "nope"),
        ("from", "yesterday"),
        ("to", "2026-13-01"),
        ("to", "2026-01-01T00:00:00"),
        ("credit_type", "\0"),
        ("colour", "red"),
    ],
)
def test_parameters_that_are_wrong(api: Api, what: str, name: str, value: str) -> None:
    account = api.account()
    refused = api.get(f"/v2/accounts/{account}/{what}", **{name: value})
    assert fields_of(problem(refused, 422, "invalid_request")) == [name]


def test_accounts_that_are_not(api: Api) -> None:
    for path in ("", "/balance", "/entries", "/grants", "/holds"):
        for account in ("acct_" + "0" * 26, "ext:nobody", "x", "ext:%00", "%00"):
            problem(api.get(f"/v2/accounts/{account}{path}"), 404, "not_found")
