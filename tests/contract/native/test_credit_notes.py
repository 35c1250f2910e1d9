"""/v2/credit-notes, and those of an invoice"""

from typing import Any

import pytest

from tests.contract.native.subscribing import plan, read, subscribe
from tests.contract.native.test_invoices import LINE, make, usd
from tests.contract.served import Api, fields_of, problem

pytestmark = pytest.mark.holds(
    "native",
    "POST /v2/invoices/{invoice}/credit-notes",
    "GET /v2/invoices/{invoice}/credit-notes",
    "GET /v2/credit-notes",
    "GET /v2/credit-notes/{credit_note}",
    "GET /v2/credit-notes/{credit_note}/pdf",
)


def note(api: Api, invoice: str, **body: Any) -> dict[str, Any]:
    made = api.post(f"/v2/invoices/{invoice}/credit-notes", {"reason": "goodwill", **body})
    assert made.status_code == 201, made.text
    return dict(made.json())


def test_on_an_open_invoice(api: Api) -> None:
    account = api.account()
    invoice = make(api, account, LINE, LINE, finalize=True)
    part = note(api, invoice["id"], lines=[{"line": 2, "amount": "30.00"}])
    assert part["number"].startswith("CN-")
    assert (part["total"], part["applied"], part["to_credit"]) == (usd(3000), usd(3000), usd(0))
    assert part["lines"] == [
        {"position": 1, "invoice_line": 2, "description": "Consulting", "net": usd(3000), "tax": usd(0),
         "total": usd(3000)},
    ]  # fmt: skip
    path = f"/v2/invoices/{invoice['id']}"
    assert api.get(path).json()["amount_due"] == usd(17000)
    too_much = {"reason": "x", "lines": [{"line": 2, "amount": "70.01"}]}
    refused = problem(api.post(f"{path}/credit-notes", too_much), 422, "invalid_request")
    assert fields_of(refused) == ["lines.0.amount"]
    rest = note(api, invoice["id"])
    assert rest["total"] == usd(17000)
    assert api.get(path).json()["status"] == "paid"
    problem(api.post(f"{path}/credit-notes", {"reason": "x"}), 409, "nothing_to_credit")
    listed = api.get(f"{path}/credit-notes").json()["data"]
    assert listed == [rest, part]
    assert api.get("/v2/credit-notes", account=account).json()["data"] == [rest, part]
    assert api.get("/v2/credit-notes", invoice=invoice["id"], limit=1).json()["data"] == [rest]
    assert api.get(f"/v2/credit-notes/{part['id']}").json() == part
    paper = api.get(f"/v2/credit-notes/{part['id']}/pdf")
    assert (paper.status_code, paper.headers["content-type"]) == (200, "application/pdf")
    assert paper.content.startswith(b"%PDF")


def test_a_line_with_nothing_left(api: Api) -> None:
    free = {"description": "Free", "amount": 0}
    invoice = make(api, api.account(), LINE, LINE, free, finalize=True)
    note(api, invoice["id"], lines=[{"line": 1}])
    for line in ({"line": 1}, {"line": 1, "amount": 1}, {"line": 3}):
        again = api.post(f"/v2/invoices/{invoice['id']}/credit-notes", {"reason": "x", "lines": [line]})
        [fault] = problem(again, 422, "invalid_request")["errors"]
        assert fault == {"field": "lines.0.line", "message": "has nothing left to be credited"}


@pytest.mark.parametrize(("refund", "where"), [("credit", "to_credit"), ("refund", "refund_due")])
def test_on_a_paid_invoice(api: Api, refund: str, where: str) -> None:
    account = api.account()
    invoice = make(api, account, finalize=True)
    api.post(f"/v2/invoices/{invoice['id']}/pay")
    made = note(api, invoice["id"], amount="25.00", refund=refund)
    assert made[where] == usd(2500)
    assert made["applied"] == usd(0)
    balances = api.get(f"/v2/accounts/{account}/credit-balance").json()["balances"]
    assert balances == ([usd(2500)] if refund == "credit" else [])
    after = api.get(f"/v2/invoices/{invoice['id']}").json()
    assert (after["status"], after["amount_due"], after["amount_paid"]) == ("paid", usd(10000), usd(10000))


def test_on_a_subscriptions_first_invoice(api: Api) -> None:
    made = subscribe(api, plan(api, "29.00"))
    note(api, made["invoice"]["id"])
    assert read(api, made["id"])["status"] == "active"
    again = api.post("/v2/subscriptions", {"account": made["account"], "plan": made["plan"]["id"]})
    assert problem(again, 409, "already_subscribed")["subscription"] == made["id"]


def test_part_paid(api: Api) -> None:
    invoice = make(api, api.account(), finalize=True)
    path = f"/v2/invoices/{invoice['id']}"
    api.post(f"{path}/pay", {"amount": "80.00"})
    made = note(api, invoice["id"], amount="50.00")
    assert (made["applied"], made["to_credit"]) == (usd(2000), usd(3000))
    after = api.get(path).json()
    assert (after["status"], after["amount_due"], after["credited"]) == ("paid", usd(8000), usd(2000))


def test_once_a_key(api: Api) -> None:
    invoice = make(api, api.account(), finalize=True)
    where = f"/v2/invoices/{invoice['id']}/credit-notes"
    first = api.post(where, {"reason": "x", "amount": 1}, key="n")
    assert api.post(where, {"reason": "x", "amount": 1}, key="n").content == first.content
    assert len(api.get(where).json()["data"]) == 1


def test_drafts_and_void_ones_are_not_credited(api: Api) -> None:
    draft = make(api, api.account())
    where = f"/v2/invoices/{draft['id']}/credit-notes"
    problem(api.post(where, {"reason": "x"}), 409, "invoice_state")
    api.post(f"/v2/invoices/{draft['id']}/finalize")
    api.post(f"/v2/invoices/{draft['id']}/void")
    problem(api.post(where, {"reason": "x"}), 409, "invoice_state")


def test_what_is_wrong(api: Api) -> None:
    invoice = make(api, api.account(), finalize=True)
    where = f"/v2/invoices/{invoice['id']}/credit-notes"
    for body, field in (
        ({}, "reason"),
        ({"reason": ""}, "reason"),
        ({"reason": "\0"}, "reason"),
        ({"reason": "\ud800"}, "reason"),
        ({"reason": "x", "amount": 0}, "amount"),
        ({"reason": "x", "amount": 10001}, "amount"),
        ({"reason": "x", "amount": 1, "lines": [{"line": 1}]}, "amount"),
        ({"reason": "x", "lines": []}, "lines"),
        ({"reason": "x", "lines": [{"line": 2}]}, "lines.0.line"),
        ({"reason": "x", "lines": [{"line": 0}]}, "lines.0.line"),
        ({"reason": "x", "lines": [{"line": 1, "amount": 0}]}, "lines.0.amount"),
        ({"reason": "x", "lines": [{"line": 1}, {"line": 1}]}, "lines.1.line"),
        ({"reason": "x", "refund": "cash"}, "refund"),
        ({"reason": "x", "metadata": {"a": "\0"}}, "metadata"),
        ({"reason": "x", "colour": 1}, "colour"),
    ):
        assert fields_of(problem(api.post(where, body), 422, "invalid_request")) == [field], body
    for query in ({"account": ""}, {"colour": "x"}, {"limit": "x"}):
        refused = problem(api.get("/v2/credit-notes", **query), 422, "invalid_request")
        assert fields_of(refused) == list(query)


def test_foreign_ids(api: Api, reader: Api, stranger: Api, test_mode: Api) -> None:
    invoice = make(api, api.account(), finalize=True)
    made = note(api, invoice["id"], amount=1)
    where = f"/v2/invoices/{invoice['id']}/credit-notes"
    for client in (stranger, test_mode):
        problem(client.get(where), 404, "not_found")
        problem(client.post(where, {"reason": "x"}), 404, "not_found")
        problem(client.get(f"/v2/credit-notes/{made['id']}"), 404, "not_found")
        problem(client.get(f"/v2/credit-notes/{made['id']}/pdf"), 404, "not_found")
        assert client.get("/v2/credit-notes").json()["data"] == []
        assert client.get("/v2/credit-notes", invoice=invoice["id"]).json()["data"] == []
    for unknown in ("cn_01h455vb4pex5vsknk084sn02q", "x", invoice["id"]):
        problem(api.get(f"/v2/credit-notes/{unknown}"), 404, "not_found")
    problem(api.get("/v2/credit-notes", invoice="x"), 404, "not_found")
    problem(reader.post(where, {"reason": "x"}), 403, "forbidden")
    assert reader.get(where).json()["data"] == [made]
