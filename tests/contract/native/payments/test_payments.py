"""Charging saved ways to pay, bank transfers, and the ways to pay themselves."""

import asyncio
from typing import Any

import httpx2
import pytest

from tallystick.kernel.actor import Role
from tests.contract.served import Api, House, problem

from .paying import bought, checkout, invoice, made, member, method_of, posted

pytestmark = pytest.mark.holds(
    "native",
    "POST /v2/payments",
    "GET /v2/payments",
    "GET /v2/payments/{payment}",
    "POST /v2/payments/{payment}/approve",
    "POST /v2/payments/{payment}/reject",
    "GET /v2/accounts/{account}/payment-methods",
    "DELETE /v2/accounts/{account}/payment-methods/{method}",
)


def test_a_saved_way_to_pay_is_charged(api: Api) -> None:
    account = api.account()
    method = method_of(api, account)
    bill = invoice(api, account)
    paid = made(api.post("/v2/payments", {"invoice": bill}))
    assert (paid["status"], paid["cause"], paid["method"], paid["failure"]) == (
        "succeeded",
        "request",
        method,
        None,
    )
    assert paid["applied"] == {"amount": 500, "currency": "USD"}
    assert api.get(f"/v2/payments/{paid['id']}").json() == paid
    assert [row["id"] for row in api.get("/v2/payments", invoice=bill).json()["data"]] == [paid["id"]]
    problem(api.post("/v2/payments", {"invoice": bill}), 409, "invoice_state")


def test_a_decline_says_why(api: Api) -> None:
    account = api.account()
    method_of(api, account, "0341")
    bill = invoice(api, account)
    paid = made(api.post("/v2/payments", {"invoice": bill}))
    assert (paid["status"], paid["failure"]["code"]) == ("failed", "card_declined")
    assert made(api.get(f"/v2/invoices/{bill}"), 200)["status"] == "open"
    failed = api.get("/v2/payments", account=account, status="failed").json()["data"]
    assert [row["id"] for row in failed] == [paid["id"]]


def test_without_a_way_to_pay_nothing_is_charged(api: Api, stranger: Api) -> None:
    account = api.account()
    bill = invoice(api, account)
    problem(api.post("/v2/payments", {"invoice": bill}), 409, "no_payment_method")
    problem(stranger.post("/v2/payments", {"invoice": bill}), 404, "not_found")
    problem(api.post("/v2/payments", {"invoice": "inv_x"}), 404, "not_found")
    other = method_of(api, api.account())
    problem(api.post("/v2/payments", {"invoice": bill, "method": other}), 404, "not_found")


def test_the_same_key_charges_once(house: House, api: Api) -> None:
    account = api.account()
    method_of(api, account)
    bill = invoice(api, account)

    async def many(client: httpx2.AsyncClient) -> list[Any]:
        headers = {"Idempotency-Key": f"charge {bill}"}
        send = (client.post("/v2/payments", json={"invoice": bill}, headers=headers) for _ in range(12))
        return await asyncio.gather(*send)

    answers = house.together(many)
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    [paid] = api.get("/v2/payments", account=account).json()["data"]
    assert paid["amount"]["amount"] == 500


def test_bank_transfers_are_approved_and_rejected_by_staff(api: Api, writer: Api) -> None:
    account = api.account()
    opened = checkout(api, account, credits={"amount": 500}, gateway="manual")
    path = f"/v2/payments/{opened['payment']}"
    assert made(api.get(path), 200)["status"] == "pending"
    problem(writer.post(path + "/approve"), 403, "forbidden")
    paid = made(api.post(path + "/approve", {"reference": "statement 7"}, key="approve-1"), 200)
    assert (paid["status"], paid["reference"], posted(api, account)) == ("succeeded", "statement 7", "500")
    again = api.post(path + "/approve", {"reference": "statement 7"}, key="approve-1")
    assert (made(again, 200), again.headers["idempotent-replayed"]) == (paid, "true")
    problem(api.post(path + "/approve"), 409, "payment_state")
    other = checkout(api, account, credits={"amount": 500}, gateway="manual")
    path = f"/v2/payments/{other['payment']}"
    problem(api.post(path + "/reject", {}), 422, "invalid_request")
    refused = made(api.post(path + "/reject", {"reason": "never came"}), 200)
    assert (refused["status"], refused["failure"]["message"]) == ("failed", "never came")
    card = bought(api, account)
    problem(api.post(f"/v2/payments/{card['id']}/approve"), 409, "not_by_hand")
    part = checkout(api, account, credits={"amount": 500}, gateway="manual")
    path = f"/v2/payments/{part['payment']}/approve"
    assert made(api.post(path, {"amount": "2.00"}), 200)["applied"]["amount"] == 200
    assert made(api.get(f"/v2/invoices/{part['invoice']}"), 200)["amount_remaining"]["amount"] == 300


def test_ways_to_pay_are_kept_by_owners_and_admins(house: House, api: Api, reader: Api) -> None:
    account = api.account()
    first, second = method_of(api, account), method_of(api, account, "0341")
    path = f"/v2/accounts/{account}/payment-methods"
    rows = reader.get(path).json()["data"]
    assert [(row["id"], row["default"], row["last4"]) for row in rows] == [
        (first, True, "4242"),
        (second, False, "0341"),
    ]
    assert not any("ref" in row for row in rows)
    problem(reader.send("DELETE", f"{path}/{first}"), 403, "forbidden")
    with house.client(member(house, account, Role.OWNER)) as owner:
        assert made(owner.post(f"{path}/{second}/default"), 200)["default"]
        gone = made(owner.send("DELETE", f"{path}/{second}"), 200)
        assert gone["removed_at"]
        [row] = owner.get(path).json()["data"]
        assert (row["id"], row["default"]) == (first, True)
        problem(owner.post(f"{path}/{second}/default"), 404, "not_found")
        problem(owner.post("/v2/payments", {"invoice": invoice(api, account)}), 403, "forbidden")
    with house.client(member(house, account, Role.MEMBER)) as plain:
        assert plain.get(path).status_code == 200
        problem(plain.send("DELETE", f"{path}/{first}"), 403, "forbidden")
    other = api.account()
    problem(api.send("DELETE", f"/v2/accounts/{other}/payment-methods/{first}"), 404, "not_found")


def test_history_and_portal(house: House, api: Api) -> None:
    account = api.account()
    bought(api, account)
    past = made(api.get(f"/v2/accounts/{account}/payment-history"), 200)
    assert (past["gateway"], past["has_more"], past["account"]) == ("sandbox", False, account)
    assert [row["amount"] for row in past["data"]] == [{"amount": 500, "currency": "USD"}]
    session = made(api.post("/v2/portal-sessions", {"account": account, "return_url": house.url + "/docs"}))
    page = api.http.get(session["url"], headers={"Authorization": ""})
    assert page.status_code == 200
    problem(
        api.post("/v2/portal-sessions", {"account": account, "gateway": "none"}), 409, "gateway_not_set_up"
    )
    bad = {"account": account, "return_url": "http://elsewhere.example"}
    problem(api.post("/v2/portal-sessions", bad), 422, "invalid_request")
