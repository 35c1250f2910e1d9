"""What the tests of paying share: servers with Stripe and without, plans of a tier, and customers who buy."""

import contextlib
import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx2

from tallystick.kernel.actor import Mode
from tallystick.kernel.ids import parse_typeid
from tests.contract.conformance.holding import hold
from tests.contract.igny8.shops import Shop, shop
from tests.contract.native.subscribing import plan
from tests.contract.served import Api, House, housed
from tests.doubles.stripe import StripeDouble

BILLING = "/api/billing"
CHECKOUT = f"{BILLING}/stripe/checkout/"
CREDITS = f"{BILLING}/stripe/checkout/credits/"
PORTAL = f"{BILLING}/stripe/portal/"
HISTORY = f"{BILLING}/stripe/payment-history/"
UPCOMING = f"{BILLING}/stripe/upcoming-invoice/"
INVOICES = f"{BILLING}/invoices/"
WEBHOOK = f"{BILLING}/webhooks/stripe/"
ORIGINS = ("https://yourdomain.com", "http://localhost:3000")
_numbers = itertools.count(1)


@contextlib.contextmanager
def paid_by_stripe(server: Any, template: str, stripe: StripeDouble) -> Iterator[House]:
    """A server whose live app takes payments with Stripe."""
    with housed(
        server, template, f"tallystick_av_stripe_{os.getpid()}_{next(_numbers)}", stripe_secret_key=stripe.key,
        stripe_webhook_secret=stripe.secret, stripe_api_base=stripe.url, cors_allowed_origins=ORIGINS,
    ) as house:  # fmt: skip
        yield house


@dataclass
class Customer:
    """A workspace, by its UUID, of a live app that takes payments with Stripe; ``api`` is the product's client."""

    api: Api
    id: str
    account: str

    def buy(self, path: str, key: str | None = None, **said: Any) -> dict[str, Any]:
        answer = self.api.post(path, {"workspace_id": self.id} | said, key)
        assert answer.status_code == 200, answer.text
        return dict(hold(answer))

    def get(self, path: str, **query: Any) -> httpx2.Response:
        return self.api.get(path, workspace_id=self.id, **query)

    def shown(self, path: str, **query: Any) -> Any:
        answer = self.get(path, **query)
        assert answer.status_code == 200, answer.text
        return hold(answer)


def customer(api: Api, **fields: Any) -> Customer:
    """A new one."""
    api.http.headers["Content-Type"] = "application/json"
    account = api.account(**{"name": "Acme"} | fields)
    found = api.get(f"/v2/accounts/{account}").json()
    return Customer(api, uuid_of(found["id"]), account)


def uuid_of(named: str) -> str:
    found = parse_typeid(named.rpartition("_")[0], named)
    assert found is not None
    return str(found)


def credit_types(api: Api) -> None:
    """``api_calls`` at a cent each, and what DATA_SCRAPE names."""
    for code, name in (("api_calls", "API Calls"), ("data_scrapes", "Data Scrapes")):
        made = api.send("PUT", "/v2/credit-types", {"code": code, "name": name})
        assert made.status_code == 200, made.text


def tier(api: Api, name: str, price: str, rank: int, *, interval: str = "monthly", **fields: Any) -> str:
    """A plan of a tier, by its UUID; with an allowance of 5,000 API calls."""
    allowances = [{"credit_type": "api_calls", "amount": 5000}]
    made = plan(
        api,
        price,
        name=name.title(),
        tier=name,
        rank=rank,
        interval=interval,
        allowances=allowances,
        **fields,
    )
    return uuid_of(made)


def sandbox(house: House, **account: Any) -> Shop:
    """A shop in test mode, where the sandbox answers."""
    made = shop(house, mode=Mode.TEST, **account)
    with made.admin() as api:
        credit_types(api)
    return made


def opened(api: Api, path: str, **said: Any) -> dict[str, Any]:
    answer = api.post(path, said)
    assert answer.status_code == 200, answer.text
    return dict(hold(answer))
