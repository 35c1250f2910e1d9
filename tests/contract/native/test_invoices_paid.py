"""/v2/invoices/{invoice}: pay, void, uncollectible, pdf; and the customer's credit."""

from typing import Any

import pytest

from tests.contract.native.test_invoices import LINE, make, usd
from tests.contract.served import Api, fields_of, problem

pytestmark = pytest.mark.holds(
    "native",
    "POST /v2/invoices",
    "GET /v2/invoices/{invoice}",
    "POST /v2/invoices/{invoice}/pay",
    "POST /v2/invoices/{invoice}/void",
    "POST /v2/invoices/{invoice}/uncollectible",
    "GET /v2/invoices/{invoice}/pdf",
    "POST /v2/accounts/{account}/credit-balance",
)


@pytest.fixture
def account(api: Api) -> str:
    return api.account(name="Acme €", email="a@acme.example")


@pytest.fixture
def path(api: Api, account: str) -> str:
    return f"/v2/invoices/{make(api, account, finalize=True)['id']}"


def act(api: Api, where: str, body: Any = None, key: str | None = None) -> dict[str, Any]:
    done = api.post(where, body, key)
    assert done.status_code == 200, done.text
    return dict(done.json())


def credit(api: Api, account: str) -> list[Any]:
    return list(api.get(f"/v2/accounts/{account}/credit-balance").json()["balances"])


def test_paid_in_parts(api: Api, path: str) -> None:
    part = act(api, f"{path}/pay", {"amount": "40.00", "reference": "wire 1"}, key="p")
    assert (part["status"], part["amount_paid"], part["amount_remaining"]) == ("open", usd(4000), usd(6000))
    assert act(api, f"{path}/pay", {"amount": "40.00", "reference": "wire 1"}, key="p") == part
    rest = act(api, f"{path}/pay", {"paid_at": "2026-01-01T10:00:00Z"})
    assert (rest["status"], rest["amount_paid"], rest["paid_at"]) == (
        "paid",
        usd(10000),
        "2026-01-01T10:00:00Z",
    )
    problem(api.post(f"{path}/pay"), 409, "invoice_state")
    problem(api.post(f"{path}/void"), 409, "invoice_state")
    problem(api.post(f"{path}/uncollectible"), 409, "invoice_state")


def test_paid_too_much(api: Api, account: str, path: str) -> None:
    assert act(api, f"{path}/pay", {"amount": 10250})["amount_paid"] == usd(10000)
    assert credit(api, account) == [usd(250)]
    later = make(api, account, finalize=True)
    assert (later["credit_applied"], later["amount_due"]) == (usd(250), usd(9750))


def test_void(api: Api, account: str) -> None:
    api.post(f"/v2/accounts/{account}/credit-balance", {"amount": 3000, "reason": "goodwill"})
    made = make(api, account, finalize=True)
    assert made["credit_applied"] == usd(3000)
    path = f"/v2/invoices/{made['id']}"
    act(api, f"{path}/pay", {"amount": 500})
    gone = act(api, f"{path}/void", {"reason": "wrong customer"})
    assert (gone["status"], gone["number"], gone["amount_remaining"]) == ("void", made["number"], usd(0))
    assert gone["voided_at"]
    assert credit(api, account) == [usd(3500)]
    changes = api.get(f"/v2/accounts/{account}/credit-balance/changes").json()["data"]
    assert [(row["reason"], row["amount"]["amount"], row["balance"]["amount"]) for row in changes] == [
        ("restored", 3500, 3500), ("applied", -3000, 0), ("adjustment", 3000, 3000),
    ]  # fmt: skip
    assert changes[0]["invoice"] == made["id"]
    log = api.get("/v2/audit-log").json()["data"]
    assert next(row for row in log if row["action"] == "invoice.void")["reason"] == "wrong customer"
    for what in ("pay", "void", "uncollectible", "finalize"):
        problem(api.post(f"{path}/{what}"), 409, "invoice_state")


def test_given_up_and_yet_paid(api: Api, path: str) -> None:
    assert act(api, f"{path}/uncollectible")["status"] == "uncollectible"
    problem(api.post(f"{path}/uncollectible"), 409, "invoice_state")
    assert act(api, f"{path}/pay", {"amount": 1})["status"] == "uncollectible"
    assert act(api, f"{path}/pay")["status"] == "paid"


def test_a_draft_is_not_paid(api: Api, account: str) -> None:
    path = f"/v2/invoices/{make(api, account)['id']}"
    problem(api.post(f"{path}/pay"), 409, "invoice_state")
    problem(api.post(f"{path}/uncollectible"), 409, "invoice_state")
    assert act(api, f"{path}/void")["number"] is None


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"amount": 0}, "amount"),
        ({"amount": -1}, "amount"),
        ({"amount": "-1.00"}, "amount"),
        ({"amount": 1.5}, "amount"),
        ({"amount": True}, "amount"),
        ({"amount": "1.5"}, "amount"),
        ({"paid_at": "2200-01-01"}, "paid_at"),
        ({"paid_at": 7}, "paid_at"),
        ({"reference": "\0"}, "reference"),
        ({"reference": "\ud800"}, "reference"),
        ({"reference": "x" * 256}, "reference"),
        ({"colour": 1}, "colour"),
    ],
)
def test_payments_that_are_wrong(api: Api, path: str, body: Any, field: str) -> None:
    assert fields_of(problem(api.post(f"{path}/pay", body), 422, "invalid_request")) == [field]


def test_reasons_that_are_wrong(api: Api, path: str) -> None:
    for body in ({"reason": "\0"}, {"reason": ""}, {"reason": "\ud800"}, {"reason": 1}):
        for what in ("void", "uncollectible"):
            assert fields_of(problem(api.post(f"{path}/{what}", body), 422, "invalid_request")) == ["reason"]


def test_the_document(api: Api, reader: Api, account: str, path: str) -> None:
    shown = reader.get(f"{path}/pdf")
    assert shown.status_code == 200
    assert shown.headers["content-type"] == "application/pdf"
    number = api.get(path).json()["number"]
    assert shown.headers["content-disposition"] == f'inline; filename="{number}.pdf"'
    assert shown.content.startswith(b"%PDF-1.7")
    assert reader.get(f"{path}/pdf").content == shown.content
    draft = make(api, account, {"description": "日本語 #panic() *x*", "amount": 1})
    assert reader.get(f"/v2/invoices/{draft['id']}/pdf").content.startswith(b"%PDF")


def test_the_customers_credit(api: Api, reader: Api, stranger: Api, test_mode: Api) -> None:
    account = api.account()
    where = f"/v2/accounts/{account}/credit-balance"
    assert api.get(where).json() == {"account": account, "balances": []}
    made = api.post(where, {"amount": "5.00", "reason": "goodwill"}, key="c")
    assert made.status_code == 201
    assert made.json()["balance"] == usd(500)
    assert api.post(where, {"amount": "5.00", "reason": "goodwill"}, key="c").content == made.content
    ugx = api.post(where, {"amount": 7, "currency": "UGX", "reason": "goodwill"}).json()
    assert ugx["amount"] == {"amount": 7, "currency": "UGX"}
    assert api.post(where, {"amount": "-1.50", "reason": "mistake"}).json()["balance"] == usd(350)
    problem(api.post(where, {"amount": -351, "reason": "mistake"}), 409, "credit_balance")
    assert reader.get(where).json()["balances"] == [{"amount": 7, "currency": "UGX"}, usd(350)]
    only = reader.get(f"{where}/changes", currency="USD", limit=1).json()
    assert [row["amount"]["amount"] for row in only["data"]] == [-150]
    rest = reader.get(f"{where}/changes", currency="USD", cursor=only["next_cursor"]).json()["data"]
    assert [row["amount"]["amount"] for row in rest] == [500]
    problem(reader.post(where, {"amount": 1, "reason": "x"}), 403, "forbidden")
    for client in (stranger, test_mode):
        problem(client.get(where), 404, "not_found")
        problem(client.get(f"{where}/changes"), 404, "not_found")
        problem(client.post(where, {"amount": 1, "reason": "x"}), 404, "not_found")
    for body, field in (
        ({"amount": 1}, "reason"),
        ({"reason": "x"}, "amount"),
        ({"amount": 0, "reason": "x"}, "amount"),
        ({"amount": 1.5, "reason": "x"}, "amount"),
        ({"amount": "1", "reason": "x"}, "amount"),
        ({"amount": 1, "reason": "\0"}, "reason"),
        ({"amount": 1, "reason": "x", "currency": "XXX"}, "currency"),
        ({"amount": 1, "reason": "x", "colour": 1}, "colour"),
    ):
        assert fields_of(problem(api.post(where, body), 422, "invalid_request")) == [field]


def test_lines_are_kept_as_they_were(api: Api, account: str) -> None:
    made = make(api, account, LINE, finalize=True)
    api.send("PATCH", f"/v2/accounts/{account}", {"name": "Renamed"})
    assert api.get(f"/v2/invoices/{made['id']}").json()["buyer"]["name"] == "Acme €"
