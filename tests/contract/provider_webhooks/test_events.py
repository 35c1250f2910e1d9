"""POST /webhooks/{provider}/{app}: a payment provider tells what happened, and the books follow in that request."""

import threading
from collections.abc import Callable
from typing import Any
from uuid import UUID

import psycopg
import pytest
from stripe import WebhookSignature

from tallystick.db.pool import Database
from tallystick.domain.catalog import packages
from tallystick.domain.identity import views as identity
from tallystick.domain.payments import checkouts, settings
from tallystick.domain.payments.checkouts import ForPackage
from tallystick.domain.payments.model import Checkout
from tallystick.kernel.ids import typeid
from tests.contract.served import Api, House
from tests.doubles.stripe import StripeDouble

Page = Callable[[], tuple[str, Checkout]]


@pytest.fixture(scope="module")
def package(house: House) -> UUID:
    """1,000 credits for 29.00 USD."""

    async def make(db: Database) -> UUID:
        async with db.tx() as tx:
            made = await packages.create_package(
                tx, house.first.app.live, name="1,000 credits", credit_type="credits", credits=1_000_000_000,
                price=2900, currency="USD", by="test",
            )  # fmt: skip
        return made.id

    return house.run(make(house.system.db))


@pytest.fixture
def page(house: House, api: Api, package: UUID) -> Page:
    """A new account with a page open at Stripe: the account's id, and the checkout."""

    async def open_for(account: str) -> Checkout:
        async with house.system.db.connection() as conn:
            number = await identity.resolve(conn, house.first.app.live, account)
        return await checkouts.open_checkout(
            house.system.till, house.first.app.live, number, ForPackage(package), gateway="stripe", by="test"
        )

    def opened() -> tuple[str, Checkout]:
        account = api.account(name="Ada", email="ada@example.org")
        return account, house.run(open_for(account))

    return opened


@pytest.fixture
def address(house: House) -> str:
    return f"{house.url}/webhooks/stripe/{typeid('app', house.first.app.id)}"


def _paid(stripe: StripeDouble, checkout: Checkout, last4: str = "4242") -> list[dict[str, Any]]:
    """The customer pays: the events that tell it."""
    before = len(stripe.events)
    assert checkout.ref is not None
    stripe.customer_pays(checkout.ref, last4)
    return stripe.events[before:]


def _credits(api: Api, account: str) -> str:
    balances = api.get(f"/v2/accounts/{account}/balance").json()["balances"]
    return str(balances[0]["posted"]) if balances else "0"


def test_credits_that_are_bought(api: Api, stripe: StripeDouble, page: Page, address: str) -> None:
    account, checkout = page()
    assert _credits(api, account) == "0"
    events = _paid(stripe, checkout)
    assert stripe.send(address, events) == [200] * len(events)
    assert _credits(api, account) == "1000"
    [bill] = api.get("/v2/invoices", account=account).json()["data"]
    assert bill["status"] == "paid"


def test_the_answer_says_received(nobody: Api, stripe: StripeDouble, page: Page, address: str) -> None:
    event = _paid(stripe, page()[1])[-1]
    headers, body = stripe.signed(event)
    for _ in range(2):
        answer = nobody.http.post(address, content=body, headers=headers)
        assert (answer.status_code, answer.json()) == (200, {"received": True})


def test_the_same_event_many_times_at_once(api: Api, stripe: StripeDouble, page: Page, address: str) -> None:
    account, checkout = page()
    events = _paid(stripe, checkout)
    heard: list[int] = []
    senders = [threading.Thread(target=lambda: heard.extend(stripe.send(address, events))) for _ in range(6)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    # one that finds the account busy is sent again by the provider, as every answer but 200
    assert set(heard) <= {200, 503}
    assert set(stripe.send(address, events)) == {200}
    assert _credits(api, account) == "1000"


def test_an_event_that_nobody_signed(
    api: Api, nobody: Api, stripe: StripeDouble, page: Page, address: str
) -> None:
    account, checkout = page()
    event = _paid(stripe, checkout)[-1]
    good, body = stripe.signed(event)
    old, _ = stripe.signed(event, at=1_000_000_000)
    other, _ = stripe.signed(event, secret="whsec_somebodyElses")
    for headers, said in (({}, body), (good, body + b" "), (old, body), (other, body), (good, b"")):
        answer = nobody.http.post(address, content=said, headers=headers)
        assert answer.status_code == 400, answer.text
        assert set(answer.json()) == {"error"}
    for signature in (
        b"t=1795279933,v1=\xe9",
        b"t=\xe9,v1=a",
        b"t",
        b"v1",
        b"t=1,v1",
        b"t=" + b"9" * 5000 + b",v1=a",
    ):
        answer = nobody.http.post(address, content=body, headers=[(b"Stripe-Signature", signature)])
        assert (answer.status_code, set(answer.json())) == (400, {"error"}), signature
    assert _credits(api, account) == "0"


def test_every_form_of_the_address(house: House, stripe: StripeDouble, page: Page) -> None:
    app = house.first.app.id
    events = _paid(stripe, page()[1])
    for path in (f"/{typeid('app', app)}", f"/{app}", f"/{app}/", "", "/"):
        assert set(stripe.send(f"{house.url}/webhooks/stripe{path}", events)) == {200}, path


def test_the_app_of_a_header(house: House, nobody: Api, stripe: StripeDouble, page: Page) -> None:
    headers, body = stripe.signed(_paid(stripe, page()[1])[-1])
    first, other = typeid("app", house.first.app.id), typeid("app", house.other.id)
    for app, status in ((first, 200), (f"{first}:test", 200), (other, 400), ("app_nonsense", 404)):
        answer = nobody.http.post("/webhooks/stripe", content=body, headers=headers | {"X-App": app})
        assert answer.status_code == status, answer.text


def test_another_apps_address_takes_nothing(house: House, api: Api, stripe: StripeDouble, page: Page) -> None:
    account, checkout = page()
    events = _paid(stripe, checkout)
    other = f"{house.url}/webhooks/stripe/{typeid('app', house.other.id)}"
    assert set(stripe.send(other, events)) == {400}
    assert _credits(api, account) == "0"


@pytest.mark.parametrize(
    "path",
    [
        "/webhooks/paypal",
        "/webhooks/sandbox",
        "/webhooks/manual",
        "/webhooks/stripe/app_01h455vb4pex5vsknk084sn02q",
        "/webhooks/stripe/acme",
        "/webhooks/stripe/%00",
        "/webhooks",
        "/webhooks/stripe/a/b",
    ],
)
def test_what_is_not_there(nobody: Api, path: str) -> None:
    answer = nobody.post(path, {"id": "evt_1"})
    assert (answer.status_code, set(answer.json())) == (404, {"error"}), answer.text


def test_other_methods(nobody: Api, address: str) -> None:
    answer = nobody.get(address)
    assert (answer.status_code, answer.headers["allow"]) == (405, "OPTIONS, POST")


def test_the_secret_decides_the_mode(house: House, stripe: StripeDouble, address: str) -> None:
    async def set_up() -> None:
        async with house.system.db.tx() as tx:
            await settings.put_gateway(
                tx, house.system.till, house.first.app.test, "stripe", enabled=True, standard=False, options={},
                secrets={"secret_key": "sk_test_other", "webhook_secret": "whsec_ofTestMode"}, by="test",
            )  # fmt: skip

    house.run(set_up())
    event = {"id": "evt_ofTestMode", "type": "customer.created", "created": 1, "data": {"object": {}}}
    headers, body = stripe.signed(event, secret="whsec_ofTestMode")
    with house.client(None) as nobody:
        assert nobody.http.post(address, content=body, headers=headers).status_code == 200
    with psycopg.connect(house.database_url) as conn:
        query = "select tenant_id from provider_event where event_id = 'evt_ofTestMode'"
        assert conn.execute(query).fetchall() == [(house.first.app.test,)]


def test_a_gateway_that_was_switched_off_still_tells_of_money(
    house: House, api: Api, stripe: StripeDouble, page: Page, address: str
) -> None:
    async def switch(enabled: bool) -> None:
        async with house.system.db.tx() as tx:
            await settings.put_gateway(
                tx, house.system.till, house.first.app.live, "stripe", enabled=enabled, standard=False,
                options={}, secrets=None, by="test",
            )  # fmt: skip

    account, checkout = page()
    house.run(switch(False))
    try:
        assert set(stripe.send(address, _paid(stripe, checkout))) == {200}
    finally:
        house.run(switch(True))
    assert _credits(api, account) == "1000"


def test_while_the_database_is_away_the_provider_is_told_to_come_again(
    house: House, api: Api, nobody: Api, stripe: StripeDouble, page: Page, address: str
) -> None:
    account, checkout = page()
    events = _paid(stripe, checkout)
    headers, body = stripe.signed(events[-1])
    with house.without_database():
        answer = nobody.http.post(address, content=body, headers=headers)
        assert answer.status_code == 503
        assert answer.headers["retry-after"]
        assert set(answer.json()) == {"error"}
    assert set(stripe.send(address, events)) == {200}
    assert _credits(api, account) == "1000"


def test_an_event_that_is_too_large(nobody: Api, address: str) -> None:
    answer = nobody.http.post(address, content=b" " * ((1 << 20) + 1))
    assert (answer.status_code, set(answer.json())) == (413, {"error"})


def test_what_looks_like_a_card_number_is_the_providers_matter(
    nobody: Api, stripe: StripeDouble, address: str
) -> None:
    number = "4242" * 4
    event = {"id": "evt_number", "type": "x.y", "created": 1, "data": {"object": {"number": number}}}
    headers, body = stripe.signed(event)
    assert nobody.http.post(address, content=body, headers=headers).status_code == 200


def test_bodies_that_are_signed_and_make_no_sense(nobody: Api, stripe: StripeDouble, address: str) -> None:
    intent = "payment_intent.succeeded"
    for event in (
        {"id": "evt_1", "type": intent, "created": 1, "data": {"object": {}}},
        {"id": "evt_1", "type": intent, "created": 1, "data": {"object": None}},
        {"id": "evt_1", "type": intent, "created": "x", "data": {"object": {"status": "succeeded"}}},
        {"id": "evt_1", "type": intent, "created": 10**30, "data": {"object": {}}},
        {"id": "evt_\x00", "type": intent, "created": 1, "data": {"object": {}}},
        {"id": "evt_\x00", "type": "x.y", "created": 1, "data": {"object": {}}},
        {"id": "evt_1" * 500, "type": "x.y", "created": 1, "data": {"object": {}}},
    ):
        headers, body = stripe.signed(event)
        answer = nobody.http.post(address, content=body, headers=headers)
        assert answer.status_code == 400, (event, answer.text)
    ping = '{"id":"evt_2","type":"x.y","created":1,"data":{"object":{"a":%s}}}'
    for strange in ("[" * 100_000, '"\\u0000"', '"\\ud800"', "NaN" * 2):
        text = ping % strange
        signature = WebhookSignature.generate_signature_header(text, stripe.secret)
        answer = nobody.http.post(address, content=text, headers={"Stripe-Signature": signature})
        assert answer.status_code == 400, strange[:20]


def test_money_that_comes_late_and_a_refund_at_the_dashboard(
    api: Api, stripe: StripeDouble, page: Page, address: str
) -> None:
    account, checkout = page()
    before = len(stripe.events)
    _paid(stripe, checkout, "3000")
    stripe.send(address, stripe.events[before:])
    assert _credits(api, account) == "0"
    assert checkout.ref is not None
    intent = stripe.shelf.things[checkout.ref]["payment_intent"]
    stripe.money_arrives(intent)
    stripe.send(address, stripe.events[before:])
    assert _credits(api, account) == "1000"
    stripe.staff_refunds(intent)
    stripe.send(address, stripe.events[before:])
    assert _credits(api, account) == "0"


def test_the_document_of_these_addresses(nobody: Api) -> None:
    document = nobody.get("/webhooks/openapi.json").json()
    assert set(document["paths"]) == {"/webhooks/{provider}", "/webhooks/{provider}/{app}"}
    for path in document["paths"].values():
        assert path["post"]["security"] == []
        assert {"200", "400", "404", "413", "503"} <= set(path["post"]["responses"])
