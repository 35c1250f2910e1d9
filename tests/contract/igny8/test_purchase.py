"""POST /v1/billing/credit-packages/{id}/purchase/: the saved card is charged, else it says where to pay."""

import asyncio
import re
from typing import Any

import httpx2
import pytest

from tallystick.kernel.actor import Role
from tests.contract.native.payments.paying import made, pay
from tests.contract.served import Api, House

from .shops import STEP, Shop, fits, refused, shop

pytestmark = pytest.mark.holds("igny8", "POST /v1/billing/credit-packages/{id}/purchase/")

BALANCE = "/v1/billing/credits/balance/balance/"
FIELDS = [
    "invoice_id", "invoice_number", "credit_amount", "total_amount", "status", "payment_id", "next_action",
]  # fmt: skip


def path(package: int | str) -> str:
    return f"/v1/billing/credit-packages/{package}/purchase/"


def data(response: Any) -> dict[str, Any]:
    body = fits(response, "POST /v1/billing/credit-packages/{id}/purchase/", 201)
    assert list(body) == ["success", "data"]
    assert list(body["data"]) == FIELDS
    assert re.fullmatch(r"INV-\d{4}-\d{3}", body["data"]["invoice_number"])
    return dict(body["data"])


def credits(client: Api) -> int:
    return int(made(client.get(BALANCE), 200)["data"]["credits"])


def test_a_saved_card_pays_at_once(house: House) -> None:
    here = shop(house)
    package = here.package(bonus=20)
    here.card()
    with here.person() as owner:
        bought = data(owner.post(path(package)))
        assert (bought["credit_amount"], bought["total_amount"]) == (520, "9.00")
        assert (bought["status"], bought["next_action"]) == ("paid", None)
        assert credits(owner) == 520
        [invoice] = made(owner.get("/v1/billing/invoices/"), 200)["results"]
        [payment] = made(owner.get("/v1/billing/payments/"), 200)["results"]
        [entry, bonus] = made(owner.get("/v1/billing/transactions/"), 200)["data"]["results"][::-1]
    assert (invoice["id"], invoice["invoice_number"]) == (bought["invoice_id"], bought["invoice_number"])
    assert (invoice["status"], invoice["total_amount"]) == ("paid", "9.00")
    assert (payment["id"], payment["status"]) == (bought["payment_id"], "succeeded")
    assert (entry["amount"], entry["transaction_type"], bonus["amount"]) == (500, "purchase", 20)


def test_without_a_card_it_says_where_to_pay(house: House) -> None:
    here = shop(house)
    package = here.package()
    with here.person() as owner:
        body = {
            "payment_method": "sandbox",
            "success_url": "https://shop.example/yes?s={CHECKOUT_SESSION_ID}",
            "cancel_url": "http://localhost:5173/no",
        }
        bought = data(owner.post(path(package), body))
        assert bought["status"] == "pending"
        assert list(bought["next_action"]) == ["type", "url"]
        assert bought["next_action"]["type"] == "redirect"
        assert bought["next_action"]["url"].startswith(f"{house.system.settings.public_url}/pay/co_")
        assert credits(owner) == 0
        [invoice] = made(owner.get("/v1/billing/invoices/"), 200)["results"]
        assert invoice["status"] == "pending"
        pay(owner, bought["next_action"])
        assert credits(owner) == 500
        [invoice] = made(owner.get("/v1/billing/invoices/"), 200)["results"]
        [payment] = made(owner.get("/v1/billing/payments/"), 200)["results"]
    assert (invoice["id"], invoice["status"]) == (bought["invoice_id"], "paid")
    assert (payment["id"], payment["status"]) == (bought["payment_id"], "succeeded")


def test_a_bank_transfer_is_told_how(house: House) -> None:
    here = shop(house)
    package = here.package()
    here.card()  # no card is charged where a transfer is asked for
    with here.admin() as admin, here.person() as owner:
        plain = data(owner.post(path(package), {"payment_method": "manual"}))
        assert plain["next_action"] == {
            "type": "manual",
            "instructions": f"Transfer 9.00 USD and give {plain['invoice_number']} as the reference.",
        }
        told = {"enabled": True, "options": {"instructions": "IBAN GB33 BUKB 2020 1555 5555 55"}}
        made(admin.send("PUT", "/v2/gateways/manual", told), 200)
        bought = data(owner.post(path(package), {"payment_method": "manual"}))
        assert bought["status"] == "pending"
        assert bought["next_action"]["instructions"].startswith(
            "IBAN GB33 BUKB 2020 1555 5555 55\n\nTransfer"
        )
        payments = made(owner.get("/v1/billing/payments/"), 200)["results"]
        assert (payments[0]["id"], payments[0]["status"]) == (bought["payment_id"], "pending_approval")
        row = made(admin.get("/v2/payments"), 200)["data"][0]
        made(admin.post(f"/v2/payments/{row['id']}/approve"), 200)
        assert credits(owner) == 500


def test_a_declined_card_is_402_and_buys_nothing(house: House) -> None:
    here = shop(house)
    package = here.package()
    here.card("0341")
    with here.person() as owner:
        answers = [owner.post(path(package), key="one"), owner.post(path(package), key="one")]
        for answer in answers:
            assert refused(answer, 402)["error"] == "The card was declined."
        assert answers[1].headers["idempotent-replayed"] == "true"
        assert answers[1].content == answers[0].content
        assert credits(owner) == 0
        [invoice] = made(owner.get("/v1/billing/invoices/"), 200)["results"]
        [payment] = made(owner.get("/v1/billing/payments/"), 200)["results"]
    assert (invoice["status"], payment["status"]) == ("void", "failed")


def test_a_card_that_needs_its_owner(house: House) -> None:
    here = shop(house)
    package = here.package()
    here.card(STEP)
    with here.person() as owner:
        bought = data(owner.post(path(package)))
        assert (bought["status"], bought["next_action"]["type"]) == ("pending", "redirect")
        assert credits(owner) == 0
        page = bought["next_action"]["url"].removeprefix(house.system.settings.public_url)
        form = {"Content-Type": "application/x-www-form-urlencoded", "Authorization": ""}
        assert owner.http.post(page, content="answer=approve", headers=form).status_code in (302, 303)
        assert credits(owner) == 500


def test_a_gift_has_nothing_to_pay(house: House) -> None:
    here = shop(house)
    package = here.package(price={"amount": 0, "currency": "USD"})
    with here.person() as owner:
        bought = data(owner.post(path(package), {}))
        assert (bought["total_amount"], bought["status"]) == ("0.00", "paid")
        assert (bought["payment_id"], bought["next_action"]) == (None, None)
        assert credits(owner) == 500


def test_the_same_key_buys_once_also_at_once(house: House) -> None:
    here = shop(house)
    package = here.package()
    here.card()
    house.keys["buyer"] = here.token(here.user())

    async def many(client: httpx2.AsyncClient) -> list[httpx2.Response]:
        send = (client.post(path(package), headers={"Idempotency-Key": "k"}) for _ in range(12))
        return await asyncio.gather(*send)

    answers = house.together(many, "buyer")
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert data(answers[0])["status"] == "paid"
    with here.person() as owner:
        assert credits(owner) == 500
        again = owner.post(path(package), key="k")
        assert (again.content, again.headers["idempotent-replayed"]) == (answers[0].content, "true")
        refused(owner.post(path(package), {"payment_method": "manual"}, key="k"), 422)
        refused(owner.post(path(package), key="x" * 256), 400)
        data(owner.post(path(package)))
        assert credits(owner) == 1000
    with shop(house).person() as other:  # a key is its account's own
        refused(other.post(path(package), key="k"), 404)


def test_the_answer_stays_when_the_way_or_the_package_goes(house: House) -> None:
    """Who repeats a purchase hears what came of it, whatever the shop sells since."""
    here = shop(house)
    package = here.package()
    body = {"payment_method": "manual"}
    with here.admin() as admin, here.person() as owner:
        first = owner.post(path(package), body, key="k")
        made(admin.send("PUT", "/v2/gateways/manual", {"enabled": False, "options": {}}), 200)
        [row] = made(admin.get("/v2/packages"), 200)["data"]
        made(admin.send("DELETE", f"/v2/packages/{row['id']}"), 200)
        again = owner.post(path(package), body, key="k")
        assert data(again) == data(first)
        assert again.headers["idempotent-replayed"] == "true"
        refused(owner.post(path(package), {"payment_method": "sandbox"}, key="k"), 422)
        refused(owner.post(path(package), body, key="another"), 404)
        assert made(owner.get("/v1/billing/invoices/"), 200)["count"] == 1


def test_both_forms_of_the_address(house: House) -> None:
    here = shop(house)
    package = here.package()
    here.card()
    with here.person() as owner:
        for start in ("/v1", "/api/v1"):
            for end in ("", "/"):
                data(owner.post(f"{start}/billing/credit-packages/{package}/purchase{end}"))
        assert credits(owner) == 2000


def test_what_is_not_sold(house: House) -> None:
    here = shop(house)
    off = here.package(active=False)
    with here.admin() as admin, here.person() as owner:
        made(admin.send("PUT", "/v2/credit-types", {"code": "calls", "name": "Calls"}), 200)
        made(
            admin.post(
                "/v2/packages",
                {"name": "Calls", "credits": 5, "credit_type": "calls", "price": {"amount": 900, "currency": "USD"}},
            )
        )  # fmt: skip
        refused(owner.post(path(off)), 409)
        for unknown in (off + 1, off + 100, 0, 2**63 - 1, 2**63, 10**30, "-1", "x", "1.0", "\u0661", "%00"):
            assert refused(owner.post(path(unknown)), 404)["error"] == "Not found."
        assert made(owner.get("/v1/billing/invoices/"), 200)["count"] == 0


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"payment_method": "paypal"}, "payment_method"),
        ({"payment_method": 7}, "payment_method"),
        ({"payment_method": ["stripe"]}, "payment_method"),
        ({"payment_method": "stripe"}, "payment_method"),  # not set up in this shop
        ({"success_url": "javascript:alert(1)"}, "success_url"),
        ({"success_url": "http://shop.example/"}, "success_url"),
        ({"cancel_url": "https://user:pass@shop.example/"}, "cancel_url"),
        ({"cancel_url": {"a": 1}}, "cancel_url"),
        ({"cancel_url": "https://" + "a" * 3000}, "cancel_url"),
        ([], "non_field_errors"),
    ],
)
def test_bad_bodies_buy_nothing(house: House, desk: Shop, body: Any, field: str) -> None:
    with desk.person() as owner:
        before = made(owner.get("/v1/billing/invoices/"), 200)["count"]
        wrong = refused(owner.post(path(1), body), 400)
        assert list(wrong["errors"]) == [field]
        assert made(owner.get("/v1/billing/invoices/"), 200)["count"] == before


@pytest.mark.parametrize("body", [b"{", b"\xff", b'{"a": NaN}', b"null", b"1", b"[" * 5000])
def test_broken_bodies(desk: Shop, body: bytes) -> None:
    with desk.person() as owner:
        refused(owner.post(path(1), body), 400)


def test_what_the_front_refuses(desk: Shop) -> None:
    with desk.person() as owner:
        refused(owner.post(path(1), {"card": "4242 4242 4242 4242"}), 400)
        refused(owner.post(path(1), b'{"a": "' + b"a" * (1 << 20) + b'"}'), 413)
        assert refused(owner.send("PUT", path(1), {}), 405)["error"] == 'Method "PUT" not allowed.'
        owner.http.headers["Content-Type"] = "text/plain"
        refused(owner.post(path(1), b"{}"), 415)
        assert made(owner.get("/v1/billing/invoices/"), 200)["count"] == 0


def test_empty_values_are_as_if_absent(house: House) -> None:
    here = shop(house)
    package = here.package()
    with here.person() as owner:
        body = {"payment_method": None, "success_url": "", "cancel_url": None, "more": 10**40}
        assert data(owner.post(path(package), body, key="k"))["next_action"]["type"] == "redirect"


def test_who_may_buy(house: House) -> None:
    here, elsewhere = shop(house), shop(house)
    package = here.package()
    here.card()
    for role, status in ((Role.VIEWER, 403), (Role.MEMBER, 403), (Role.ADMIN, 201), (Role.OWNER, 201)):
        with here.person(role) as somebody:
            answer = somebody.post(path(package))
            assert answer.status_code == status, (role, answer.text)
    with here.person(None, staff=True) as staff:
        staff.http.headers["X-Account"] = str(here.account.number)
        assert staff.post(path(package)).status_code == 201
    with elsewhere.person() as stranger:
        refused(stranger.post(path(package + 1)), 404)
        stranger.http.headers["X-Account"] = here.id
        refused(stranger.post(path(package)), 404)
    with here.admin() as key, house.client(None) as nobody:
        refused(key.post(path(package)), 401)
        refused(nobody.post(path(package)), 401)
    with here.person(Role.MEMBER) as member:
        assert credits(member) == 1500


def test_a_shop_that_takes_no_money(house: House) -> None:
    here = shop(house)
    package = here.package()
    with here.admin() as admin, here.person() as owner:
        for name in ("sandbox", "manual"):
            made(admin.send("PUT", f"/v2/gateways/{name}", {"enabled": False, "options": {}}), 200)
        assert made(owner.get("/v1/billing/payment-methods/"), 200) == {"results": []}
        refused(owner.post(path(package)), 409)
        refused(owner.post(path(package), {"payment_method": "sandbox"}), 400)


@pytest.fixture(scope="module")
def desk(house: House) -> Shop:
    """For tests that buy nothing: a shop with one package, whose number is 1."""
    made = shop(house)
    assert made.package() == 1
    return made
