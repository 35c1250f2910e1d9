"""GET and PATCH /v1/account/settings/"""

import asyncio
import json
import re
from typing import Any

import httpx2
import pytest

from tallystick.kernel.actor import Role
from tests.contract.native.payments.paying import made
from tests.contract.served import House

from .shops import Shop, fits, refused, shop

PATH = "/v1/account/settings/"
pytestmark = pytest.mark.holds("igny8", f"GET {PATH}", f"PATCH {PATH}")

ADDRESS = {"line1": "123 Main St", "city": "New York"}


def test_the_contracts_examples(house: House) -> None:
    here = shop(house, address=ADDRESS)
    with here.admin() as admin, here.person() as owner, here.person(Role.VIEWER) as viewer:
        admin.grant(here.id, "100.9")
        shown = fits(viewer.get(PATH), f"GET {PATH}")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", shown["created_at"])
        assert list(shown.items())[:-1] == [
            ("id", 1),
            ("name", "My Account"),
            ("slug", "my-account"),
            ("billing_address_line1", "123 Main St"),
            ("billing_city", "New York"),
            ("credit_balance", 100),
        ]
        body = {"name": "Updated Account Name", "billing_address_line1": "456 New St"}
        changed = fits(owner.send("PATCH", PATH, body), f"PATCH {PATH}")
        assert changed == shown | body | {"slug": "updated-account-name"}
        assert fits(viewer.get(PATH), f"GET {PATH}") == changed


def test_what_is_held_is_not_in_the_balance(house: House) -> None:
    here = shop(house)
    with here.admin() as admin, here.person() as owner:
        assert fits(owner.get(PATH), f"GET {PATH}")["credit_balance"] == 0
        admin.grant(here.id, 100)
        admin.hold(here.id, "10.5")
        assert fits(owner.get(PATH), f"GET {PATH}")["credit_balance"] == 89


def test_every_part_of_the_address(house: House) -> None:
    here = shop(house, address=ADDRESS | {"country": "US"})
    said = {
        "billing_address_line2": " Floor 2 ",
        "billing_city": "",
        "billing_state": "NY",
        "billing_postal_code": 10001,
        "billing_country": None,
        "slug": "mine",
        "credit_balance": 10**30,
        "id": 7,
    }
    with here.admin() as admin, here.person() as owner:
        shown = fits(owner.send("PATCH", PATH, said), f"PATCH {PATH}")
        assert (shown["billing_address_line1"], shown["billing_city"]) == ("123 Main St", "")
        assert (shown["id"], shown["slug"], shown["credit_balance"]) == (1, "my-account", 0)
        account = made(admin.get(f"/v2/accounts/{here.id}"), 200)
    assert {part: text for part, text in account["address"].items() if text} == {
        "line1": "123 Main St",
        "line2": "Floor 2",
        "region": "NY",
        "postal_code": "10001",
    }


def test_forms_are_read_as_well(house: House) -> None:
    here = shop(house)
    with here.person() as owner:
        owner.http.headers["Content-Type"] = "application/x-www-form-urlencoded"
        shown = fits(owner.send("PATCH", PATH, b"name=Two+Words&billing_city=K%C3%B6ln"), f"PATCH {PATH}")
        assert (shown["name"], shown["billing_city"]) == ("Two Words", "Köln")
        owner.http.headers["Content-Type"] = "text/csv"
        assert refused(owner.send("PATCH", PATH, b"a"), 415)["error"] == (
            'Unsupported media type "text/csv" in request.'
        )


def test_nothing_said_changes_nothing(house: House, desk: Shop) -> None:
    with desk.person() as owner:
        before = fits(owner.get(PATH), f"GET {PATH}")
        for body in (None, {}, {"unknown": [1]}):
            assert fits(owner.send("PATCH", PATH, body), f"PATCH {PATH}") == before


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({"name": ""}, {"name": ["This field may not be blank."]}),
        ({"name": "  "}, {"name": ["This field may not be blank."]}),
        ({"name": None}, {"name": ["This field may not be null."]}),
        ({"name": []}, {"name": ["Not a valid string."]}),
        ({"name": "a" * 256}, {"name": ["Ensure this field has no more than 255 characters."]}),
        ({"name": "a\u0007"}, {"name": ["must not hold control characters"]}),
        ({"name": "\ud800"}, {"name": ["Surrogate characters are not allowed: U+D800."]}),
        ({"name": "a\u0000"}, {"name": ["Null characters are not allowed."]}),
        ({"billing_city": {}}, {"billing_city": ["Not a valid string."]}),
        ({"billing_city": "a" * 256}, {"billing_city": ["Ensure this field has no more than 255 characters."]}),
        (
            {"billing_country": "Uganda"},
            {"billing_country": ["must be two capital letters, such as UG (ISO 3166-1)"]},
        ),
        (
            {"billing_city": True, "name": False},
            {"billing_city": ["Not a valid string."], "name": ["Not a valid string."]},
        ),
        ([], {"non_field_errors": ["Invalid data. Expected a dictionary, but got list."]}),
    ],
)  # fmt: skip
def test_bad_bodies_change_nothing(desk: Shop, body: Any, errors: dict[str, list[str]]) -> None:
    with desk.person() as owner:
        before = owner.get(PATH).content
        assert refused(owner.send("PATCH", PATH, json.dumps(body)), 400)["errors"] == errors
        assert owner.get(PATH).content == before


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b'{"name": NaN}', b"[" * 3000])
def test_broken_bodies(desk: Shop, body: bytes) -> None:
    with desk.person() as owner:
        assert refused(owner.send("PATCH", PATH, body), 400)["error"].startswith("JSON parse error - ")


def test_who_may_change_them(house: House) -> None:
    here, there = shop(house), shop(house)
    for role, status in ((Role.VIEWER, 403), (Role.MEMBER, 403), (Role.ADMIN, 200), (Role.OWNER, 200)):
        with here.person(role) as somebody:
            assert somebody.get(PATH).status_code == 200
            assert somebody.send("PATCH", PATH, {"name": role.value}).status_code == status, role
    with here.person(None, staff=True) as staff, there.person() as stranger, here.admin() as admin:
        staff.http.headers["X-Account"] = stranger.http.headers["X-Account"] = here.id
        assert staff.send("PATCH", PATH, {"billing_city": "Kampala"}).status_code == 200
        refused(stranger.get(PATH), 404)
        refused(stranger.send("PATCH", PATH, {"name": "Stolen"}), 404)
        refused(admin.send("PATCH", PATH, {"name": "Key"}), 401)
        assert fits(staff.get(PATH), f"GET {PATH}")["name"] == "owner"


def test_a_key_changes_once(house: House) -> None:
    here = shop(house)
    with here.person() as owner:
        first = owner.send("PATCH", PATH, {"name": "One"}, key="k")
        made(owner.send("PATCH", PATH, {"name": "Two"}), 200)
        again = owner.send("PATCH", PATH, {"name": "One"}, key="k")
        assert (again.content, again.headers["idempotent-replayed"]) == (first.content, "true")
        assert "idempotent-replayed" not in first.headers
        assert fits(owner.get(PATH), f"GET {PATH}")["name"] == "Two"
        refused(owner.send("PATCH", PATH, {"name": "Three"}, key="k"), 422)


def test_parts_that_are_changed_at_once_all_stay(house: House) -> None:
    here = shop(house)
    house.keys["clerk"] = here.token(here.user())
    said = {
        "billing_address_line1": "1", "billing_address_line2": "2", "billing_city": "3", "billing_state": "4",
        "billing_postal_code": "5", "billing_country": "UG",
    }  # fmt: skip

    async def all_at_once(client: httpx2.AsyncClient) -> list[httpx2.Response]:
        return await asyncio.gather(*(client.patch(PATH, json={name: text}) for name, text in said.items()))

    assert {answer.status_code for answer in house.together(all_at_once, "clerk")} == {200}
    with here.admin() as admin:
        assert set(made(admin.get(f"/v2/accounts/{here.id}"), 200)["address"].values()) >= set(said.values())


@pytest.fixture(scope="module")
def desk(house: House) -> Shop:
    """For tests that change nothing."""
    return shop(house)
