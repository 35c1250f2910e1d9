"""GET invoices/ and invoices/{id}/: the workspace's own, with addresses that open without a login."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tallystick.kernel.actor import Role
from tests.clients import http_client
from tests.contract.conformance.holding import hold
from tests.contract.igny8.shops import Shop
from tests.contract.native.payments.paying import made
from tests.contract.native.subscribing import paid, subscribe
from tests.contract.served import Api, House

from .selling import CREDITS, INVOICES, sandbox, tier, uuid_of

pytestmark = pytest.mark.holds("appvector", "GET /api/billing/invoices/", "GET /api/billing/invoices/{id}/")

YEAR = datetime.now(UTC).year + 1
KEYS = [
    "id", "invoice_number", "total_amount", "currency", "status", "issued_at", "period_start", "period_end", "pdf_url",
]  # fmt: skip
MORE = ["subtotal", "tax", "amount_paid", "paid_at", "due_date", "line_items", "hosted_invoice_url"]
FOUND_NOTHING = (404, {"detail": "Not found."})


@pytest.fixture
def sold(house: House) -> Shop:
    return sandbox(house)


def listed(api: Api, **query: Any) -> list[dict[str, Any]]:
    answer = api.get(INVOICES, **query)
    assert answer.status_code == 200, answer.text
    body = hold(answer)
    assert list(body) == ["invoices"]
    return list(body["invoices"])


def read(api: Api, id: str) -> dict[str, Any]:
    answer = api.get(f"{INVOICES}{id}/")
    assert answer.status_code == 200, answer.text
    body = hold(answer)
    assert list(body) == ["invoice"]
    return dict(body["invoice"])


def professional(api: Api, sold: Shop, **fields: Any) -> dict[str, Any]:
    tier(api, "PROFESSIONAL", "149.00", 20)
    [plan] = made(api.get("/v2/plans"), 200)["data"]
    return subscribe(api, plan["id"], sold.id, **fields)


def test_a_month_of_a_plan(sold: Shop) -> None:
    with sold.admin() as api, sold.person(Role.VIEWER) as viewer:
        pattern = {"seller": {"name": "AV"}, "invoice_pattern": "INV-{YYYY}{MM}-{SEQ:5}"}
        made(api.send("PUT", "/v2/billing-settings", pattern), 200)
        made(api.post("/v2/test-clock/advance", {"to": f"{YEAR}-09-15T00:00:00Z"}), 200)
        assert listed(viewer) == []
        paid(api, professional(api, sold, billing="calendar"))
        made(api.post("/v2/test-clock/advance", {"to": f"{YEAR}-10-02T00:00:00Z"}), 200)
        row, first = listed(viewer)
        assert [list(row), list(first)] == [KEYS, KEYS]
        id, url = row.pop("id"), row.pop("pdf_url")
        assert row == {
            "invoice_number": f"INV-{YEAR}10-00001",
            "total_amount": "149.00",
            "currency": "USD",
            "status": "OPEN",
            "issued_at": f"{YEAR}-10-01T00:00:00Z",
            "period_start": f"{YEAR}-10-01",
            "period_end": f"{YEAR}-10-31",
        }
        whole = read(viewer, id)
        assert list(whole) == KEYS + MORE
        assert {name: whole[name] for name in KEYS} == row | {"id": id, "pdf_url": url}
        assert {name: whole[name] for name in MORE[:6]} == {
            "subtotal": "149.00",
            "tax": "0.00",
            "amount_paid": "0.00",
            "paid_at": None,
            "due_date": f"{YEAR}-10-01",
            "line_items": [
                {"description": "Professional", "quantity": 1, "unit_price": "149.00", "amount": "149.00"}
            ],
        }
        whole = read(viewer, first["id"])
        assert (first["status"], whole["amount_paid"]) == ("PAID", first["total_amount"])
        assert whole["paid_at"].startswith(f"{YEAR}-09-15T")
        assert first["period_end"] == f"{YEAR}-09-30"


def test_days_are_the_customers(house: House) -> None:
    """As on the paper: in Kiritimati a month begins 14 hours before it does in UTC."""
    sold = sandbox(house, time_zone="Pacific/Kiritimati")
    with sold.admin() as api, sold.person() as owner:
        made(api.post("/v2/test-clock/advance", {"to": f"{YEAR}-09-15T00:00:00Z"}), 200)
        paid(api, professional(api, sold, billing="calendar"))
        made(api.post("/v2/test-clock/advance", {"to": f"{YEAR}-10-02T00:00:00Z"}), 200)
        row = listed(owner)[0]
        assert (row["period_start"], row["period_end"]) == (f"{YEAR}-10-01", f"{YEAR}-10-31")
        assert row["issued_at"] == f"{YEAR}-09-30T10:00:00Z"


def test_what_is_for_no_period(sold: Shop) -> None:
    with sold.admin() as api, sold.person() as owner:
        assert owner.post(CREDITS, {"feature_key": "api_calls", "amount": 250}).status_code == 200
        [row] = listed(owner)
        assert (row["total_amount"], row["status"]) == ("2.50", "OPEN")
        assert (row["period_start"], row["period_end"]) == (None, None)
        [line] = read(owner, row["id"])["line_items"]
        assert line == {"description": "250 API Calls", "quantity": 1, "unit_price": "2.50", "amount": "2.50"}
        [page] = made(api.get("/v2/checkouts", account=sold.id), 200)["data"]
        made(api.post(f"/v2/checkouts/{page['id']}/expire", {}), 200)
        assert [one["status"] for one in listed(owner)] == ["VOID"]


def test_lines_and_taxes(sold: Shop) -> None:
    with sold.admin() as api, sold.person() as owner:
        tax = {"name": "VAT", "percentage": "20", "default": True}
        assert api.post("/v2/tax-rates", tax).status_code == 201
        lines = [
            {"description": "Hours", "quantity": "1.5", "unit_price": "10000"},
            {"description": "Calls", "quantity": "3000", "unit_price": "0.5"},
        ]
        draft = made(api.post("/v2/invoices", {"account": sold.id, "lines": lines, "currency": "USD"}))
        # nobody has issued it
        assert listed(owner) == []
        assert (owner.get(f"{INVOICES}{uuid_of(draft['id'])}/").status_code) == 404
        made(api.post(f"/v2/invoices/{draft['id']}/finalize", {}), 200)
        [row] = listed(owner)
        whole = read(owner, row["id"])
        assert (whole["subtotal"], whole["tax"], whole["total_amount"]) == ("165.00", "33.00", "198.00")
        assert whole["line_items"] == [
            {"description": "Hours", "quantity": 1.5, "unit_price": "100.00", "amount": "150.00"},
            {"description": "Calls", "quantity": 3000, "unit_price": "0.005", "amount": "15.00"},
        ]


def test_the_newest_first_and_how_many(sold: Shop) -> None:
    with sold.admin() as api, sold.person() as owner:
        line = {"description": "Work", "amount": "5.00"}
        body = {"account": sold.id, "lines": [line], "currency": "USD", "finalize": True}
        numbers = [made(api.post("/v2/invoices", body))["number"] for _ in range(4)]
        assert [row["invoice_number"] for row in listed(owner)] == numbers[::-1]
        assert [row["invoice_number"] for row in listed(owner, limit=2)] == numbers[:1:-1]
        for limit in ("0", "-1", "501", "many", "", "1.5"):
            answer = owner.get(INVOICES, limit=limit)
            assert (answer.status_code, list(hold(answer))) == (400, ["limit"]), limit


def test_the_addresses_open_without_a_login(sold: Shop) -> None:
    with sold.admin() as api, sold.person() as owner, http_client() as browser:
        assert owner.post(CREDITS, {"feature_key": "api_calls", "amount": 250}).status_code == 200
        whole = read(owner, listed(owner)[0]["id"])
        assert whole["pdf_url"] == whole["hosted_invoice_url"] + "/pdf"
        paper = browser.get(whole["pdf_url"])
        assert (paper.status_code, paper.headers["content-type"]) == (200, "application/pdf")
        assert paper.content.startswith(b"%PDF")
        assert owner.http.get(whole["pdf_url"]).status_code == 200  # and with a token
        page = browser.get(whole["hosted_invoice_url"])
        assert page.status_code == 200
        assert whole["invoice_number"] in page.text
        assert "Pay US$2.50" in page.text or "Pay $2.50" in page.text
        assert page.headers["cache-control"] == "no-store"
        # it is paid there
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        led = browser.post(whole["hosted_invoice_url"], content="", headers=form)
        assert led.status_code == 200
        [opened, *_] = [
            row
            for row in made(api.get("/v2/checkouts", account=sold.id), 200)["data"]
            if row["url"] in led.text
        ]
        browser.post(opened["url"], content="card=4242", headers=form)
        assert listed(owner)[0]["status"] == "PAID"
        assert api.wallet(sold.id)["posted"] == "250"
        assert "Pay " not in browser.get(whole["hosted_invoice_url"]).text


def test_links_that_we_did_not_make(sold: Shop) -> None:
    with sold.person() as owner, http_client() as browser:
        for amount in (250, 300):
            assert owner.post(CREDITS, {"feature_key": "api_calls", "amount": amount}).status_code == 200
        one, two = (row["pdf_url"].removesuffix("/pdf") for row in listed(owner))
        start, token = one.rsplit("/", 1)
        crossed = f"{two.rsplit('/', 1)[0]}/{token}"
        for bad in (f"{start}/x", f"{start}/{token[:-1]}A", crossed, one.replace("inv_", "inv_x"), start):
            for address in (bad, bad + "/pdf"):
                assert browser.get(address).status_code == 404, address
            assert browser.post(bad).status_code in (404, 405)


def test_invoices_of_others(house: House, sold: Shop) -> None:
    other = sandbox(house)
    with sold.person() as owner, other.person() as stranger, other.admin() as foreign:
        assert owner.post(CREDITS, {"feature_key": "api_calls", "amount": 250}).status_code == 200
        [row] = listed(owner)
        assert listed(stranger) == []
        for id in (row["id"], "x", "0", "in_", "01a2001e-34fb-7667-9821-00000000ffff"):
            answer = stranger.get(f"{INVOICES}{id}/")
            assert (answer.status_code, hold(answer)) == FOUND_NOTHING
            answer = stranger.get(f"{INVOICES}{id}/", workspace_id=str(sold.account.uuid))
            assert (answer.status_code, hold(answer)) == FOUND_NOTHING
            answer = foreign.get(f"{INVOICES}{id}/", workspace_id=other.id)
            assert (answer.status_code, hold(answer)) == FOUND_NOTHING
        answer = stranger.get(INVOICES, workspace_id=str(sold.account.uuid))
        assert (answer.status_code, hold(answer)) == FOUND_NOTHING
        # another workspace of the same tenant is not the one that is asked for
        with sold.admin() as api:
            beside = api.account()
            answer = api.get(f"{INVOICES}{row['id']}/", workspace_id=beside)
            assert (answer.status_code, hold(answer)) == FOUND_NOTHING
            assert api.get(f"{INVOICES}{row['id']}/", workspace_id=sold.id).status_code == 200
            answer = api.get(INVOICES)
            assert (answer.status_code, hold(answer)) == (400, {"workspace_id": ["This field is required."]})
