"""GET /v1/billing/credit-packages/"""

import pytest

from tallystick.kernel.actor import Role
from tests.contract.native.payments.paying import made
from tests.contract.served import House

from .shops import fits, refused, shop

PATH = "/v1/billing/credit-packages/"
pytestmark = pytest.mark.holds("igny8", f"GET {PATH}")


def test_the_contracts_example(house: House) -> None:
    here = shop(house)
    with here.person(Role.VIEWER) as viewer:
        assert fits(viewer.get(PATH), f"GET {PATH}")["results"] == []
        here.package()
        assert fits(viewer.get(PATH), f"GET {PATH}") == {
            "results": [
                {"id": 1, "name": "Starter Pack", "credits": 500, "price": "9.00", "is_active": True}
            ],
            "count": 1,
            "success": True,
            "next": None,
            "previous": None,
        }


def test_what_is_shown_of_a_package(house: House) -> None:
    here = shop(house)
    here.package(credits="99.5", bonus="10.9", price={"amount": 1500, "currency": "UGX"})
    here.package(name="Größe 🎁 \u202e", active=False)
    with here.admin() as admin, here.person() as owner:
        made(admin.send("PUT", "/v2/credit-types", {"code": "calls", "name": "Calls"}), 200)
        calls = {
            "name": "Calls",
            "credits": 5,
            "credit_type": "calls",
            "price": {"amount": 9, "currency": "USD"},
        }
        made(admin.post("/v2/packages", calls))
        gone = made(admin.post("/v2/packages", calls | {"name": "Gone", "credit_type": "credits"}))
        assert admin.send("DELETE", f"/v2/packages/{gone['id']}").status_code in (200, 204)
        body = fits(owner.get(PATH), f"GET {PATH}")
    assert body["results"] == [
        {"id": 1, "name": "Starter Pack", "credits": 110, "price": "1500", "is_active": True},
        {"id": 2, "name": "Größe 🎁 \u202e", "credits": 500, "price": "9.00", "is_active": False},
    ]
    assert body["count"] == 2


def test_pages_of_ones_own(house: House) -> None:
    here, there = shop(house), shop(house)
    for _ in range(3):
        here.package()
    with here.admin() as admin, here.person() as owner, there.person() as stranger:
        page = fits(owner.get(PATH, page=2, page_size=2), f"GET {PATH}")
        assert ([row["id"] for row in page["results"]], page["count"], page["next"]) == ([3], 3, None)
        refused(owner.get(PATH, page=3, page_size=2), 404)
        assert fits(stranger.get(PATH), f"GET {PATH}")["count"] == 0
        refused(admin.get(PATH), 401)
