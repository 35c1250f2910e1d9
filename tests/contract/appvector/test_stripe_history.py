"""GET stripe/payment-history/ and stripe/portal/ without Stripe: what the sandbox knows, in the same shapes."""

from datetime import datetime
from typing import Any

import pytest

from tallystick.kernel.actor import Mode, Role
from tests.clients import http_client
from tests.contract.conformance.holding import hold
from tests.contract.igny8.shops import Shop, shop
from tests.contract.native.payments.paying import checkout, made, pay
from tests.contract.native.subscribing import subscribe
from tests.contract.served import Api, House, housed

from .selling import CREDITS, HISTORY, INVOICES, ORIGINS, PORTAL, sandbox, tier

pytestmark = pytest.mark.holds(
    "appvector", "GET /api/billing/stripe/payment-history/", "GET /api/billing/stripe/portal/"
)

KEYS = [
    "id", "amount", "currency", "status", "paid", "date", "invoice_pdf", "hosted_invoice_url", "description",
]  # fmt: skip
FORBIDDEN = (403, {"detail": "You do not have permission to perform this action."})
FOUND_NOTHING = (404, {"detail": "Not found."})


@pytest.fixture
def sold(house: House) -> Shop:
    return sandbox(house)


def history(api: Api, **query: Any) -> dict[str, Any]:
    answer = api.get(HISTORY, **query)
    assert answer.status_code == 200, answer.text
    body = hold(answer)
    assert list(body) == ["payments", "has_more"]
    return dict(body)


def buy(sold: Shop, amount: int, card: str = "4242") -> None:
    with sold.admin() as api:
        pay(api, checkout(api, sold.id, credits={"amount": amount, "credit_type": "api_calls"}), card)


def test_what_was_paid(sold: Shop) -> None:
    with sold.admin() as api, sold.person(Role.VIEWER) as viewer:
        assert history(viewer) == {"payments": [], "has_more": False}
        sold.card()
        tier(api, "PROFESSIONAL", "149.00", 20)
        [plan] = made(api.get("/v2/plans"), 200)["data"]
        subscribed = subscribe(api, plan["id"], sold.id)
        charged = made(api.post("/v2/payments", {"invoice": subscribed["invoice"]["id"]}))
        assert charged["status"] == "succeeded"
        [row] = history(viewer)["payments"]
        assert list(row) == KEYS
        [bill] = viewer.get(INVOICES).json()["invoices"]
        whole = viewer.get(f"{INVOICES}{bill['id']}/").json()["invoice"]
        # the product's own time, also where its test clock is far ahead of the sandbox's
        assert row.pop("date") == datetime.fromisoformat(whole["paid_at"]).timestamp()
        assert row == {
            "id": "in_" + subscribed["invoice"]["id"].removeprefix("inv_"),
            "amount": 149.0,
            "currency": "USD",
            "status": "paid",
            "paid": True,
            "invoice_pdf": bill["pdf_url"],
            "hosted_invoice_url": whole["hosted_invoice_url"],
            "description": "Subscription for Professional Plan",
        }
        with http_client() as browser:
            assert browser.get(row["invoice_pdf"]).content.startswith(b"%PDF")


def test_a_page_at_a_time(sold: Shop) -> None:
    for amount in (100, 200, 300):
        buy(sold, amount)
    with sold.person() as owner:
        whole = history(owner)
        assert [row["amount"] for row in whole["payments"]] == [3.0, 2.0, 1.0]
        assert whole["has_more"] is False
        two = history(owner, limit=2)
        assert (two["payments"], two["has_more"]) == (whole["payments"][:2], True)
        assert history(owner, limit=3) == whole
        for limit in ("0", "-1", "101", "many", "", "1.5"):
            answer = owner.get(HISTORY, limit=limit)
            assert (answer.status_code, list(hold(answer))) == (400, ["limit"]), limit


def test_a_try_that_was_declined(sold: Shop) -> None:
    with sold.admin() as api, sold.person() as owner:
        page = checkout(api, sold.id, credits={"amount": 100, "credit_type": "api_calls"})
        pay(api, page, "0002")
        [row] = history(owner)["payments"]
        assert (row["status"], row["paid"], row["amount"]) == ("open", False, 1.0)
        pay(api, page, "4242")
        [row] = history(owner)["payments"]
        assert (row["status"], row["paid"], row["amount"]) == ("paid", True, 1.0)


def test_several_payments_of_one_invoice_are_one_row(sold: Shop) -> None:
    """As the provider's own invoices are: what paid it counts, and until then the newest try."""
    with sold.admin() as api, sold.person() as owner:
        sold.card("0341")
        line = {"description": "Work", "amount": "5.00"}
        body = {"account": sold.id, "lines": [line], "currency": "USD", "finalize": True}
        bill = made(api.post("/v2/invoices", body))
        for _ in range(2):
            assert made(api.post("/v2/payments", {"invoice": bill["id"]}))["status"] == "failed"
        [row] = history(owner)["payments"]
        assert (row["status"], row["paid"], row["amount"]) == ("open", False, 5.0)
        pay(api, checkout(api, sold.id, invoice=bill["id"]))
        [row] = history(owner)["payments"]
        assert (row["status"], row["paid"], row["amount"]) == ("paid", True, 5.0)
        assert row["id"] == "in_" + bill["id"].removeprefix("inv_")


def test_a_transfer_is_in_the_history_of_who_takes_transfers(house: House) -> None:
    sold = shop(house, mode=Mode.LIVE)
    with sold.admin() as api, sold.person() as owner:
        api.send("PUT", "/v2/credit-types", {"code": "api_calls", "name": "API Calls"})
        made(api.send("PUT", "/v2/gateways/manual", {"enabled": True, "standard": True}), 200)
        owner.post(CREDITS, {"feature_key": "api_calls", "amount": 1000})
        [row] = history(owner)["payments"]
        assert (row["status"], row["paid"]) == ("open", False)
        [payment] = made(api.get("/v2/payments", account=sold.id), 200)["data"]
        made(api.post(f"/v2/payments/{payment['id']}/approve", {}), 200)
        [row] = history(owner)["payments"]
        assert (row["status"], row["paid"], row["amount"]) == ("paid", True, 10.0)


def test_the_portal(sold: Shop) -> None:
    with sold.person(Role.ADMIN) as admin, http_client() as browser:
        answer = admin.get(PORTAL, return_url="http://localhost:3000/billing")
        assert answer.status_code == 200, answer.text
        body = hold(answer)
        assert list(body) == ["portal_url"]
        page = browser.get(body["portal_url"])
        assert page.status_code == 200
        assert "http://localhost:3000/billing" in page.text
        assert hold(admin.get(PORTAL))["portal_url"].startswith(sold.house.url)
        for url in ("https://evil.example/", "javascript:alert(1)", "x"):
            answer = admin.get(PORTAL, return_url=url)
            assert (answer.status_code, list(hold(answer))) == (400, ["return_url"])


def test_who_may(house: House, sold: Shop, nobody: Api) -> None:
    other = sandbox(house)
    for role in (Role.VIEWER, Role.MEMBER):
        with sold.person(role) as person:
            answer = person.get(PORTAL)
            assert (answer.status_code, hold(answer)) == FORBIDDEN
            history(person)
    with other.person() as stranger:
        for path in (PORTAL, HISTORY):
            answer = stranger.get(path, workspace_id=str(sold.account.uuid))
            assert (answer.status_code, hold(answer)) == FOUND_NOTHING
            answer = nobody.get(path)
            assert answer.status_code == 401
            hold(answer)


def test_keys_by_their_scope(api: Api, reader: Api, writer: Api) -> None:
    account = api.account()
    assert history(reader, workspace_id=account) == {"payments": [], "has_more": False}
    answer = reader.get(PORTAL, workspace_id=account)
    assert (answer.status_code, hold(answer)) == FORBIDDEN
    assert hold(writer.get(PORTAL, workspace_id=account))["portal_url"]
    for path in (PORTAL, HISTORY):
        answer = writer.get(path)
        assert (answer.status_code, hold(answer)) == (400, {"workspace_id": ["This field is required."]})


def test_nothing_is_set_up(house: House) -> None:
    with shop(house, mode=Mode.LIVE).person() as owner:
        for path in (PORTAL, HISTORY):
            answer = owner.get(path)
            assert (answer.status_code, hold(answer)["error"]) == (503, "Payments unavailable")


def test_listed_origins(server: Any, template: str) -> None:
    """In live mode too; what is not listed, and this machine, is nowhere to be sent to then."""
    with housed(server, template, "tallystick_av_origins", cors_allowed_origins=ORIGINS) as house:
        sold = shop(house, mode=Mode.LIVE)
        with sold.admin() as api:
            made(api.send("PUT", "/v2/gateways/sandbox", {"enabled": True, "standard": True}), 200)
        with sold.person() as owner:
            for url in (
                f"{ORIGINS[0]}/billing?a=b#c",
                f"{ORIGINS[1]}/x",
                "https://YOURDOMAIN.com/",
                f"{house.url}/docs",
            ):
                assert owner.get(PORTAL, return_url=url).status_code == 200, url
            for url in (
                "http://yourdomain.com/", "https://yourdomain.com:8443/", "https://sub.yourdomain.com/",
                "https://yourdomain.com.evil.example/", "http://localhost:3001/", "http://127.0.0.1:3000/",
                "https://yourdomain.com@evil.example/",
            ):  # fmt: skip
                assert owner.get(PORTAL, return_url=url).status_code == 400, url
