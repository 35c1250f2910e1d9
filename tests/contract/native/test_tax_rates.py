"""/v2/tax-rates"""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.native.test_invoices import LINE, make, usd
from tests.contract.served import Api, fields_of, problem

pytestmark = pytest.mark.holds(
    "native",
    "GET /v2/tax-rates",
    "POST /v2/tax-rates",
    "GET /v2/tax-rates/{tax_rate}",
    "PATCH /v2/tax-rates/{tax_rate}",
)


@pytest.fixture(autouse=True)
def _no_rates_after(api: Api) -> Iterator[None]:
    yield
    for rate in api.get("/v2/tax-rates", limit=100).json()["data"]:
        api.send("PATCH", f"/v2/tax-rates/{rate['id']}", {"active": False})


def rate(api: Api, **fields: Any) -> dict[str, Any]:
    made = api.post("/v2/tax-rates", {"name": "VAT", "percentage": "18", **fields})
    assert made.status_code == 201, made.text
    return dict(made.json())


def test_a_rate(api: Api) -> None:
    made = rate(api, percentage="7.5", country="UG", region="Central", inclusive=True)
    assert made == {
        "id": made["id"], "name": "VAT", "percentage": "7.5", "inclusive": True, "country": "UG",
        "region": "Central", "default": False, "active": True, "created_at": made["created_at"],
        "updated_at": made["updated_at"],
    }  # fmt: skip
    path = f"/v2/tax-rates/{made['id']}"
    assert api.get(path).json() == made
    renamed = api.send("PATCH", path, {"name": "Sales tax"}).json()
    assert (renamed["name"], renamed["active"], renamed["percentage"]) == ("Sales tax", True, "7.5")
    assert made["id"] in [row["id"] for row in api.get("/v2/tax-rates", limit=100).json()["data"]]


def test_a_place_has_no_rate_twice(api: Api) -> None:
    first = rate(api, country="DE", inclusive=True)
    problem(
        api.post("/v2/tax-rates", {"name": "VAT", "percentage": "7", "country": "DE"}), 409, "tax_rate_exists"
    )
    second = rate(api, name="Levy", country="DE")
    path = f"/v2/tax-rates/{second['id']}"
    problem(api.send("PATCH", path, {"name": "VAT"}), 409, "tax_rate_exists")
    api.send("PATCH", f"/v2/tax-rates/{first['id']}", {"active": False})
    assert api.send("PATCH", path, {"name": "VAT"}).json()["name"] == "VAT"
    problem(api.send("PATCH", f"/v2/tax-rates/{first['id']}", {"active": True}), 409, "tax_rate_exists")


def test_there_is_one_default(api: Api) -> None:
    first, second = rate(api, default=True), rate(api, default=True)
    shown = {row["id"]: row["default"] for row in api.get("/v2/tax-rates", limit=100).json()["data"]}
    assert (shown[first["id"]], shown[second["id"]]) == (False, True)
    api.send("PATCH", f"/v2/tax-rates/{first['id']}", {"default": True})
    assert not api.get(f"/v2/tax-rates/{second['id']}").json()["default"]
    gone = api.send("PATCH", f"/v2/tax-rates/{first['id']}", {"active": False}).json()
    assert (gone["active"], gone["default"]) == (False, False)
    wrong = {"default": True}
    refused = api.send("PATCH", f"/v2/tax-rates/{first['id']}", wrong)
    assert fields_of(problem(refused, 422, "invalid_request")) == ["default"]


def test_exclusive_and_inclusive(api: Api) -> None:
    rate(api, default=True)
    added = make(api, api.account(), LINE, finalize=True)
    assert (added["subtotal"], added["tax"], added["total"]) == (usd(10000), usd(1800), usd(11800))
    assert added["taxes"] == [
        {"name": "VAT", "percentage": "18", "inclusive": False, "taxable": usd(10000), "amount": usd(1800)}
    ]
    rate(api, default=True, inclusive=True, percentage=25)
    inside = make(api, api.account(), LINE, finalize=True)
    assert (inside["subtotal"], inside["tax"], inside["total"]) == (usd(8000), usd(2000), usd(10000))
    line = inside["lines"][0]
    assert (line["amount"], line["net"], line["tax"]) == (usd(10000), usd(8000), usd(2000))


def test_by_the_customers_place(api: Api) -> None:
    rate(api, default=True, percentage=1)
    rate(api, country="CA", percentage=5, name="GST")
    rate(api, country="CA", region="QC", percentage=5, name="GST")
    rate(api, country="CA", region="QC", percentage="9.975", name="QST")
    for address, exempt, tax in (
        ({}, False, 100),
        ({"country": "FR"}, False, 100),
        ({"country": "CA"}, False, 500),
        ({"country": "CA", "region": "ON"}, False, 500),
        ({"country": "CA", "region": "qc"}, False, 1498),
        ({"country": "CA", "region": "QC"}, True, 0),
    ):
        account = api.account(address=address, tax_exempt=exempt)
        assert make(api, account, finalize=True)["tax"] == usd(tax), address


def test_a_draft_is_taxed_by_the_rates_of_its_issue(api: Api) -> None:
    first = rate(api, default=True)
    draft = make(api, api.account())
    assert draft["tax"] == usd(1800)
    api.send("PATCH", f"/v2/tax-rates/{first['id']}", {"active": False})
    assert api.post(f"/v2/invoices/{draft['id']}/finalize").json()["tax"] == usd(0)
    assert api.get(f"/v2/invoices/{draft['id']}").json()["taxes"] == []


def test_notes_have_their_part_of_the_tax(api: Api) -> None:
    rate(api, default=True)
    invoice = make(api, api.account(), LINE, LINE, finalize=True)
    where = f"/v2/invoices/{invoice['id']}/credit-notes"
    note = api.post(where, {"reason": "x", "lines": [{"line": 1}]}).json()
    assert (note["subtotal"], note["tax"], note["total"]) == (usd(10000), usd(1800), usd(11800))
    rest = api.post(where, {"reason": "x"}).json()
    assert (rest["subtotal"], rest["tax"]) == (usd(10000), usd(1800))


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"percentage": 1}, "name"),
        ({"name": "x"}, "percentage"),
        ({"name": "", "percentage": 1}, "name"),
        ({"name": "\0", "percentage": 1}, "name"),
        ({"name": "\ud800", "percentage": 1}, "name"),
        ({"name": "x", "percentage": 1.5}, "percentage"),
        ({"name": "x", "percentage": -1}, "percentage"),
        ({"name": "x", "percentage": 101}, "percentage"),
        ({"name": "x", "percentage": "1.00001"}, "percentage"),
        ({"name": "x", "percentage": True}, "percentage"),
        ({"name": "x", "percentage": 1, "country": "uk"}, "country"),
        ({"name": "x", "percentage": 1, "region": "QC"}, "country"),
        ({"name": "x", "percentage": 1, "inclusive": 1}, "inclusive"),
        ({"name": "x", "percentage": 1, "colour": 1}, "colour"),
    ],
)
def test_what_is_wrong(api: Api, body: Any, field: str) -> None:
    assert fields_of(problem(api.post("/v2/tax-rates", body), 422, "invalid_request")) == [field]


def test_who_may(api: Api, reader: Api, stranger: Api, test_mode: Api) -> None:
    made = rate(api)
    path = f"/v2/tax-rates/{made['id']}"
    assert reader.get(path).json() == made
    problem(reader.post("/v2/tax-rates", {"name": "x", "percentage": 1}), 403, "forbidden")
    problem(reader.send("PATCH", path, {"name": "x"}), 403, "forbidden")
    for client in (stranger, test_mode):
        problem(client.get(path), 404, "not_found")
        problem(client.send("PATCH", path, {"name": "x"}), 404, "not_found")
        assert client.get("/v2/tax-rates").json()["data"] == []
    problem(api.get("/v2/tax-rates/x"), 404, "not_found")
    for body, field in (({"name": ""}, "name"), ({"active": 1}, "active"), ({"percentage": 1}, "percentage")):
        assert fields_of(problem(api.send("PATCH", path, body), 422, "invalid_request")) == [field]
