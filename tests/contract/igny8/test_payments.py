"""GET /v1/billing/payments/ and GET /v1/billing/payment-methods/"""

import re

import pytest

from tallystick.kernel.actor import Mode, Role
from tests.contract.native.payments.paying import checkout, made, pay
from tests.contract.served import House

from .shops import fits, refused, shop

PATH = "/v1/billing/payments/"
METHODS = "/v1/billing/payment-methods/"
pytestmark = pytest.mark.holds("igny8", f"GET {PATH}", f"GET {METHODS}")


def test_the_contracts_example_of_a_payment(house: House) -> None:
    here = shop(house)
    with here.admin() as admin, here.person(Role.VIEWER) as viewer:
        assert fits(viewer.get(PATH), f"GET {PATH}") == {
            "results": [], "count": 0, "success": True, "next": None, "previous": None,
        }  # fmt: skip
        pay(admin, checkout(admin, here.id, credits={"amount": 2900}))
        body = fits(viewer.get(PATH), f"GET {PATH}")
    [row] = body["results"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", row.pop("created_at"))
    assert isinstance(row.pop("id"), int)
    assert row == {"amount": "29.00", "status": "succeeded", "payment_method": "sandbox"}
    assert body["count"] == 1


def test_the_words_for_states(house: House) -> None:
    here = shop(house)
    with here.admin() as admin, here.person() as owner:
        paid, half, _, given_up, declined = (checkout(admin, here.id) for _ in range(5))
        pay(admin, paid)
        pay(admin, half)
        pay(admin, declined, "0002")
        made(admin.post(f"/v2/checkouts/{given_up['id']}/expire"), 200)
        made(admin.post("/v2/refunds", {"payment": paid["payment"], "reason": "asked"}))
        made(admin.post("/v2/refunds", {"payment": half["payment"], "reason": "asked", "amount": "2.50"}))
        checkout(admin, here.id, credits={"amount": 500}, gateway="manual")
        rows = fits(owner.get(PATH), f"GET {PATH}")["results"]
    assert [(row["status"], row["payment_method"]) for row in rows] == [
        ("pending_approval", "manual"),
        ("failed", "sandbox"),
        ("failed", "sandbox"),
        ("pending", "sandbox"),
        ("succeeded", "sandbox"),
        ("refunded", "sandbox"),
    ]
    assert [row["id"] for row in rows] == sorted((row["id"] for row in rows), reverse=True)


def test_pages_of_ones_own(house: House) -> None:
    here, there = shop(house), shop(house)
    with here.admin() as admin, here.person() as owner, there.person() as stranger:
        for _ in range(3):
            checkout(admin, here.id)
        checkout(admin, made(admin.post("/v2/accounts", {"name": "Other"}))["id"])
        every = fits(owner.get(PATH), f"GET {PATH}")
        page = fits(owner.get(PATH, page=2, page_size=2), f"GET {PATH}")
        assert (page["results"], page["count"], every["count"]) == (every["results"][2:], 3, 3)
        refused(owner.get(PATH, page=3, page_size=2), 404)
        assert fits(stranger.get(PATH), f"GET {PATH}")["count"] == 0
        stranger.http.headers["X-Account"] = here.id
        refused(stranger.get(PATH), 404)
        refused(stranger.get(METHODS), 404)
        refused(admin.get(PATH), 401)
        refused(admin.get(METHODS), 401)


def test_the_ways_to_pay_the_standard_one_first(house: House) -> None:
    here = shop(house)
    sandbox = {"payment_method": "sandbox", "display_name": "Credit/Debit Card", "is_enabled": True}
    manual = {"payment_method": "manual", "display_name": "Bank Transfer", "is_enabled": True}
    with here.admin() as admin, here.person(Role.VIEWER) as viewer:
        assert fits(viewer.get(METHODS), f"GET {METHODS}") == {"results": [sandbox, manual]}
        made(
            admin.send("PUT", "/v2/gateways/manual", {"enabled": True, "standard": True, "options": {}}), 200
        )
        assert fits(viewer.get(METHODS), f"GET {METHODS}") == {"results": [manual, sandbox]}
        stripe = {"enabled": True, "secrets": {"secret_key": "sk_test_x1234567", "webhook_secret": "whsec_x"}}
        made(admin.send("PUT", "/v2/gateways/stripe", stripe), 200)
        made(admin.send("PUT", "/v2/gateways/sandbox", {"enabled": False, "options": {}}), 200)
        assert fits(viewer.get(METHODS), f"GET {METHODS}") == {
            "results": [
                manual,
                {"payment_method": "stripe", "display_name": "Credit/Debit Card", "is_enabled": True},
            ]
        }


def test_live_customers_see_no_sandbox_unless_it_is_on(house: House) -> None:
    """The first app's live mode has it on, as `House` put it; another app's has nothing."""
    here = shop(house, mode=Mode.LIVE)
    with here.person() as owner:
        assert fits(owner.get(METHODS), f"GET {METHODS}") == {"results": []}
