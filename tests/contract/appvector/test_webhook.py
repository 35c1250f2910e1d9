"""POST /api/billing/webhooks/stripe/: whose secret signed it, once for its id, in any order, and nobody else's."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest
import stripe as sdk

from tallystick.kernel.actor import Mode
from tests.clients import http_client
from tests.contract.conformance.holding import hold
from tests.contract.igny8.shops import shop
from tests.contract.native.payments.paying import made
from tests.contract.served import Api, House
from tests.doubles.stripe import StripeDouble
from tests.doubles.stripe.scenes import SCENES, Scene

from .selling import CREDITS, WEBHOOK, Customer, credit_types, customer, paid_by_stripe

pytestmark = pytest.mark.holds("appvector", "POST /api/billing/webhooks/stripe/")

REFUSED = {"error": "Invalid signature"}


@pytest.fixture(scope="module")
def house(server: Any, template: str, stripe: StripeDouble) -> Iterator[House]:
    with paid_by_stripe(server, template, stripe) as house:
        with house.client("admin") as api:
            credit_types(api)
        yield house


@pytest.fixture
def web(house: House) -> Iterator[httpx2.Client]:
    with http_client(house.url) as client:
        yield client


def event(type: str = "customer.created", **thing: Any) -> dict[str, Any]:
    return {"id": f"evt_{type}", "type": type, "created": 1704067200, "data": {"object": {"id": "x"} | thing}}


def send(web: httpx2.Client, stripe: StripeDouble, told: Any, **how: Any) -> httpx2.Response:
    headers, body = stripe.signed(told, **how)
    return web.post(WEBHOOK, content=body, headers=headers)


def credits_of(acme: Customer) -> str:
    rows = acme.api.get(f"/v2/accounts/{acme.account}/balance").json()["balances"]
    return str(rows[0]["posted"]) if rows else "0"


def test_received(web: httpx2.Client, stripe: StripeDouble) -> None:
    for _ in range(2):
        answer = send(web, stripe, event())
        assert (answer.status_code, hold(answer)) == (200, {"received": True})
    answer = web.post(WEBHOOK[:-1], content=stripe.signed(event())[1], headers=stripe.signed(event())[0])
    assert answer.json() == {"received": True}


@pytest.mark.parametrize(
    "type",
    [
        "customer.subscription.updated",
        "customer.subscription.deleted",
        "invoice.paid",
        "invoice.payment_failed",
    ],
)
def test_what_stripe_bills_itself_changes_nothing(
    web: httpx2.Client, api: Api, stripe: StripeDouble, type: str
) -> None:
    acme = customer(api)
    thing = {"object": type.rpartition(".")[0], "status": "canceled", "customer": "cus_x", "metadata": {}}
    answer = send(web, stripe, event(type, **thing))
    assert (answer.status_code, answer.json()) == (200, {"received": True})
    assert credits_of(acme) == "0"


def test_bad_signatures(web: httpx2.Client, stripe: StripeDouble) -> None:
    headers, body = stripe.signed(event())
    told = json.loads(body)
    unsigned: list[dict[str, Any]] = [
        {"headers": {}},
        {"headers": {"stripe-signature": ""}},
        {"headers": {"stripe-signature": "t=1,v1="}},
        {"headers": {"stripe-signature": "v1=" + "0" * 64}},
        {"headers": {"stripe-signature": headers["stripe-signature"].replace("v1=", "v0=")}},
        {"headers": stripe.signed(event(), secret="whsec_another")[0]},
        {"headers": stripe.signed(event(), at=1_704_067_200)[0]},
        {"headers": headers, "content": body + b" "},
        {"headers": headers, "content": json.dumps(told | {"id": "evt_other"}).encode()},
        {"headers": headers, "content": b""},
    ]
    for one in unsigned:
        answer = web.post(WEBHOOK, **{"content": body} | one)
        assert (answer.status_code, hold(answer)) == (400, REFUSED), one


@pytest.mark.parametrize(
    "body", ["", "[]", "null", "7", '{"id": "evt_1"}', "{", '{"id":1,"type":2,"data":3}']
)
def test_signed_and_no_event(web: httpx2.Client, stripe: StripeDouble, body: str) -> None:
    signed = sdk.WebhookSignature.generate_signature_header(body, stripe.secret, int(time.time()))
    answer = web.post(WEBHOOK, content=body.encode(), headers={"stripe-signature": signed})
    assert (answer.status_code, hold(answer)) == (400, REFUSED)


def test_an_event_may_hold_what_looks_like_a_card(web: httpx2.Client, stripe: StripeDouble) -> None:
    answer = send(web, stripe, event(description="4242 4242 4242 4242", statement="4242424242424242"))
    assert (answer.status_code, answer.json()) == (200, {"received": True})
    # elsewhere in the contract it is refused as ever
    answer = web.post("/api/billing/credits/consume/", json={"metadata": {"card": "4242 4242 4242 4242"}})
    assert answer.status_code == 400


def test_other_methods(web: httpx2.Client) -> None:
    answer = web.get(WEBHOOK)
    assert (answer.status_code, answer.json()) == (405, {"detail": 'Method "GET" not allowed.'})


def test_it_is_too_large(web: httpx2.Client) -> None:
    answer = web.post(WEBHOOK, content=b" " * (2**20 + 1))
    assert (answer.status_code, hold(answer)) == (413, {"detail": "A body here is at most 1048576 bytes."})


def test_the_same_event_many_times_at_once(house: House, api: Api, stripe: StripeDouble) -> None:
    acme = customer(api)
    before = len(stripe.events)
    stripe.customer_pays(acme.buy(CREDITS, feature_key="api_calls", amount=500)["session_id"])
    told = stripe.events[before:]
    with ThreadPoolExecutor(8) as pool:
        statuses = [
            one
            for many in pool.map(lambda _: stripe.send(house.url + WEBHOOK, told), range(8))
            for one in many
        ]
    assert set(statuses) == {200}
    assert credits_of(acme) == "500"


@pytest.mark.parametrize("scene", SCENES.values(), ids=SCENES)
def test_every_scene_backwards_and_twice(house: House, api: Api, stripe: StripeDouble, scene: Scene) -> None:
    acme = customer(api)
    before = len(stripe.events)
    scene(stripe, acme.buy(CREDITS, feature_key="api_calls", amount=2900)["session_id"])
    told = stripe.events[before:]
    assert set(stripe.send(house.url + WEBHOOK, told[::-1] + told)) == {200}
    paid = stripe.shelf.all("payment_intent", customer=stripe.shelf.all("customer")[0]["id"])
    came = any(one["status"] == "succeeded" for one in paid)
    rows = made(acme.api.get("/v2/payments", account=acme.account), 200)["data"]
    assert any(row["status"] == "succeeded" for row in rows) is came


def test_each_tenant_has_its_own_secret(house: House, web: httpx2.Client, stripe: StripeDouble) -> None:
    """An event that another app's secret signed is that app's: it says nothing to the first one."""
    other = shop(house, mode=Mode.LIVE)
    secret = "whsec_of_the_other_app"
    answer = send(web, stripe, event("customer.updated"), secret=secret)
    assert (answer.status_code, answer.json()) == (400, REFUSED)
    with other.admin() as admin:
        secrets = {"secret_key": "sk_live_other", "webhook_secret": secret}
        made(admin.send("PUT", "/v2/gateways/stripe", {"enabled": False, "secrets": secrets}), 200)
    # switched off, it may still tell of money that is on its way
    answer = send(web, stripe, event("customer.updated"), secret=secret)
    assert (answer.status_code, answer.json()) == (200, {"received": True})


def test_another_tenants_secret_moves_nothing_here(
    house: House, web: httpx2.Client, api: Api, stripe: StripeDouble
) -> None:
    """The other app's secret signs events about this app's page: the page stays as it is."""
    acme, other, secret = customer(api), shop(house, mode=Mode.TEST), "whsec_of_a_thief"
    with other.admin() as admin:
        secrets = {"secret_key": "sk_test_other", "webhook_secret": secret}
        made(admin.send("PUT", "/v2/gateways/stripe", {"enabled": True, "secrets": secrets}), 200)
    before = len(stripe.events)
    stripe.customer_pays(acme.buy(CREDITS, feature_key="api_calls", amount=500)["session_id"])
    told = stripe.events[before:]
    assert {send(web, stripe, one, secret=secret).status_code for one in told} == {200}
    assert credits_of(acme) == "0"
    assert set(stripe.send(house.url + WEBHOOK, told)) == {200}
    assert credits_of(acme) == "500"


def test_two_apps_that_share_an_account_at_stripe(
    house: House, web: httpx2.Client, api: Api, stripe: StripeDouble
) -> None:
    """One secret for both: each takes what is its own, whichever comes first."""
    early = shop(house, mode=Mode.LIVE)
    with early.admin() as admin:
        secrets = {"secret_key": "sk_live_same", "webhook_secret": stripe.secret}
        made(admin.send("PUT", "/v2/gateways/stripe", {"enabled": True, "secrets": secrets}), 200)
    acme = customer(api)
    before = len(stripe.events)
    stripe.customer_pays(acme.buy(CREDITS, feature_key="api_calls", amount=500)["session_id"])
    assert set(stripe.send(house.url + WEBHOOK, stripe.events[before:])) == {200}
    assert credits_of(acme) == "500"


def test_while_the_database_is_away(house: House, web: httpx2.Client, stripe: StripeDouble) -> None:
    with house.without_database():
        answer = send(web, stripe, event("customer.deleted"))
        assert answer.status_code == 503
        assert list(hold(answer)) == ["detail"]
    assert send(web, stripe, event("customer.deleted")).status_code == 200
