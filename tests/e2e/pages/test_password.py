"""The page where a password is chosen by a link that was mailed: by keyboard, on a phone, once."""

import re
from collections.abc import Iterator
from typing import Literal

import httpx2
import pytest
from playwright.sync_api import Page, ViewportSize, expect

from tallystick.kernel.actor import Role
from tests.clients import http_client
from tests.contract.native.people.stage import Person, link_in, person
from tests.contract.served import House

from .browser import WAIT, sound
from .test_pages import CONTRASTS

expect.set_options(timeout=WAIT)

OLD, NEW = "first and simple", "second and better"
FORM = {"content-type": "application/x-www-form-urlencoded"}
PHONE: ViewportSize = {"width": 390, "height": 844}


@pytest.fixture
def web(house: House) -> Iterator[httpx2.Client]:
    with http_client(house.url) as client:
        yield client


@pytest.fixture
def ann(house: House) -> Person:
    return person(house, password=OLD)


def forgets(house: House, web: httpx2.Client, who: Person) -> str:
    """The address of the page in the letter that comes."""
    assert web.post("/v2/auth/password/forgot", json={"email": who.email}).status_code == 202
    return f"{house.url}/password/{link_in(house, who.email)}"


def invited(house: House, email: str) -> str:
    with house.client("admin") as api:
        account = api.account(name="Acme <Ltd>")
        ann = person(house, account, Role.OWNER)
        with house.client(ann.access) as client:
            assert client.post(f"/v2/accounts/{account}/members", {"email": email}).status_code == 201
    return f"{house.url}/password/{link_in(house, email)}"


def enters(web: httpx2.Client, email: str, password: str) -> bool:
    sent = web.post("/v2/auth/login", json={"email": email, "password": password})
    return sent.status_code == 200


def test_a_password_is_chosen_with_the_keyboard_alone(
    page: Page, house: House, web: httpx2.Client, ann: Person
) -> None:
    page.set_viewport_size(PHONE)
    address = forgets(house, web, ann)
    page.goto(address)
    sound(page)
    expect(page.get_by_role("heading", name="Choose a new password")).to_be_visible()
    expect(page.get_by_text("Tallystick", exact=True)).to_be_visible()  # the app's name
    expect(page.get_by_label("E-mail address")).to_have_value(ann.email)
    first, second = page.get_by_label("New password", exact=True), page.get_by_label("New password again")
    expect(first).to_be_focused()
    page.keyboard.type(NEW)
    page.keyboard.press("Tab")
    expect(second).to_be_focused()
    page.keyboard.type(NEW + "!")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("not the same")
    sound(page)
    expect(first).to_be_focused()
    expect(first).to_have_value("")
    page.keyboard.type(NEW)
    page.keyboard.press("Tab")
    page.keyboard.type(NEW)
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Set the password")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Your password is set")).to_be_visible()
    sound(page)
    assert "/password/done" in page.url
    assert enters(web, ann.email, NEW)
    page.goto(address)
    expect(page.get_by_role("heading", name="This link does not work any more")).to_be_visible()
    sound(page)


def test_who_is_invited_chooses_theirs(page: Page, house: House, web: httpx2.Client) -> None:
    page.goto(invited(house, "invited@example.com"))
    sound(page)
    expect(page.get_by_text("You were invited")).to_be_visible()
    page.get_by_label("New password", exact=True).fill(NEW)
    page.get_by_label("New password again").fill(NEW)
    page.get_by_role("button", name=re.compile("^Set")).click()
    expect(page.get_by_role("heading", name="Your password is set")).to_be_visible()
    assert enters(web, "invited@example.com", NEW)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_stand_out_from_what_is_behind_them(
    page: Page, house: House, web: httpx2.Client, ann: Person, scheme: Literal["light", "dark"]
) -> None:
    """At least 4.5 to 1, as WCAG 2.2 wants it."""
    page.emulate_media(color_scheme=scheme)
    page.goto(forgets(house, web, ann))
    page.get_by_label("New password", exact=True).fill(NEW)
    page.get_by_label("New password again").fill(OLD)
    page.get_by_role("button").click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert page.evaluate(CONTRASTS) == []


def test_a_password_that_will_not_do_leaves_the_link_good(
    house: House, web: httpx2.Client, ann: Person
) -> None:
    address = forgets(house, web, ann)
    for form in (
        "",
        "password=short&again=short",
        f"password={NEW}&again=other",
        f"password={'x' * 1025}&again={'x' * 1025}",
    ):
        got = web.post(address, content=form, headers=FORM)
        assert (got.status_code, 'role="alert"' in got.text) == (422, True), form
        assert 'value="short"' not in got.text
    assert enters(web, ann.email, OLD)
    done = web.post(address, content="password=l%C3%B6ng+%26+good&again=l%C3%B6ng+%26+good", headers=FORM)
    assert (done.status_code, done.headers["location"]) == (303, "/password/done")
    assert enters(web, ann.email, "löng & good")
    assert not enters(web, ann.email, OLD)


def test_a_form_of_very_many_fields_is_not_read(house: House, web: httpx2.Client, ann: Person) -> None:
    address = forgets(house, web, ann)
    body = f"password={NEW}&again={NEW}&" + "x=%41&" * 100
    refused = web.post(address, content=body.replace(" ", "+"), headers=FORM)
    assert (refused.status_code, "too many fields" in refused.text) == (409, True)
    assert enters(web, ann.email, OLD)
    assert web.get(address).status_code == 200


def test_a_link_that_is_no_longer_good_says_so(house: House, web: httpx2.Client, ann: Person) -> None:
    address = forgets(house, web, ann)
    form = f"password={NEW}&again={NEW}"
    assert web.post(address, content=form, headers=FORM).status_code == 303
    for got in (
        web.get(address),
        web.post(address, content=form, headers=FORM),
        web.get("/password/nonsense"),
        web.get("/password/%ff%00"),
    ):
        assert (got.status_code, "does not work any more" in got.text) == (404, True), got.text
    assert web.get(address + "/more").status_code == 404
    assert web.put(address).status_code == 405


def test_looking_at_a_link_does_not_use_it(house: House, web: httpx2.Client, ann: Person) -> None:
    """Mail servers look at links too."""
    address = forgets(house, web, ann)
    for _ in range(3):
        assert web.get(address).status_code == 200
        assert web.head(address).status_code == 200
    assert web.post(address, content=f"password={NEW}&again={NEW}", headers=FORM).status_code == 303


def test_the_page_is_kept_by_nobody_and_told_to_nobody(house: House, web: httpx2.Client, ann: Person) -> None:
    got = web.get(forgets(house, web, ann))
    assert got.headers["cache-control"] == "no-store"
    assert got.headers["referrer-policy"] == "no-referrer"
    assert "form-action 'self'" in got.headers["content-security-policy"]
    assert "<script" not in got.text
    assert "set-cookie" not in got.headers


def test_without_the_database_the_link_stays_good(house: House, web: httpx2.Client, ann: Person) -> None:
    address = forgets(house, web, ann)
    with house.without_database():
        got = web.post(address, content=f"password={NEW}&again={NEW}", headers=FORM)
        assert got.status_code == 503
    assert web.post(address, content=f"password={NEW}&again={NEW}", headers=FORM).status_code == 303


def test_a_link_of_somebody_who_was_deactivated(house: House, web: httpx2.Client, ann: Person) -> None:
    address = forgets(house, web, ann)
    with house.client("admin") as api:
        assert api.send("PATCH", f"/v2/users/{ann.id}", {"active": False}).status_code == 200
    assert web.get(address).status_code == 404
