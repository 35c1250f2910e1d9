"""GET /v1/billing/invoices/"""

import re

import pytest

from tallystick.kernel.actor import Role
from tests.contract.native.payments.paying import made
from tests.contract.served import Api, House

from .shops import fits, refused, shop

PATH = "/v1/billing/invoices/"
pytestmark = pytest.mark.holds("igny8", f"GET {PATH}")


def bill(admin: Api, account: str, amount: str = "29.00", **more: object) -> str:
    line = {"description": "Pro", "amount": amount}
    said = {"account": account, "lines": [line], "currency": "USD", "finalize": True} | more
    return str(made(admin.post("/v2/invoices", said))["id"])


def test_the_contracts_example(house: House) -> None:
    here = shop(house)
    with here.admin() as admin, here.person(Role.VIEWER) as viewer:
        invoice = bill(admin, here.id)
        made(admin.post(f"/v2/invoices/{invoice}/pay"), 200)
        body = fits(viewer.get(PATH), f"GET {PATH}")
    [row] = body["results"]
    number, when = row.pop("invoice_number"), row.pop("created_at")
    assert isinstance(row.pop("id"), int)
    assert row == {"status": "paid", "total_amount": "29.00"}
    assert re.fullmatch(r"INV-\d{4}-001", number)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", when)
    assert body | {"results": []} == {
        "results": [], "count": 1, "success": True, "next": None, "previous": None,
    }  # fmt: skip


def test_the_words_for_states_and_the_newest_first(house: House) -> None:
    here = shop(house)
    with here.admin() as admin, here.person() as owner:
        bill(admin, here.id, "0.10", finalize=False)
        ids = [bill(admin, here.id, f"{n}.50") for n in range(1, 5)]
        made(admin.post(f"/v2/invoices/{ids[0]}/void"), 200)
        made(admin.post(f"/v2/invoices/{ids[1]}/uncollectible"), 200)
        made(admin.post(f"/v2/invoices/{ids[2]}/pay"), 200)
        rows = fits(owner.get(PATH), f"GET {PATH}")["results"]
    assert [(row["status"], row["total_amount"]) for row in rows] == [
        ("pending", "4.50"),
        ("paid", "3.50"),
        ("uncollectible", "2.50"),
        ("void", "1.50"),
        ("draft", "0.10"),
    ]
    assert rows[-1]["invoice_number"] == ""


def test_money_has_its_currencys_decimals(house: House) -> None:
    here = shop(house)
    with here.admin() as admin, here.person() as owner:
        bill(admin, here.id, "1500", currency="UGX")
        bill(admin, here.id, "1.250", currency="KWD")
        rows = fits(owner.get(PATH), f"GET {PATH}")["results"]
    assert [row["total_amount"] for row in rows] == ["1.250", "1500"]


def test_pages(house: House) -> None:
    here = shop(house)
    with here.admin() as admin, here.person() as owner:
        assert fits(owner.get(PATH), f"GET {PATH}")["results"] == []
        for _ in range(3):
            bill(admin, here.id)
        first = fits(owner.get(PATH, page_size=2), f"GET {PATH}")
        last = fits(owner.get(PATH, page_size=2, page=2), f"GET {PATH}")
        every = fits(owner.get(PATH), f"GET {PATH}")["results"]
        assert first["results"] + last["results"] == every
        assert [row["id"] for row in every] == sorted((row["id"] for row in every), reverse=True)
        assert (first["count"], first["previous"], last["next"]) == (3, None, None)
        base = house.system.settings.public_url
        assert first["next"] == f"{base}{PATH}?page_size=2&page=2"
        assert last["previous"] == f"{base}{PATH}?page_size=2&page=1"
        for page in ("3", "0", "x", "-1", "9" * 40):
            refused(owner.get(PATH, page_size=2, page=page), 404)
        for size in ("0", "101", "x", "1" * 5000):
            assert list(refused(owner.get(PATH, page_size=size), 400)["errors"]) == ["page_size"]


def test_only_ones_own(house: House) -> None:
    here, there = shop(house), shop(house)
    with here.admin() as admin, there.person() as stranger, here.person(None, staff=True) as staff:
        bill(admin, here.id)
        assert fits(stranger.get(PATH), f"GET {PATH}")["count"] == 0
        other = made(admin.post("/v2/accounts", {"name": "Other"}))
        bill(admin, other["id"])
        for named in (here.id, str(here.account.uuid), str(here.account.number)):
            stranger.http.headers["X-Account"] = named
            if named != "1":  # each shop has an account with the number 1
                assert refused(stranger.get(PATH), 404)["error"] == "Not found."
            staff.http.headers["X-Account"] = named
            assert fits(staff.get(PATH), f"GET {PATH}")["count"] == 1
        refused(admin.get(PATH), 401)
