"""Refunds and disputes over HTTP."""

import pytest

from tallystick.kernel.actor import Role
from tests.contract.served import Api, House, fields_of, problem

from .paying import bought, checkout, made, member, posted

pytestmark = pytest.mark.holds(
    "native",
    "POST /v2/refunds",
    "GET /v2/refunds",
    "GET /v2/refunds/{refund}",
    "POST /v2/refunds/{refund}/retry",
    "POST /v2/refunds/{refund}/complete",
    "GET /v2/disputes",
    "GET /v2/disputes/{dispute}",
    "POST /v2/disputes/{dispute}/close",
)


def refund(api: Api, payment: str, **fields: object) -> dict[str, object]:
    return made(api.post("/v2/refunds", {"payment": payment, **fields}))


def test_a_refund_sends_the_money_back_and_takes_the_credits(api: Api) -> None:
    account = api.account()
    paid = bought(api, account)
    back = refund(api, paid["id"], amount="2.00", reason="half of it")
    assert (back["status"], back["amount"]) == ("succeeded", {"amount": 200, "currency": "USD"})
    assert (back["credits"], posted(api, account)) == ("unspent", "300")
    note = made(api.get(f"/v2/credit-notes/{back['credit_note']}"), 200)
    assert (note["refund_due"]["amount"], note["reason"]) == (200, "half of it")
    assert made(api.get(f"/v2/refunds/{back['id']}"), 200) == back
    assert [row["id"] for row in api.get("/v2/refunds", payment=paid["id"]).json()["data"]] == [back["id"]]
    assert made(api.get(f"/v2/payments/{paid['id']}"), 200)["refunded"]["amount"] == 200
    rest = refund(api, paid["id"], credits="keep")
    assert (rest["amount"], posted(api, account)) == ({"amount": 300, "currency": "USD"}, "300")
    problem(api.post("/v2/refunds", {"payment": paid["id"]}), 409, "nothing_to_refund")


def test_the_same_key_refunds_once(api: Api) -> None:
    paid = bought(api)
    body = {"payment": paid["id"], "amount": 100}
    first, again = (api.post("/v2/refunds", body, key="refund-1") for _ in range(2))
    assert (first.content, again.headers["idempotent-replayed"]) == (again.content, "true")
    problem(api.post("/v2/refunds", {**body, "amount": 101}, key="refund-1"), 422, "idempotency_key_reused")
    assert made(api.get(f"/v2/payments/{paid['id']}"), 200)["refunded"]["amount"] == 100


def test_bad_requests(api: Api, writer: Api, stranger: Api) -> None:
    paid = bought(api)
    problem(writer.post("/v2/refunds", {"payment": paid["id"]}), 403, "forbidden")
    problem(stranger.post("/v2/refunds", {"payment": paid["id"]}), 404, "not_found")
    problem(api.post("/v2/refunds", {"payment": "pay_x"}), 404, "not_found")
    for amount in (501, 0, "5.0", -1):
        refused = api.post("/v2/refunds", {"payment": paid["id"], "amount": amount})
        assert fields_of(problem(refused, 422, "invalid_request")) == ["amount"]
    waiting = checkout(api, api.account())["payment"]
    problem(api.post("/v2/refunds", {"payment": waiting}), 409, "payment_state")


def test_one_that_failed_is_tried_again_and_paid_by_hand(api: Api) -> None:
    paid = bought(api, card="5126")
    back = refund(api, paid["id"])
    assert back["status"] == "failed"
    assert back["failure"]
    again = made(api.post(f"/v2/refunds/{back['id']}/retry"))
    assert (again["status"], again["credit_note"]) == ("failed", back["credit_note"])
    problem(api.post(f"/v2/refunds/{back['id']}/retry"), 409, "refund_state")
    assert made(api.get(f"/v2/refunds/{back['id']}"), 200)["retried_by"] == again["id"]
    done = made(api.post(f"/v2/refunds/{again['id']}/complete", {"reference": "transfer 4"}), 200)
    assert done["status"] == "succeeded"
    assert made(api.get(f"/v2/payments/{paid['id']}"), 200)["refunded"]["amount"] == 500


def test_a_bank_transfer_goes_back_by_hand(api: Api) -> None:
    opened = checkout(api, api.account(), credits={"amount": 500}, gateway="manual")
    made(api.post(f"/v2/payments/{opened['payment']}/approve"), 200)
    back = refund(api, opened["payment"])
    assert (back["status"], back["by_hand"]) == ("pending", True)
    done = made(api.post(f"/v2/refunds/{back['id']}/complete", key="by-hand"), 200)
    assert (done["status"], done["by_hand"]) == ("succeeded", False)
    problem(api.post(f"/v2/refunds/{back['id']}/complete"), 409, "refund_state")


def test_a_credit_note_sends_back_what_was_paid(api: Api, writer: Api) -> None:
    account = api.account()
    paid = bought(api, account)
    body = {"reason": "not as promised", "amount": "1.00", "refund": "refund"}
    path = f"/v2/invoices/{paid['invoice']}/credit-notes"
    problem(writer.post(path, body), 403, "forbidden")
    note = made(api.post(path, body))
    [back] = api.get("/v2/refunds", payment=paid["id"]).json()["data"]
    assert (back["cause"], back["credit_note"], back["amount"]["amount"]) == ("credit_note", note["id"], 100)
    assert posted(api, account) == "400"


def test_disputes_are_listed_and_closed_by_staff(house: House, api: Api, writer: Api) -> None:
    account = api.account()
    paid = bought(api, account, card="0259")
    [row] = api.get("/v2/disputes", account=account).json()["data"]
    assert (row["status"], row["payment"], row["policy"]) == ("open", paid["id"], "claw_back")
    assert (row["credits_taken"][0]["amount"], posted(api, account)) == ("500", "0")
    path = f"/v2/disputes/{row['id']}"
    assert made(api.get(path), 200) == row
    problem(api.post("/v2/refunds", {"payment": paid["id"]}), 409, "payment_disputed")
    problem(writer.post(path + "/close", {"outcome": "won"}), 403, "forbidden")
    problem(api.post(path + "/close", {"outcome": "perhaps"}), 422, "invalid_request")
    with house.client(member(house, account, Role.VIEWER)) as viewer:
        assert viewer.get(path).status_code == 200
        assert len(viewer.get("/v2/disputes").json()["data"]) == 1
        assert viewer.get("/v2/refunds").json()["data"] == []
        problem(viewer.post(path + "/close", {"outcome": "won"}), 403, "forbidden")
    closed = made(api.post(path + "/close", {"outcome": "won", "reason": "they gave in"}), 200)
    assert (closed["status"], posted(api, account)) == ("won", "500")
    problem(api.post(path + "/close", {"outcome": "lost"}), 409, "dispute_state")
    assert api.get("/v2/disputes", account=account, status="open").json()["data"] == []


def test_what_is_anothers_is_not_found(api: Api, stranger: Api) -> None:
    paid = bought(api, card="0259")
    [row] = api.get("/v2/disputes", payment=paid["id"]).json()["data"]
    problem(stranger.get(f"/v2/disputes/{row['id']}"), 404, "not_found")
    problem(stranger.post(f"/v2/disputes/{row['id']}/close", {"outcome": "won"}), 404, "not_found")
    back = refund(api, bought(api)["id"])
    problem(stranger.get(f"/v2/refunds/{back['id']}"), 404, "not_found")
    problem(stranger.post(f"/v2/refunds/{back['id']}/retry"), 404, "not_found")
    problem(stranger.post(f"/v2/refunds/{back['id']}/complete"), 404, "not_found")
    problem(stranger.get(f"/v2/payments/{paid['id']}"), 404, "not_found")
    assert stranger.get("/v2/payments").json()["data"] == []
    assert stranger.get("/v2/refunds").json()["data"] == []
