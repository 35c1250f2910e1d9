"""/docs: every contract is a choice of its switch, and is shown when it is chosen."""

from playwright.sync_api import Browser, expect

from tests.contract.conformance.documents import contracts
from tests.contract.served import House

from .browser import WAIT


def test_every_contract_is_chosen_by_the_switch(house: House, browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 1300, "height": 900})
    page.set_default_timeout(WAIT)
    page.goto(f"{house.url}/docs")
    shown = contracts()["native"].title
    for contract in contracts().values():
        page.get_by_role("button", name=shown, exact=True).click()
        page.get_by_role("option", name=contract.title, exact=True).click()
        title = contract.document["info"]["title"]
        expect(page.get_by_role("heading", level=1, name=title)).to_be_visible(timeout=WAIT)
        shown = contract.title
    page.close()
