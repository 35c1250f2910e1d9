"""The hosted pages in a browser: what a customer does on them, by keyboard, on a phone."""

import re
from typing import Literal

import pytest
from playwright.sync_api import Page, expect

from .browser import WAIT, sound
from .counter import Counter

expect.set_options(timeout=WAIT)


def pay_with(page: Page, card: str) -> None:
    page.get_by_role("radio", name=card).check()
    page.get_by_role("button", name=re.compile("^(Pay|Save|Start)")).click()


def test_credits_are_bought_with_the_keyboard_alone(page: Page, counter: Counter) -> None:
    account = counter.customer()
    order = counter.sells_credits(account)
    page.goto(counter.url_of(order))
    sound(page)
    expect(page.get_by_text("no money moves")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("radio", name="4242")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Tab")
    expect(page.get_by_role("checkbox")).to_be_focused()
    expect(page.get_by_role("checkbox")).not_to_be_checked()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Pay $10.00")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url(counter.shop(order))
    assert counter.balance(account) == 1100
    page.goto(counter.url_of(order))
    sound(page)
    expect(page.get_by_role("heading", name="Payment received")).to_be_visible()
    assert [one.last4 for one in counter.methods(account)] == ["4242"]


def test_a_declined_card_says_why_and_another_one_pays(page: Page, counter: Counter) -> None:
    account = counter.customer()
    order = counter.sells_credits(account)
    page.goto(counter.url_of(order))
    pay_with(page, "9995")
    expect(page.get_by_role("alert")).to_contain_text("too little money")
    sound(page)
    assert counter.balance(account) == 0
    pay_with(page, "4242")
    page.wait_for_url(counter.shop(order))
    assert counter.balance(account) == 1100
    assert counter.methods(account) == []


def test_a_further_step_is_refused_and_then_approved(page: Page, counter: Counter) -> None:
    account = counter.customer()
    order = counter.sells_credits(account)
    page.goto(counter.url_of(order))
    pay_with(page, "3220")
    sound(page)
    page.get_by_role("button", name="Refuse").click()
    expect(page.get_by_role("alert")).to_contain_text("refused")
    pay_with(page, "3220")
    page.get_by_role("button", name="Approve").click()
    page.wait_for_url(counter.shop(order))
    assert counter.balance(account) == 1100


def test_money_that_comes_later_is_waited_for(page: Page, counter: Counter) -> None:
    account = counter.customer()
    order = counter.sells_credits(account)
    page.goto(counter.url_of(order))
    pay_with(page, "7726")
    expect(page.get_by_role("heading", name="Payment under way")).to_be_visible()
    sound(page)
    assert counter.balance(account) == 0
    counter.waits(61)
    # the page looks again by itself
    expect(page.get_by_role("heading", name="Payment received")).to_be_visible()
    assert counter.balance(account) == 1100


def test_a_bank_transfer_says_where_to_send_how_much_for_what(page: Page, counter: Counter) -> None:
    account = counter.customer()
    counter.takes_transfers("IBAN GB33 BUKB 2020\nNorthwind <Ltd>")
    order = counter.sells_credits(account, gateway="manual")
    page.goto(counter.url_of(order))
    sound(page)
    expect(page.get_by_text("IBAN GB33 BUKB 2020")).to_be_visible()
    expect(page.get_by_text("Northwind <Ltd>")).to_be_visible()
    expect(page.get_by_role("definition").filter(has_text=counter.number_of(order))).to_be_visible()
    counter.got_the_transfer(order)
    page.reload()
    expect(page.get_by_role("heading", name="Payment received")).to_be_visible()
    sound(page)
    assert counter.balance(account) == 1100


def test_part_of_a_transfer_says_what_came_and_what_is_due(page: Page, counter: Counter) -> None:
    account = counter.customer()
    counter.takes_transfers("IBAN GB33 BUKB 2020")
    order = counter.sells_credits(account, gateway="manual")
    counter.got_the_transfer(order, 400)
    page.goto(counter.url_of(order))
    expect(page.get_by_text("$4.00 has arrived")).to_be_visible()
    expect(page.get_by_text("$6.00 of the invoice is still due")).to_be_visible()
    page.goto(counter.portal(account))
    page.get_by_role("button", name=re.compile("^Pay invoice")).click()
    page.wait_for_url("**/pay/**")
    pay_with(page, "4242")
    expect(page.get_by_role("status")).to_contain_text("paid")
    assert counter.balance(account) == 1100


@pytest.mark.parametrize(
    ("trial", "said"),
    [
        (0, "Your card is kept and charged $49.00, plus tax, each month until you cancel."),
        (14, "Your card is kept. After the trial, from"),
    ],
)
def test_a_plan_says_that_its_card_is_charged_again(
    page: Page, counter: Counter, trial: int, said: str
) -> None:
    account = counter.customer()
    order = counter.sells_plan(account, trial_days=trial)
    page.goto(counter.url_of(order))
    expect(page.get_by_text(said)).to_be_visible()
    expect(page.get_by_role("checkbox")).to_have_count(0)
    pay_with(page, "4242")
    page.wait_for_url(counter.shop(order))
    assert [one.last4 for one in counter.methods(account)] == ["4242"]


def test_the_portal_keeps_ways_to_pay(page: Page, counter: Counter) -> None:
    account = counter.customer()
    page.goto(counter.portal(account))
    sound(page)
    for card in ("4242", "5126"):
        page.get_by_role("button", name="Add a way to pay").click()
        page.wait_for_url("**/pay/**")
        sound(page)
        pay_with(page, card)
        expect(page.get_by_role("status")).to_contain_text("saved")
    page.get_by_role("button", name="Make Visa ···· 5126 the default").click()
    expect(page.get_by_role("status")).to_contain_text("default")
    assert [one.last4 for one in counter.methods(account)] == ["5126", "4242"]
    page.get_by_role("button", name="Remove Visa ···· 5126").click()
    expect(page.get_by_role("status")).to_contain_text("removed")
    assert [(one.last4, one.standard) for one in counter.methods(account)] == [("4242", True)]
    sound(page)
    page.get_by_role("link", name=re.compile("^Back to")).click()
    page.wait_for_url(counter.home)


def test_the_portal_shows_and_ends_a_subscription_and_pays_an_invoice(page: Page, counter: Counter) -> None:
    account = counter.customer()
    order = counter.sells_plan(account)
    page.goto(counter.url_of(order))
    sound(page)
    expect(page.get_by_role("row", name=re.compile("Growth"))).to_be_visible()
    pay_with(page, "4242")
    page.wait_for_url(counter.shop(order))
    counter.bills(account)
    page.goto(counter.portal(account))
    sound(page)
    page.get_by_role("button", name="Cancel at the period's end").click()
    expect(page.get_by_text("Ends on")).to_be_visible()
    page.get_by_role("button", name="Keep the subscription").click()
    expect(page.get_by_text("Renews on")).to_be_visible()
    page.get_by_role("button", name=re.compile("^Pay invoice")).click()
    page.wait_for_url("**/pay/**")
    pay_with(page, "4242")
    expect(page.get_by_role("status")).to_contain_text("paid")
    address = page.get_by_role("link", name=re.compile("INV")).first.get_attribute("href")
    pdf = page.request.get(f"{counter.house.url}{address}")
    assert (pdf.status, pdf.body()[:5]) == (200, b"%PDF-")


def test_an_invoice_has_a_page_where_it_is_paid(page: Page, counter: Counter) -> None:
    address = counter.invoice_page(counter.bills(counter.customer()))
    page.goto(address)
    sound(page)
    expect(page.get_by_text("Open", exact=True)).to_be_visible()
    page.get_by_role("button", name=re.compile("^Pay")).click()
    page.wait_for_url("**/pay/co_**")
    pay_with(page, "4242")
    page.wait_for_url(address)
    sound(page)
    expect(page.get_by_text("Paid", exact=True).first).to_be_visible()
    expect(page.get_by_role("button")).to_have_count(0)
    pdf = page.request.get(address + "/pdf")
    assert (pdf.status, pdf.body()[:5]) == (200, b"%PDF-")


def test_a_payment_made_without_the_customer_is_confirmed_on_a_page(page: Page, counter: Counter) -> None:
    account = counter.customer()
    counter.saves_card(account, "3220")
    payment = counter.charges(account, counter.bills(account))
    assert payment.action_url is not None
    page.goto(payment.action_url)
    sound(page)
    expect(page.get_by_text("Visa ···· 3220")).to_be_visible()
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("heading", name="Payment received")).to_be_visible()
    sound(page)
    assert [(one.status, one.amount) for one in counter.payments(account)] == [("succeeded", 500)]


def test_a_trial_says_what_it_costs_later_and_begins_with_a_card(page: Page, counter: Counter) -> None:
    account = counter.customer()
    order = counter.sells_plan(account, trial_days=14)
    page.goto(counter.url_of(order))
    sound(page)
    expect(page.get_by_text("14 days free, then $49.00 a month")).to_be_visible()
    pay_with(page, "0002")
    expect(page.get_by_role("alert")).to_contain_text("No card was saved")
    pay_with(page, "4242")
    page.wait_for_url(counter.shop(order))
    page.goto(counter.portal(account))
    expect(page.get_by_text("The trial ends on")).to_be_visible()
    assert [one.last4 for one in counter.methods(account)] == ["4242"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_stand_out_from_what_is_behind_them(
    counter: Counter, page: Page, scheme: Literal["light", "dark"]
) -> None:
    """At least 4.5 to 1, as WCAG 2.2 wants it."""
    page.emulate_media(color_scheme=scheme)
    page.goto(counter.url_of(counter.sells_credits(counter.customer())))
    pay_with(page, "0002")
    expect(page.get_by_role("alert")).to_be_visible()
    assert page.evaluate(CONTRASTS) == []


CONTRASTS = """() => {
  const parts = text => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, at) => sum + v * [.2126, .7152, .0722][at], 0);
  const behind = e => {
    for (; e; e = e.parentElement) {
      const c = parts(getComputedStyle(e).backgroundColor);
      if (c.length === 3 || c[3] > 0) return c;
    }
    return [255, 255, 255];
  };
  const faults = [];
  for (const e of document.querySelectorAll('body *')) {
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
    const [a, b] = [light(parts(getComputedStyle(e).color)), light(behind(e))].sort((x, y) => y - x);
    const ratio = (a + .05) / (b + .05);
    if (ratio < 4.5) faults.push(`${ratio.toFixed(2)} ${e.innerText}`);
  }
  return faults;
}"""
