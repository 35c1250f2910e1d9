"""GET /v2/entries/{entry}, its reverse and its explanation"""

import pytest

from tests.contract.served import Api, fields_of, problem

pytestmark = pytest.mark.holds(
    "native", "POST /v2/entries/{entry}/reverse", "GET /v2/entries/{entry}", "GET /v2/entries/{entry}/explain"
)


def test_read(api: Api) -> None:
    account = api.funded(10)
    made = api.debit(account, 3, reference="r", metadata={"a": 1})
    shown = api.get(f"/v2/entries/{made['entry']}").json()
    assert shown == {
        "id": made["entry"],
        "account": account,
        "seq": 2,
        "kind": "debit",
        "credit_type": "credits",
        "amount": "-3",
        "posted": "7",
        "held": "0",
        "available": "7",
        "contra": "usage",
        "operation": None,
        "quantity": None,
        "rate_version": None,
        "reference": "r",
        "description": None,
        "metadata": {"a": 1},
        "hold": None,
        "reverses": None,
        "actor": shown["actor"],
        "created_at": shown["created_at"],
    }
    assert shown["actor"].startswith("key_")
    assert api.get(f"/v2/entries/{made['id']}").json() == shown
    problem(api.get("/v2/entries/entry_x"), 404, "not_found")
    problem(api.get(f"/v2/entries/{made['entry'][:-1]}z"), 404, "not_found")


def test_reverse(api: Api) -> None:
    account = api.funded(10)
    debit = api.debit(account, 6)
    path = f"/v2/entries/{debit['entry']}/reverse"
    part = api.post(path, {"amount": 2, "reason": "half failed"}, key="r")
    assert part.status_code == 201
    shown = part.json()
    assert (shown["amount"], shown["reverses"], shown["reason"]) == ("2", debit["entry"], "half failed")
    assert (shown["posted"], shown["available"]) == ("6", "6")
    rest = api.post(f"/v2/entries/{debit['id']}/reverse", {"reason": "all of it"}).json()
    assert (rest["amount"], rest["posted"]) == ("4", "10")
    again = api.post(path, {"amount": 2, "reason": "half failed"}, key="r")
    assert (again.content, again.headers["idempotent-replayed"]) == (part.content, "true")
    problem(api.post(path, {"reason": "x"}), 409, "already_reversed")
    assert fields_of(problem(api.post(path, {}), 422, "invalid_request")) == ["reason"]
    exceeds = problem(
        api.post(f"/v2/entries/{api.debit(account, 1)['entry']}/reverse", {"amount": 2, "reason": "x"}),
        409,
        "exceeds_entry",
    )
    assert exceeds["reversible"] == "1"
    problem(api.post(f"/v2/entries/{rest['entry']}/reverse", {"reason": "x"}), 409, "not_reversible")
    problem(api.post("/v2/entries/nope/reverse", {"reason": "x"}), 404, "not_found")


def test_reverse_a_grant(api: Api) -> None:
    account = api.account()
    grant = api.grant(account, 10)
    made = api.post(f"/v2/entries/{grant['id']}/reverse", {"reason": "mistake"}).json()
    assert (made["amount"], made["posted"]) == ("10", "0")


def test_explain(api: Api) -> None:
    account = api.account()
    bought = api.grant(account, 10, source="purchase", paid={"amount": 1000, "currency": "USD"})
    soon = api.grant(account, 4, priority=10, expires_at="2100-01-01", source="plan")
    later = api.grant(account, 4, priority=10, expires_at="2101-01-01", source="plan")
    spare = api.grant(account, 4, priority=90)
    debit = api.post("/v2/debits", {"account": account, "amount": 11}, key="why").json()
    told = api.get(f"/v2/entries/{debit['entry']}/explain").json()
    assert told["account"] == account
    assert told["entry"]["id"] == debit["entry"]
    assert [(part["grant"], part["amount"]) for part in told["parts"]] == [
        (soon["id"], "-4"),
        (later["id"], "-4"),
        (bought["id"], "-3"),
    ]
    assert [part["paid"] for part in told["parts"]] == [None, None, {"amount": 300, "currency": "USD"}]
    whys = [part["why"] for part in told["parts"]]
    assert "earliest expiry" in whys[0]
    assert whys[1:] == ["priority 10 before 50", "priority 50 before 90"]
    assert [one["grant"] for one in told["others"]] == [spare["id"]]
    assert told["contra"] == "usage"
    assert (told["hold"], told["rate"], told["reversals"]) == (None, None, [])
    assert told["request"]["idempotency_key"] == "why"
    api.post(f"/v2/entries/{debit['entry']}/reverse", {"reason": "x"})
    told = api.get(f"/v2/entries/{debit['entry']}/explain").json()
    [undone] = told["reversals"]
    assert undone["reverses"] == debit["entry"]
    back = api.get(f"/v2/entries/{undone['id']}/explain").json()
    assert all("returned" in part["why"] for part in back["parts"])


def test_explain_every_kind(api: Api) -> None:
    account, other = api.account(), api.account()
    api.post(f"/v2/accounts/{account}/overdraft", {"overdraft": 100})
    over = api.debit(account, 5)
    part = api.get(f"/v2/entries/{over['entry']}/explain").json()["parts"][0]
    assert (part["grant"], part["amount"]) == (None, "-5")
    assert "overdraft" in part["why"]
    grant = api.grant(account, 50)
    parts = api.get(f"/v2/entries/{grant['entry']}/explain").json()["parts"]
    assert [part["grant"] for part in parts] == [None, grant["id"]]
    hold = api.hold(account, 10)
    captured = api.post(f"/v2/holds/{hold['id']}/capture", {"amount": 10}).json()
    told = api.get(f"/v2/entries/{captured['entry']}/explain").json()
    assert told["hold"]["id"] == hold["id"]
    assert "hold" in told["parts"][0]["why"]
    moved = api.post("/v2/transfers", {"from": account, "to": other, "amount": 1}).json()
    for entry in (moved["entry"], *moved["to_entries"]):
        assert api.get(f"/v2/entries/{entry}/explain").status_code == 200
    api.send("PUT", "/v2/rate-card", {"rates": [{"operation": "fax", "cost": 2}]})
    priced = api.post("/v2/debits", {"account": account, "operation": "fax", "quantity": 3}).json()
    rate = api.get(f"/v2/entries/{priced['entry']}/explain").json()["rate"]
    assert (rate["operation"], rate["cost"], rate["quantity"]) == ("fax", "2", "3")
    for direction in ("credit", "debit"):
        body = {"account": account, "direction": direction, "amount": 1, "reason": "x"}
        entry = api.post("/v2/adjustments", body).json()["entry"]
        assert api.get(f"/v2/entries/{entry}/explain").status_code == 200
