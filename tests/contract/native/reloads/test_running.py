"""The whole way with the sandbox: a card is saved on its page, a debit crosses the threshold, the worker buys."""

from urllib.parse import urlsplit

from tallystick.domain.payments import jobs as payments
from tallystick.domain.reloads import jobs as reloads
from tests.contract.served import Api, House


def save_card(api: Api, account: str, last4: str) -> None:
    made = api.post("/v2/checkouts", {"account": account, "method": True})
    assert made.status_code == 201, made.text
    path = urlsplit(made.json()["url"]).path
    paid = api.http.post(path, data={"card": last4})
    assert paid.status_code == 303, paid.text
    assert api.get(f"/v2/checkouts/{made.json()['id']}").json()["status"] == "completed"


def work(house: House) -> None:
    """What the worker does of this, until there is nothing to do."""

    async def run() -> None:
        till = house.system.till
        while await reloads.run_due(till) + await payments.run_due(till):
            pass

    house.run(run())


def setting(api: Api, account: str) -> str:
    path = f"/v2/accounts/{account}/auto-reload/credits"
    assert api.send("PUT", path, {"threshold": 50, "amount": 200}).status_code == 200
    return path


def test_a_debit_buys(api: Api, house: House) -> None:
    account = api.funded(100)
    save_card(api, account, "4242")
    path = setting(api, account)
    work(house)
    api.debit(account, 60)
    work(house)
    assert api.wallet(account)["available"] == "240"
    found = api.get(path).json()
    assert (found["state"], found["spent_this_month"]) == ("ready", {"amount": 200, "currency": "USD"})
    last = found["last"]
    assert (last["status"], last["credits"], last["price"]) == (
        "succeeded",
        "200",
        {"amount": 200, "currency": "USD"},
    )
    assert api.get(f"/v2/invoices/{last['invoice']}").json()["status"] == "paid"
    payment = api.get(f"/v2/payments/{last['payment']}").json()
    assert (payment["status"], payment["cause"]) == ("succeeded", "reload")


def test_a_decline_stops_it(api: Api, house: House) -> None:
    account = api.funded(100, email="ann@acme.example")
    save_card(api, account, "0341")
    path = setting(api, account)
    api.debit(account, 60)
    work(house)
    assert api.wallet(account)["available"] == "40"
    found = api.get(path).json()
    assert (found["state"], found["last"]["status"]) == ("stopped", "failed")
    assert found["stopped"]["reason"] == found["last"]["failure_code"]
    assert api.get(f"/v2/invoices/{found['last']['invoice']}").json()["status"] == "void"
    kinds = [one["kind"] for one in api.get("/v2/emails", account=account).json()["data"]]
    assert kinds == ["reload_failed"]
    events = api.get("/v2/events", account=account, type="credits.reload_failed")
    assert len(events.json()["data"]) == 1, events.text
