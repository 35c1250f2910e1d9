"""Checkouts: what may be bought on a page, for whom, and once."""

import pytest

from tallystick.kernel.actor import Role
from tests.contract.native.subscribing import plan
from tests.contract.served import Api, House, fields_of, problem

from .paying import bought, checkout, invoice, made, member, pay, posted

pytestmark = pytest.mark.holds(
    "native",
    "POST /v2/checkouts",
    "GET /v2/checkouts",
    "GET /v2/checkouts/{checkout}",
    "POST /v2/checkouts/{checkout}/expire",
    "GET /v2/payments/{payment}",
)

NOBODY = "co_01h455vb4pex5vsknk084sn02q"


def test_credits_are_bought_on_a_page(api: Api) -> None:
    account = api.account()
    opened = checkout(api, account)
    assert (opened["status"], opened["kind"], opened["gateway"]) == ("open", "invoice", "sandbox")
    assert opened["amount"] == {"amount": 500, "currency": "USD"}
    pay(api, opened)
    read = made(api.get(f"/v2/checkouts/{opened['id']}"), 200)
    assert (read["status"], posted(api, account)) == ("completed", "500")
    paid = made(api.get(f"/v2/payments/{opened['payment']}"), 200)
    assert (paid["status"], paid["applied"]["amount"], paid["invoice"]) == (
        "succeeded",
        500,
        opened["invoice"],
    )
    assert made(api.get(f"/v2/invoices/{opened['invoice']}"), 200)["status"] == "paid"


def test_a_package_an_invoice_and_a_way_to_pay(api: Api) -> None:
    body = {"key": "small", "name": "Small", "credits": 100, "bonus": 5}
    body |= {"price": {"amount": "1.00", "currency": "USD"}}
    made(api.post("/v2/packages", body))
    account = api.account()
    pay(api, checkout(api, account, package="small"))
    assert posted(api, account) == "105"
    bill = invoice(api, account)
    pay(api, checkout(api, account, invoice=bill, save_method=True))
    assert made(api.get(f"/v2/invoices/{bill}"), 200)["status"] == "paid"
    opened = checkout(api, account, method=True)
    assert (opened["kind"], opened["payment"], opened["amount"]["amount"]) == ("method", None, 0)
    pay(api, opened)
    assert api.get(f"/v2/accounts/{account}/payment-methods").json()["data"]


def test_a_plan_begins_with_its_money(api: Api) -> None:
    account, wanted = api.account(), plan(api, "19.00")
    opened = checkout(api, account, plan=wanted)
    assert (opened["kind"], opened["plan"], opened["amount"]["amount"]) == ("plan", wanted, 1900)
    assert api.get("/v2/subscriptions", account=account).json()["data"] == []
    pay(api, opened)
    [row] = api.get("/v2/subscriptions", account=account).json()["data"]
    assert (row["status"], row["plan"]["id"]) == ("active", wanted)


def test_the_same_key_opens_one_page(api: Api) -> None:
    account = api.account()
    body = {"account": account, "credits": {"amount": 500}}
    first = api.post("/v2/checkouts", body, key="page-1")
    again = api.post("/v2/checkouts", body, key="page-1")
    assert (made(first)["id"], first.content) == (made(again)["id"], again.content)
    assert again.headers["idempotent-replayed"] == "true"
    other = {**body, "credits": {"amount": 501}}
    problem(api.post("/v2/checkouts", other, key="page-1"), 422, "idempotency_key_reused")
    assert len(api.get("/v2/checkouts", account=account).json()["data"]) == 1


def test_expire(api: Api) -> None:
    account = api.account()
    opened = checkout(api, account)
    ended = made(api.post(f"/v2/checkouts/{opened['id']}/expire"), 200)
    assert ended["status"] == "expired"
    assert made(api.get(f"/v2/invoices/{opened['invoice']}"), 200)["status"] == "void"
    assert made(api.post(f"/v2/checkouts/{opened['id']}/expire"), 200)["status"] == "expired"
    paid = bought(api, account)
    late = made(api.post(f"/v2/checkouts/{paid['checkout']}/expire"), 200)
    assert late["status"] == "completed"


def test_lists_are_paged_and_filtered(api: Api) -> None:
    account = api.account()
    ids = [checkout(api, account)["id"] for _ in range(3)]
    made(api.post(f"/v2/checkouts/{ids[0]}/expire"), 200)
    page = api.get("/v2/checkouts", account=account, limit=2).json()
    assert [row["id"] for row in page["data"]] == ids[:0:-1]
    rest = api.get("/v2/checkouts", account=account, limit=2, cursor=page["next_cursor"]).json()
    assert ([row["id"] for row in rest["data"]], rest["next_cursor"]) == ([ids[0]], None)
    expired = api.get("/v2/checkouts", account=account, status="expired").json()["data"]
    assert [row["id"] for row in expired] == ids[:1]
    problem(api.get("/v2/checkouts", cursor="x"), 422, "invalid_request")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({}, "plan"),
        ({"credits": {"amount": 5}, "method": True}, "method"),
        ({"credits": {"amount": 0}}, "credits.amount"),
        ({"credits": {"amount": 5}, "version": 1}, "version"),
        ({"credits": {"amount": 5}, "success_url": "javascript:alert(1)"}, "success_url"),
        ({"credits": {"amount": 5}, "success_url": "http://shop.example.com/"}, "success_url"),
        ({"credits": {"amount": 5}, "cancel_url": "http://localhost:3000/"}, "cancel_url"),
        ({"credits": {"amount": 5}, "cancel_url": "https://shop.example.com@evil.example/"}, "cancel_url"),
        ({"credits": {"amount": 5}, "card": "x"}, "card"),
    ],
)
def test_bad_ones_are_refused(api: Api, fields: dict[str, object], field: str) -> None:
    refused = api.post("/v2/checkouts", {"account": "ext:nobody", **fields})
    if refused.status_code == 404:
        refused = api.post("/v2/checkouts", {"account": api.account(), **fields})
    assert field in fields_of(problem(refused, 422, "invalid_request"))


def test_where_customers_may_be_sent(house: House, api: Api, test_mode: Api) -> None:
    account = api.account()
    for url in ("https://shop.example.com/a?b={CHECKOUT_SESSION_ID}#c", house.url + "/docs"):
        assert checkout(api, account, credits={"amount": 5}, success_url=url)["success_url"] == url
    here = "http://localhost:3000/thanks"
    mine = test_mode.account()
    assert checkout(test_mode, mine, credits={"amount": 5}, success_url=here)["success_url"] == here


def test_unknown_things_are_not_found(api: Api, stranger: Api) -> None:
    opened = checkout(api, api.account())
    for one in (NOBODY, "co_x", opened["id"][:-1]):
        problem(api.get(f"/v2/checkouts/{one}"), 404, "not_found")
    problem(stranger.get(f"/v2/checkouts/{opened['id']}"), 404, "not_found")
    problem(stranger.post(f"/v2/checkouts/{opened['id']}/expire"), 404, "not_found")
    account = api.account()
    for wanted in ({"plan": "none"}, {"package": "none"}, {"invoice": "inv_x"}):
        problem(api.post("/v2/checkouts", {"account": account, **wanted}), 404, "not_found")
    strange = invoice(api, api.account())
    problem(api.post("/v2/checkouts", {"account": account, "invoice": strange}), 404, "not_found")


def test_members_buy_for_their_own_account_at_everybodys_price(house: House, api: Api, reader: Api) -> None:
    account, wanted = api.account(), plan(api, "19.00")
    problem(reader.post("/v2/checkouts", {"account": account, "method": True}), 403, "forbidden")
    with house.client(member(house, account, Role.ADMIN)) as admin:
        opened = checkout(admin, account)
        assert admin.get(f"/v2/checkouts/{opened['id']}").status_code == 200
        assert [row["id"] for row in admin.get("/v2/checkouts").json()["data"]] == [opened["id"]]
        made(admin.post(f"/v2/checkouts/{opened['id']}/expire"), 200)
        checkout(admin, account, plan=wanted)
        cheaper = {"components": {"base": {"amount": "0.00"}}}
        for more in ({"overrides": cheaper}, {"version": 1}):
            problem(
                admin.post("/v2/checkouts", {"account": account, "plan": wanted, **more}), 403, "forbidden"
            )
        url = made(admin.post("/v2/portal-sessions", {"account": account}))["url"]
        assert url.startswith(house.url)
        other = api.account()
        problem(admin.post("/v2/checkouts", {"account": other, "method": True}), 404, "not_found")
    with house.client(member(house, account, Role.MEMBER)) as plain:
        problem(plain.post("/v2/checkouts", {"account": account, "method": True}), 403, "forbidden")
        problem(plain.post("/v2/portal-sessions", {"account": account}), 403, "forbidden")


def test_who_only_reads_sees_no_page_to_pay_on(house: House, api: Api, reader: Api) -> None:
    account = api.account()
    opened = checkout(api, account)
    path, listed = f"/v2/checkouts/{opened['id']}", f"/v2/checkouts?account={account}"
    assert api.get(path).json()["url"] == opened["url"]
    with house.client(member(house, account, Role.OWNER)) as owner:
        assert owner.get(path).json()["url"] == opened["url"]
    with house.client(member(house, account, Role.VIEWER)) as viewer:
        for one in (reader, viewer):
            assert one.get(path).json() == opened | {"url": None}
            assert [row["url"] for row in one.get(listed).json()["data"]] == [None]
