"""Something of everything that the native contract has, of one account."""

from tests.contract.native.payments.paying import CREDITS, bought, checkout, invoice, made, method_of, pay
from tests.contract.native.subscribing import feature, paid, plan, subscribe
from tests.contract.native.test_emails import written
from tests.contract.served import Api, House

SECRET = "Zanzibar-7"
"""Stands in the names of what is furnished: no answer to a stranger may have it."""


def furnished(house: House, api: Api) -> dict[str, str]:
    """A new account's id and those of all that is made for it, by what paths call them. ``api``: the app's admin."""
    made(api.send("PUT", "/v2/gateways/sandbox", {"standard": True}), 200)
    made(api.send("PUT", "/v2/gateways/manual", {}), 200)
    account = api.funded(100, name=SECRET)
    found = {"account": account, "gateway": "manual", "credit_type": "credits"}
    return found | _payments(house, api, account) | _books(api, account) | _catalog(api, account)


def _payments(house: House, api: Api, account: str) -> dict[str, str]:
    endpoint = made(api.post("/v2/webhook-endpoints", {"url": "https://example.com/hook"}))["id"]
    found = {
        "checkout": checkout(api, account)["id"],
        "payment": bought(api, account)["id"],
        "method": method_of(api, account),
        "invoice": invoice(api, account),
        "transfer": checkout(api, account, credits=CREDITS, gateway="manual")["payment"],
        "other_transfer": checkout(api, account, credits=CREDITS, gateway="manual")["payment"],
        "endpoint": endpoint,
        "delivery": made(api.post(f"/v2/webhook-endpoints/{endpoint}/test"))["id"],
        "alert": made(api.post(f"/v2/accounts/{account}/alerts", {"threshold": 3}))["id"],
        "event": api.get("/v2/events").json()["data"][0]["id"],
    }
    paid = checkout(api, account)
    pay(api, paid, "5126")  # whose refunds fail
    found["refund"] = made(api.post("/v2/refunds", {"payment": paid["payment"], "amount": "1.00"}))["id"]
    disputed = bought(api, account, card="0259")["id"]
    found["dispute"] = api.get("/v2/disputes", payment=disputed).json()["data"][0]["id"]
    reload = {"threshold": 1, "amount": 100}
    made(api.send("PUT", f"/v2/accounts/{account}/auto-reload/credits", reload), 200)
    written(house, "access")
    found["email"] = api.get("/v2/emails").json()["data"][0]["id"]
    return found


def _books(api: Api, account: str) -> dict[str, str]:
    grant = api.grant(account, 50, description=SECRET)
    settled = made(api.post(f"/v2/invoices/{invoice(api, account)}/credit-notes", {"reason": SECRET}))
    return {
        "grant": grant["id"],
        "entry": api.debit(account, 1, description=SECRET)["entry"],
        "hold": api.hold(account, 1)["id"],
        "credit_note": settled["id"],
        "key": made(api.post("/v2/api-keys", {"name": SECRET, "scope": "read"}))["id"],
    }


def _catalog(api: Api, account: str) -> dict[str, str]:
    feature(api, "seats")
    made(api.post("/v2/meters", {"key": "pages", "name": "Pages", "metric": "pages", "aggregation": "sum"}))
    made(api.send("PUT", "/v2/rate-card", {"rates": [{"operation": "sms", "cost": 2}]}), 200)
    named = plan(api, "10.00", name=SECRET)
    price = {"amount": "9.00", "currency": "USD"}
    event = {"account": account, "metric": "pages", "quantity": 1}
    return {
        "feature": "seats",
        "meter": "pages",
        "plan": named,
        "version": "1",
        "subscription": paid(api, subscribe(api, named, account, trial=False))["id"],
        "package": made(api.post("/v2/packages", {"name": SECRET, "credits": 500, "price": price}))["id"],
        "tax_rate": made(api.post("/v2/tax-rates", {"name": "VAT", "percentage": "18", "country": "UG"}))[
            "id"
        ],
        "usage": made(api.post("/v2/usage", event))["id"],
    }
