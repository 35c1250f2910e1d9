"""/v2/invoices: one-off drafts, their issue, lists, and who may see them."""

from typing import Any

import pytest

from tests.contract.served import Api, House, fields_of, problem

pytestmark = pytest.mark.holds(
    "native",
    "GET /v2/invoices",
    "POST /v2/invoices",
    "PATCH /v2/invoices/{invoice}",
    "DELETE /v2/invoices/{invoice}",
    "POST /v2/invoices/{invoice}/finalize",
)

LINE = {"description": "Consulting", "amount": "100.00"}


def make(api: Api, account: str, *lines: Any, **fields: Any) -> dict[str, Any]:
    body = {"account": account, "lines": list(lines) or [LINE], **fields}
    made = api.post("/v2/invoices", body)
    assert made.status_code == 201, made.text
    return dict(made.json())


def usd(minor: int) -> dict[str, Any]:
    return {"amount": minor, "currency": "USD"}


def test_a_draft_until_it_is_finalized(api: Api) -> None:
    account = api.account(name="Acme", email="billing@acme.example")
    draft = make(api, account, memo="Hello", metadata={"po": 7}, due_at="2100-01-01")
    assert (draft["status"], draft["number"], draft["issued_at"]) == ("draft", None, None)
    assert draft["total"] == usd(10000)
    assert draft["lines"][0] == {
        "position": 1, "kind": "one_time", "description": "Consulting", "quantity": "1", "unit_price": None,
        "amount": usd(10000), "net": usd(10000), "tax": usd(0), "total": usd(10000), "component": None,
        "period_start": None, "period_end": None, "metadata": {},
    }  # fmt: skip
    path = f"/v2/invoices/{draft['id']}"
    more = {"add_lines": [{"description": "Usage", "quantity": "246", "unit_price": "0.5"}], "memo": "Bye"}
    changed = api.send("PATCH", path, more).json()
    assert [line["amount"]["amount"] for line in changed["lines"]] == [10000, 123]
    assert (changed["memo"], changed["due_at"]) == ("Bye", "2100-01-01T00:00:00Z")
    replaced = api.send("PATCH", path, {"lines": [LINE], "due_at": None}).json()
    assert [line["position"] for line in replaced["lines"]] == [1]
    assert replaced["due_at"] is None
    issued = api.post(f"{path}/finalize", key="f")
    assert issued.status_code == 200, issued.text
    shown = issued.json()
    assert shown["status"] == "open"
    assert shown["number"].startswith("INV-")
    assert shown["buyer"]["name"] == "Acme"
    assert shown["due_at"] == shown["issued_at"]
    again = api.post(f"{path}/finalize", key="f")
    assert (again.content, again.headers["idempotent-replayed"]) == (issued.content, "true")
    problem(api.post(f"{path}/finalize"), 409, "invoice_state")
    problem(api.send("PATCH", path, {"memo": "x"}), 409, "invoice_state")
    problem(api.send("DELETE", path), 409, "invoice_state")
    assert api.get(path).json() == shown


def test_finalized_at_once(api: Api) -> None:
    made = make(api, api.account(currency="UGX"), {"description": "x", "amount": 5000}, finalize=True)
    assert (made["status"], made["total"]) == ("open", {"amount": 5000, "currency": "UGX"})
    empty = {"account": api.account(), "finalize": True}
    assert fields_of(problem(api.post("/v2/invoices", empty), 422, "invalid_request")) == ["lines"]


def test_once_a_key(api: Api) -> None:
    body = {"account": api.account(), "lines": [LINE], "finalize": True}
    first, again = api.post("/v2/invoices", body, key="once"), api.post("/v2/invoices", body, key="once")
    assert first.content == again.content
    other = body | {"memo": "other"}
    problem(api.post("/v2/invoices", other, key="once"), 422, "idempotency_key_reused")


def test_a_draft_is_deleted(api: Api) -> None:
    draft = make(api, api.account())
    path = f"/v2/invoices/{draft['id']}"
    assert api.send("DELETE", path).json() == {"id": draft["id"], "deleted": True}
    problem(api.get(path), 404, "not_found")
    problem(api.send("DELETE", path), 404, "not_found")


def test_an_empty_draft_is_not_issued(api: Api) -> None:
    draft = api.post("/v2/invoices", {"account": api.account()}).json()
    assert draft["lines"] == []
    problem(api.post(f"/v2/invoices/{draft['id']}/finalize"), 409, "invoice_empty")


def test_negative_lines(api: Api) -> None:
    account = api.account()
    credit = {"description": "Refund", "amount": "-150.00", "kind": "correction"}
    made = make(api, account, LINE, credit, finalize=True)
    assert (made["subtotal"], made["total"], made["carried_to_credit"]) == (usd(-5000), usd(0), usd(5000))
    assert made["status"] == "paid"
    assert api.get(f"/v2/accounts/{account}/credit-balance").json()["balances"] == [usd(5000)]


def test_lists(api: Api) -> None:
    account = api.account(external_id="lists")
    made = [make(api, account, finalize=place != 1) for place in range(3)]
    names = [row["id"] for row in reversed(made)]
    first = api.get("/v2/invoices", account="ext:lists", limit=2).json()
    rest = api.get("/v2/invoices", account=account, limit=2, cursor=first["next_cursor"]).json()
    assert [row["id"] for row in first["data"] + rest["data"]] == names
    assert rest["next_cursor"] is None

    def found(**query: Any) -> list[str]:
        return [row["id"] for row in api.get("/v2/invoices", account=account, **query).json()["data"]]

    assert found(status="draft") == [made[1]["id"]]
    assert found(status="open") == [made[2]["id"], made[0]["id"]]
    assert found(number=made[0]["number"]) == [made[0]["id"]]
    assert found(number="INV-1") == []
    assert found(**{"from": "2001-01-01", "to": "2002-01-01"}) == []
    assert len(found(**{"from": "2001-01-01"})) == 3
    assert found(subscription="sub_01h455vb4pex5vsknk084sn02q") == []
    assert found(subscription="nonsense") == []
    assert api.get("/v2/invoices", number=made[0]["number"]).json()["data"] == [
        api.get(f"/v2/invoices/{names[2]}").json()
    ]
    for query in ({"status": "pending"}, {"from": "x"}, {"colour": "red"}, {"limit": "0"}, {"cursor": "?"}):
        refused = problem(api.get("/v2/invoices", **query), 422, "invalid_request")
        assert fields_of(refused) == list(query)
    problem(api.get("/v2/invoices", account="ext:none"), 404, "not_found")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"account": None}, "account"),
        ({"account": 7}, "account"),
        ({"lines": "x"}, "lines"),
        ({"lines": [{}]}, "lines.0.description"),
        ({"lines": [{"description": "x"}]}, "lines.0.amount"),
        ({"lines": [{"description": "x", "amount": 1.5}]}, "lines.0.amount"),
        ({"lines": [{"description": "x", "amount": True}]}, "lines.0.amount"),
        ({"lines": [{"description": "x", "amount": "1.5"}]}, "lines.0.amount"),
        ({"lines": [{"description": "x", "amount": "--1.50"}]}, "lines.0.amount"),
        ({"lines": [{"description": "x", "amount": 2**53}]}, "lines.0.amount"),
        ({"lines": [{"description": "x", "amount": 1, "unit_price": "1"}]}, "lines.0.unit_price"),
        ({"lines": [{"description": "x", "unit_price": 9007199254, "quantity": 9007199254}]}, "lines.0.unit_price"),
        ({"lines": [{"description": "x", "amount": 1, "quantity": 0}]}, "lines.0.quantity"),
        ({"lines": [{"description": "x", "amount": 1, "kind": "gift"}]}, "lines.0.kind"),
        ({"lines": [{"description": "", "amount": 1}]}, "lines.0.description"),
        ({"lines": [{"description": "a\0", "amount": 1}]}, "lines.0.description"),
        ({"lines": [{"description": "\ud800", "amount": 1}]}, "lines.0.description"),
        ({"lines": [{"description": "x", "amount": 1, "colour": 1}]}, "lines.0.colour"),
        ({"lines": [{"description": "x", "amount": 1, "period_start": "2026-02-01", "period_end": "2026-01-01"}]},
         "lines.0.period_end"),
        ({"lines": [{"description": "x", "amount": 2**53 - 1}] * 2}, "lines"),
        ({"currency": "XXX"}, "currency"),
        ({"memo": "\0"}, "memo"),
        ({"metadata": {"a": "\0"}}, "metadata"),
        ({"metadata": []}, "metadata"),
        ({"due_at": "tomorrow"}, "due_at"),
        ({"finalize": 1}, "finalize"),
        ({"colour": "red"}, "colour"),
    ],
)  # fmt: skip
def test_what_is_wrong(api: Api, house: House, fields: dict[str, Any], field: str) -> None:
    body = {"account": "ext:wrong", "lines": [LINE]} | fields
    if api.get("/v2/accounts/ext:wrong").status_code == 404:
        api.account(external_id="wrong")
    if fields.get("account", "") is None:
        del body["account"]
    refused = problem(api.post("/v2/invoices", body), 422, "invalid_request")
    assert fields_of(refused) == [field]


def test_patches_that_are_wrong(api: Api) -> None:
    path = f"/v2/invoices/{make(api, api.account())['id']}"
    for body, field in (
        ({"account": "x"}, "account"),
        ({"add_lines": [{"description": "x"}]}, "add_lines.0.amount"),
        ({"lines": 1}, "lines"),
        ({"currency": "usd"}, "currency"),
        ({"memo": "\ud800"}, "memo"),
    ):
        refused = problem(api.send("PATCH", path, body), 422, "invalid_request")
        assert fields_of(refused) == [field]


def test_foreign_ids(api: Api, stranger: Api, test_mode: Api, nobody: Api) -> None:
    path = f"/v2/invoices/{make(api, api.account())['id']}"
    unknown = "/v2/invoices/inv_01h455vb4pex5vsknk084sn02q"
    for client in (stranger, test_mode):
        problem(client.get(path), 404, "not_found")
        problem(client.get(f"{path}/pdf"), 404, "not_found")
        problem(client.send("PATCH", path, {"memo": "x"}), 404, "not_found")
        problem(client.send("DELETE", path), 404, "not_found")
        for act in ("finalize", "pay", "void", "uncollectible"):
            problem(client.post(f"{path}/{act}"), 404, "not_found")
        assert client.get("/v2/invoices").json()["data"] == []
    for wrong in (unknown, "/v2/invoices/x", "/v2/invoices/acct_01h455vb4pex5vsknk084sn02q"):
        problem(api.get(wrong), 404, "not_found")
        problem(api.send("DELETE", wrong), 404, "not_found")
    problem(nobody.get(path), 401, "unauthenticated")
    problem(stranger.post("/v2/invoices", {"account": api.account(), "lines": [LINE]}), 404, "not_found")


def test_a_reader_reads(api: Api, reader: Api, writer: Api) -> None:
    account = api.account()
    path = f"/v2/invoices/{make(writer, account)['id']}"
    assert reader.get(path).status_code == 200
    assert reader.get("/v2/invoices", account=account).json()["data"]
    for method, where in (
        ("POST", "/v2/invoices"), ("PATCH", path), ("DELETE", path), ("POST", f"{path}/finalize"),
        ("POST", f"{path}/pay"), ("POST", f"{path}/void"), ("POST", f"{path}/uncollectible"),
    ):  # fmt: skip
        body = {"account": account} if where == "/v2/invoices" else {}
        problem(reader.send(method, where, body), 403, "forbidden")
