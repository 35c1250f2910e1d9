"""The pages' addresses without a browser: who may come, how often what happens, and what is said of it."""

import asyncio
from collections.abc import Iterator

import httpx2
import pytest

from tallystick.dialects.hosted import shown
from tallystick.domain.identity.vault import Vault
from tallystick.domain.payments.links import portal_token, read_portal_token
from tallystick.kernel.ids import typeid
from tests.clients import http_client

from .counter import Counter


@pytest.fixture
def web(counter: Counter) -> Iterator[httpx2.Client]:
    with http_client(counter.house.url) as client:
        yield client


FORM = {"content-type": "application/x-www-form-urlencoded"}


def test_a_form_that_is_sent_again_pays_once(counter: Counter, web: httpx2.Client) -> None:
    account = counter.customer()
    order = counter.sells_credits(account)
    address = counter.url_of(order)
    for card in ("4242", "4242", "0002"):
        sent = web.post(address, content=f"card={card}&keep=yes", headers=FORM)
        assert (sent.status_code, sent.headers["location"]) == (
            303,
            address.removeprefix(counter.house.url) + "/done",
        )
    assert counter.balance(account) == 1100
    assert [one.status for one in counter.payments(account)] == ["succeeded"]
    assert len(counter.methods(account)) == 1


def test_sixteen_clicks_at_once_pay_once(counter: Counter) -> None:
    account = counter.customer()
    address = counter.url_of(counter.sells_credits(account))

    async def click(client: httpx2.AsyncClient) -> list[int]:
        sent = (client.post(address, content="card=4242&keep=yes", headers=FORM) for _ in range(16))
        return [one.status_code for one in await asyncio.gather(*sent)]

    assert counter.house.together(click) == [303] * 16
    assert counter.balance(account) == 1100
    assert [one.status for one in counter.payments(account)] == ["succeeded"]
    assert len(counter.methods(account)) == 1


def test_what_a_kill_left_between_money_and_credits_the_next_look_mends(
    counter: Counter, web: httpx2.Client
) -> None:
    account = counter.customer()
    order = counter.sells_credits(account)
    counter.paid_and_killed(order)
    assert counter.balance(account) == 0
    assert "Payment received" in web.get(counter.url_of(order)).text
    assert counter.balance(account) == 1100


def test_what_a_kill_left_of_a_confirmed_payment_the_next_look_mends(
    counter: Counter, web: httpx2.Client
) -> None:
    account = counter.customer()
    counter.saves_card(account, "3220")
    payment = counter.charges(account, counter.bills(account))
    assert payment.action_url is not None
    assert "Confirm your payment" in web.get(payment.action_url).text
    counter.confirmed_and_killed(payment)
    assert "Payment received" in web.get(payment.action_url).text
    assert [one.status for one in counter.payments(account)] == ["succeeded"]


def test_what_nobody_looks_at_the_worker_mends(counter: Counter) -> None:
    account = counter.customer()
    order = counter.sells_credits(account)
    counter.paid_and_killed(order)
    counter.waits(31)
    counter.works()
    assert counter.balance(account) == 1100


def test_a_link_that_we_did_not_make_is_nothing(counter: Counter, web: httpx2.Client) -> None:
    account = counter.customer()
    first, second = counter.sells_credits(account), counter.sells_credits(account)
    token = counter.url_of(first).rpartition("/")[2]
    wrong = [
        f"/pay/{typeid('co', second.id)}/{token}",
        f"/pay/{typeid('co', first.id)}/{'A' * 32}",
        f"/pay/{typeid('co', first.id)}/é",
        f"/pay/co_nonsense/{token}",
        f"/pay/confirm/{typeid('pay', first.id)}/{token}",
        f"/portal/{typeid('acct', first.account_uuid)}/{token}",
        f"/portal/{typeid('acct', first.account_uuid)}/9999999999.{token}",
        "/pay",
        "/portal/",
        "/pay/%00/%00",
    ]
    for address in wrong:
        answer = web.get(address)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8"), (
            address
        )
        assert "There is no such page" in answer.text
        assert "Northwind" not in answer.text
    refused = web.delete(counter.url_of(first))
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD, OPTIONS, POST")


def test_nothing_in_a_portal_link_can_be_changed() -> None:
    vault = Vault(b"k" * 32)
    token = portal_token(vault, "acct_a", 1_800_000_000, "https://shop.example/ü?a=b")
    assert read_portal_token(vault, "acct_a", token) == (1_800_000_000, "https://shop.example/ü?a=b")
    until, back, mac = token.split(".")
    other = portal_token(vault, "acct_a", 1_800_000_000, "https://evil.example").split(".")[1]
    for wrong in (
        f"1900000000.{back}.{mac}",
        f"{until}.{other}.{mac}",
        f"{until}.{back}.",
        f"{until}.%.{mac}",
        "..",
        "",
    ):
        assert read_portal_token(vault, "acct_a", wrong) is None
    assert read_portal_token(vault, "acct_b", token) is None
    assert read_portal_token(Vault(b"l" * 32), "acct_a", token) is None


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "data:text/html,x", "//shop.example", "https://[", "x", None]
)
def test_nobody_is_sent_to_what_is_no_web_address(address: str | None) -> None:
    assert shown.web(address) == ""


def test_a_portal_link_is_good_for_a_while(counter: Counter, web: httpx2.Client) -> None:
    answer = web.get(counter.old_portal(counter.customer()))
    assert answer.status_code == 410
    assert "expired" in answer.text


def test_a_portal_shows_and_changes_nothing_of_others(counter: Counter, web: httpx2.Client) -> None:
    mine, other = counter.customer(), counter.customer()
    invoice = counter.bills(other)
    portal = counter.portal(mine).partition("?")[0]
    named = typeid("inv", invoice)
    assert web.get(f"{portal}/invoices/{named}/pdf").status_code == 404
    assert web.post(f"{portal}/invoices/{named}/pay").status_code == 404
    assert named not in web.get(portal).text


def test_a_disputed_card_pays_and_is_disputed(counter: Counter, web: httpx2.Client) -> None:
    account = counter.customer()
    order = counter.sells_credits(account)
    web.post(counter.url_of(order), content="card=0259", headers=FORM)
    [dispute] = counter.disputes(account)
    assert (dispute.status, dispute.amount, dispute.payment) == ("open", 1000, order.payment)


def test_what_cannot_be_done_leads_back_to_the_portal(counter: Counter, web: httpx2.Client) -> None:
    account = counter.customer()
    portal = counter.portal(account)
    counter.saves_card(account, "3220")
    [method] = counter.methods(account)
    gone = f"{portal}/methods/{typeid('pm', method.id)}"
    assert web.post(gone + "/remove").status_code == 303
    assert web.post(gone + "/remove").status_code == 303
    assert web.post(gone + "/standard").status_code == 404
    invoice = counter.bills(account)
    counter.voids(account, invoice)
    refused = web.post(f"{portal}/invoices/{typeid('inv', invoice)}/pay")
    assert refused.status_code == 409
    assert f'href="{portal.removeprefix(counter.house.url)}"' in refused.text


def test_an_expired_page_takes_no_money(counter: Counter, web: httpx2.Client) -> None:
    account = counter.customer()
    order = counter.sells_credits(account)
    counter.expires(order)
    address = counter.url_of(order)
    assert web.post(address, content="card=4242", headers=FORM).status_code == 303
    answer = web.get(address)
    assert (answer.status_code, "has expired" in answer.text) == (410, True)
    assert counter.balance(account) == 0


def test_pages_are_not_kept_framed_or_scripted(counter: Counter, web: httpx2.Client) -> None:
    order = counter.sells_credits(counter.customer())
    answer = web.get(counter.url_of(order))
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-content-type-options"] == "nosniff"
    policy = answer.headers["content-security-policy"]
    for rule in ("default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"):
        assert rule in policy
    assert "<script" not in answer.text


def test_names_from_outside_are_shown_as_text(counter: Counter, web: httpx2.Client) -> None:
    account = counter.customer()
    order = counter.sells_credits(account, name="<script>alert(1)</script>")
    answer = web.get(counter.url_of(order))
    assert "<script>" not in answer.text
    assert "&lt;script&gt;" in answer.text


def test_a_card_number_is_refused_and_a_wrong_card_is_said(counter: Counter, web: httpx2.Client) -> None:
    address = counter.url_of(counter.sells_credits(counter.customer()))
    refused = web.post(address, content="card=4242424242424242", headers=FORM)
    assert (refused.status_code, refused.headers["content-type"]) == (422, "text/html; charset=utf-8")
    assert web.post(address, content="card=1111", headers=FORM).status_code == 409
    assert web.post(address, content=b"\xff\xfe&card=%ff", headers=FORM).status_code == 409
    large = web.post(address, content=b"x" * 2_000_000, headers=FORM)
    assert (large.status_code, large.headers["content-type"]) == (413, "text/html; charset=utf-8")


def test_without_the_database_the_page_says_so_and_nothing_is_lost(
    counter: Counter, web: httpx2.Client
) -> None:
    account = counter.customer()
    address = counter.url_of(counter.sells_credits(account))
    with counter.house.without_database():
        answer = web.post(address, content="card=4242", headers=FORM)
        assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
    assert web.post(address, content="card=4242", headers=FORM).status_code == 303
    assert counter.balance(account) == 1100
