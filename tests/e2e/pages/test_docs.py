"""/docs: every contract is a choice of its switch, and is shown when it is chosen."""

from playwright.sync_api import Browser, expect

from tests.contract.conformance.documents import contracts
from tests.contract.served import House

from .browser import WAIT

CONTRACTS = contracts()
"""Read before a server runs in this process: two threads that make a document at once upset each other's warnings."""


def test_every_contract_is_chosen_by_the_switch(house: House, browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 1300, "height": 900})
    page.set_default_timeout(WAIT)
    page.goto(f"{house.url}/docs")
    shown = CONTRACTS["native"].title
    for contract in CONTRACTS.values():
        page.get_by_role("button", name=shown, exact=True).click()
        page.get_by_role("option", name=contract.title, exact=True).click()
        title = contract.document["info"]["title"]
        expect(page.get_by_role("heading", level=1, name=title)).to_be_visible(timeout=WAIT)
        shown = contract.title
    page.close()


def test_the_address_of_one_contract_shows_it(house: House, browser: Browser) -> None:
    """What AppVector's document says of its explorer."""
    page = browser.new_page(viewport={"width": 1300, "height": 900})
    page.set_default_timeout(WAIT)
    page.goto(f"{house.url}/api/docs/")
    title = CONTRACTS["appvector"].document["info"]["title"]
    expect(page.get_by_role("heading", level=1, name=title)).to_be_visible(timeout=WAIT)
    page.get_by_role("button", name=CONTRACTS["appvector"].title, exact=True).click()
    page.get_by_role("option", name=CONTRACTS["igny8"].title, exact=True).click()
    other = CONTRACTS["igny8"].document["info"]["title"]
    expect(page.get_by_role("heading", level=1, name=other)).to_be_visible(timeout=WAIT)
    page.close()
