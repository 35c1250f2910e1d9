"""GET and POST /v1/account/team/, DELETE /v1/account/team/{id}/"""

import asyncio
import json
import re
from typing import Any

import httpx2
import psycopg
import pytest

from tallystick.domain.identity import invitations, password_links
from tallystick.domain.identity.model import User
from tallystick.kernel.actor import Role
from tests import cast
from tests.contract.native.payments.paying import made
from tests.contract.served import House
from tests.e2e.running import within

from .shops import Shop, fits, refused, shop

PATH = "/v1/account/team/"
ONE = "/v1/account/team/{id}/"
pytestmark = pytest.mark.holds("igny8", f"GET {PATH}", f"POST {PATH}", f"DELETE {ONE}")


def mails(house: House, here: Shop) -> list[str]:
    query = "select recipient from mail where tenant_id = %s and kind = 'invitation' order by id"
    with psycopg.connect(house.database_url) as conn:
        return [address for (address,) in conn.execute(query, (here.tenant,))]


async def invite_owner(house: House, here: Shop, by: User, guest: User) -> None:
    async with house.system.db.tx() as tx:
        await invitations.invite(
            tx, here.tenant, account=here.account.account_id, email=guest.email, role=Role.OWNER, by=f"user:{by.id}",
            now=house.system.clock.now(), link=str,
        )  # fmt: skip


def team(client: Any) -> list[tuple[int, str]]:
    return [(row["id"], row["email"]) for row in fits(client.get(PATH), f"GET {PATH}")["results"]]


def test_the_contracts_example(house: House) -> None:
    here = shop(house)
    john = here.user(Role.MEMBER, email="user@example.com", first_name="John", last_name="Doe")
    with house.client(here.token(john)) as client:
        body = fits(client.get(PATH), f"GET {PATH}")
    [row] = body["results"]
    assert row.pop("date_joined").endswith("Z")
    assert row == {
        "id": 1, "email": "user@example.com", "first_name": "John", "last_name": "Doe", "is_active": True,
        "is_staff": False,
    }  # fmt: skip
    assert body | {"results": []} == {
        "results": [], "count": 1, "success": True, "next": None, "previous": None,
    }  # fmt: skip


def test_who_is_staff_of_the_account(house: House) -> None:
    here = shop(house)
    for role in Role:
        here.user(role, staff=role is Role.VIEWER)  # the app's staff are none of the account's
    with here.person(Role.VIEWER) as viewer:
        rows = fits(viewer.get(PATH), f"GET {PATH}")["results"]
    assert [row["is_staff"] for row in rows] == [False, False, True, True, False]
    assert [row["id"] for row in rows] == [1, 2, 3, 4, 5]


def test_who_is_invited_is_inactive_and_mailed(house: House) -> None:
    here = shop(house)
    with here.person(Role.ADMIN, email="ann@example.com") as admin:
        row = fits(admin.post(PATH, {"email": " New.One@Example.com "}), f"POST {PATH}", 201)
        assert row == {
            "id": 2, "email": "new.one@example.com", "first_name": "", "last_name": "", "is_active": False,
            "is_staff": False,
        }  # fmt: skip
        assert mails(house, here) == ["new.one@example.com"]
        named = {"email": "b@example.com", "first_name": "Bo", "last_name": ""}
        assert fits(admin.post(PATH, named), f"POST {PATH}", 201)["first_name"] == "Bo"
        assert fits(admin.get(PATH), f"GET {PATH}")["results"][1] == row
        assert fits(admin.get(PATH), f"GET {PATH}")["count"] == 3
        page = fits(admin.get(PATH, page=2, page_size=2), f"GET {PATH}")
        assert [one["email"] for one in page["results"]] == ["b@example.com"]


def test_who_is_invited_joins_by_the_link_of_the_mail(house: House) -> None:
    here = shop(house)
    with here.person() as owner:
        invited = fits(owner.post(PATH, {"email": "new@example.com"}), f"POST {PATH}", 201)
        query = "select body from mail where tenant_id = %s and kind = 'invitation'"
        with psycopg.connect(house.database_url) as conn:
            [(body,)] = conn.execute(query, (here.tenant,)).fetchall()
        token = re.search(rf"{house.system.settings.public_url}/password/(\S+)", body)
        assert token is not None, body
        system = house.system
        house.run(password_links.use_link(system.db, system.clock, token[1], cast.PASSWORD))
        [row] = [one for one in fits(owner.get(PATH), f"GET {PATH}")["results"] if one["id"] == invited["id"]]
    assert row.pop("date_joined").endswith("Z")
    assert row == invited | {"is_active": True}


def test_who_is_there_already_cannot_be_invited(house: House) -> None:
    here, there = shop(house), shop(house)
    with here.person(email="ann@example.com") as owner, there.person(email="other@example.com") as other:
        fits(owner.post(PATH, {"email": "new@example.com"}), f"POST {PATH}", 201)
        assert refused(owner.post(PATH, {"email": "NEW@example.com"}), 409)
        assert refused(owner.post(PATH, {"email": "ann@example.com"}), 409)
        assert mails(house, here) == ["new@example.com"]
        # another app's people are others, whatever their address
        fits(other.post(PATH, {"email": "ann@example.com"}), f"POST {PATH}", 201)


def test_out_and_invited_again(house: House) -> None:
    here = shop(house)
    member = here.user(Role.MEMBER)
    with here.person() as owner, house.client(here.token(member)) as them:
        assert them.get(PATH).status_code == 200
        gone = owner.send("DELETE", f"{PATH}{member.number}/")
        assert (gone.status_code, gone.content) == (204, b"")
        assert "content-type" not in gone.headers
        refused(owner.send("DELETE", f"{PATH}{member.number}/"), 404)
        assert (member.number, member.email) not in team(owner)
        them.http.headers["X-Account"] = here.id
        # what a credential may do is read once a second
        assert within(60, lambda: them.get(PATH).status_code == 404)
        row = fits(owner.post(PATH, {"email": member.email}), f"POST {PATH}", 201)
        assert (row["id"], row["is_active"]) == (member.number, False)
        refused(them.get(PATH), 404)  # an invitation lets nobody in
        assert owner.send("DELETE", f"{PATH}{member.number}").status_code == 204
        assert len(team(owner)) == 1


def test_the_last_owner_stays(house: House) -> None:
    here = shop(house)
    first = here.user(Role.OWNER)
    with house.client(here.token(first)) as owner:
        refused(owner.send("DELETE", f"{PATH}{first.number}/"), 409)
        here.user(Role.OWNER)
        assert owner.send("DELETE", f"{PATH}{first.number}/").status_code == 204


def test_nobody_removes_somebody_above_themselves(house: House) -> None:
    here = shop(house)
    owners = [here.user(Role.OWNER), here.user(Role.OWNER)]
    equal = here.user(Role.ADMIN)
    invited = here.user(None)
    house.run(invite_owner(house, here, owners[0], invited))
    with here.person(Role.ADMIN) as admin, here.person(None, staff=True) as staff:
        before = team(admin)
        for above in (*owners, invited):
            said = refused(admin.send("DELETE", f"{PATH}{above.number}/"), 403)
            assert said["error"] == "Your role in this account does not allow this."
        assert team(admin) == before
        assert admin.send("DELETE", f"{PATH}{equal.number}/").status_code == 204
        staff.http.headers["X-Account"] = here.id
        assert staff.send("DELETE", f"{PATH}{owners[1].number}/").status_code == 204


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        (None, {"email": ["This field is required."]}),
        ({}, {"email": ["This field is required."]}),
        ({"email": None}, {"email": ["This field may not be null."]}),
        ({"email": ""}, {"email": ["This field may not be blank."]}),
        ({"email": "nobody"}, {"email": ["Enter a valid email address."]}),
        ({"email": ["a@example.com"]}, {"email": ["Enter a valid email address."]}),
        ({"email": "a@example.com\r\nBcc: b@example.com"}, {"email": ["Enter a valid email address."]}),
        ({"email": "ä@example.com"}, {"email": ["Enter a valid email address."]}),
        ({"email": "root@localhost"}, {"email": ["must be an e-mail address"]}),
        ({"email": "a@example.com", "first_name": "x" * 101},
         {"first_name": ["Ensure this field has no more than 100 characters."]}),
        ({"email": "a@example.com", "last_name": 7.5, "first_name": {}}, {"first_name": ["Not a valid string."]}),
        ("text", {"non_field_errors": ["Invalid data. Expected a dictionary, but got str."]}),
    ],
)  # fmt: skip
def test_bad_bodies_invite_nobody(house: House, desk: Shop, body: Any, errors: dict[str, list[str]]) -> None:
    with desk.person() as owner:
        before = len(team(owner))
        sent = None if body is None else json.dumps(body)
        assert refused(owner.post(PATH, sent), 400)["errors"] == errors
        assert (len(team(owner)), mails(house, desk)) == (before, [])


def test_ids_of_nobody(desk: Shop) -> None:
    other = desk.user(None)
    with desk.person() as owner:
        for unknown in (other.number, 0, -1, 10**30, "x", "1.0", "\u0661", "%00", "01"):
            assert refused(owner.send("DELETE", f"{PATH}{unknown}/"), 404)["error"] == "Not found."


def test_who_may_invite_and_remove(house: House) -> None:
    here, there = shop(house), shop(house)
    for n, role in enumerate(Role):
        with here.person(role) as somebody:
            allowed = role.includes(Role.ADMIN)
            invited = somebody.post(PATH, {"email": f"{role.value}@example.com"})
            assert invited.status_code == (201 if allowed else 403)
            victim = here.user(Role.VIEWER)
            removed = somebody.send("DELETE", f"{PATH}{victim.number}/")
            assert removed.status_code == (204 if allowed else 403), n
            assert somebody.get(PATH).status_code == 200
    victim = here.user(Role.VIEWER)
    with there.person() as stranger, here.admin() as key, house.client(None) as nobody:
        refused(stranger.send("DELETE", f"{PATH}{victim.number}/"), 404)
        for client, status in ((stranger, 404), (key, 401), (nobody, 401)):
            client.http.headers["X-Account"] = here.id
            refused(client.get(PATH), status)
            refused(client.post(PATH, {"email": "x@example.com"}), status)
            refused(client.send("DELETE", f"{PATH}{victim.number}/"), status)
    with here.person(None, staff=True) as staff:
        staff.http.headers["X-Account"] = here.id
        fits(staff.post(PATH, {"email": "x@example.com"}), f"POST {PATH}", 201)
        assert staff.send("DELETE", f"{PATH}{victim.number}/").status_code == 204


def test_a_key_invites_and_removes_once(house: House) -> None:
    here = shop(house)
    with here.person() as owner:
        answers = [owner.post(PATH, {"email": "new@example.com"}, key="k") for _ in range(2)]
        assert answers[0].content == answers[1].content
        assert answers[1].headers["idempotent-replayed"] == "true"
        refused(owner.post(PATH, {"email": "another@example.com"}, key="k"), 422)
        number = made(answers[0])["id"]
        for _ in range(2):
            assert owner.send("DELETE", f"{PATH}{number}/", key="d").status_code == 204
        assert len(mails(house, here)) == 1


def test_one_address_at_once_is_invited_once(house: House) -> None:
    here = shop(house)
    house.keys["inviter"] = here.token(here.user())

    async def many(client: httpx2.AsyncClient) -> list[httpx2.Response]:
        return await asyncio.gather(*(client.post(PATH, json={"email": "new@example.com"}) for _ in range(8)))

    answers = house.together(many, "inviter")
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    assert mails(house, here) == ["new@example.com"]


def test_two_owners_who_remove_each_other_leave_one(house: House) -> None:
    here = shop(house)
    owners = [here.user(Role.OWNER), here.user(Role.OWNER)]
    house.keys["one"] = here.token(owners[0])

    async def both(client: httpx2.AsyncClient) -> list[httpx2.Response]:
        return await asyncio.gather(*(client.delete(f"{PATH}{one.number}/") for one in owners))

    answers = house.together(both, "one")
    assert 204 in [answer.status_code for answer in answers]
    with here.person(Role.VIEWER) as viewer:
        rows = fits(viewer.get(PATH), f"GET {PATH}")["results"]
    assert [row["is_staff"] for row in rows] == [True, False]


@pytest.fixture(scope="module")
def desk(house: House) -> Shop:
    """For tests that change nothing of its team but who owns it."""
    return shop(house)
