"""Accounts: made with their head, found by four names, and by no stranger."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from typing import cast as typed

import pytest

from tallystick.db.pool import Database, run, value
from tallystick.domain.identity import actions, views
from tallystick.domain.identity.model import Account, AccountChanges
from tallystick.kernel.errors import Conflict, Fact, Invalid, NotFound
from tallystick.kernel.ids import account_of, account_uuid, typeid
from tests import cast

pytestmark = pytest.mark.anyio


async def patch(db: Database, account: Account, **changes: Any) -> Account:
    async with db.tx() as tx:
        return await actions.patch_account(
            tx, account.tenant_id, account.account_id, typed(AccountChanges, changes)
        )


async def test_an_account_is_made_with_its_head(db: Database) -> None:
    tenant = (await cast.first_app(db)).app.live
    acme = await cast.make_account(
        db,
        tenant,
        external_id="acme",
        name="Acme",
        email="Billing@Acme.example",
        currency="KWD",
        time_zone="Asia/Kuwait",
        metadata={"plan": "gold", "nested": [1, {"é": None}]},
    )
    assert (acme.number, acme.external_id, acme.name, acme.email) == (
        1,
        "acme",
        "Acme",
        "billing@acme.example",
    )
    assert (acme.currency, acme.time_zone, acme.status) == ("KWD", "Asia/Kuwait", "active")
    assert acme.metadata == {"plan": "gold", "nested": [1, {"é": None}]}
    assert account_of(acme.uuid) == acme.account_id
    async with db.connection() as conn:
        head = await value(
            conn,
            "select row(tenant_id, number, uuid, external_id, status, seq)::text from account_head"
            " where account_id = %s",
            [acme.account_id],
        )
    assert head == f"({tenant},1,{acme.uuid},acme,active,0)"
    plain = await cast.make_account(db, tenant)
    assert (plain.number, plain.external_id, plain.email) == (2, None, "")
    assert (plain.currency, plain.time_zone, plain.metadata) == ("USD", "UTC", {})


async def test_numbers_are_counted_per_tenant_without_gaps(db: Database) -> None:
    app = (await cast.first_app(db)).app
    await cast.crowd(db)
    made = await asyncio.gather(*[cast.make_account(db, app.live) for _ in range(10)])
    assert sorted(account.number for account in made) == list(range(1, 11))
    assert (await cast.make_account(db, app.test)).number == 1


async def test_external_id_is_unique_in_its_tenant_even_at_once(db: Database) -> None:
    app = (await cast.first_app(db)).app
    await cast.crowd(db)
    outcomes = await asyncio.gather(
        *[cast.make_account(db, app.live, external_id="acme") for _ in range(5)], return_exceptions=True
    )
    assert len([one for one in outcomes if isinstance(one, Account)]) == 1
    assert {one.code for one in outcomes if isinstance(one, Fact)} == {"external_id_taken"}
    assert (await cast.make_account(db, app.test, external_id="acme")).number == 1
    assert (await cast.make_account(db, app.live, external_id="Acme")).number == 2


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("external_id", ""),
        ("external_id", "x" * 256),
        ("external_id", "a\x00b"),
        ("external_id", "\udc00"),
        ("name", "x" * 256),
        ("name", "two\nlines"),
        ("email", "nobody"),
        ("email", "a@b"),
        ("email", "a@-b.example"),
        ("email", ".a@b.example"),
        ("email", "a@b.example\x00"),
        ("email", "x" * 65 + "@b.example"),
        ("currency", "usd"),
        ("currency", "XXX"),
        ("time_zone", "Mars/Olympus"),
        ("time_zone", "../../etc/passwd"),
        ("time_zone", "localtime"),
        ("metadata", {"x": "y" * 17_000}),
        ("metadata", {"x": "\ud800"}),
    ],
)
async def test_wrong_fields_are_named(db: Database, field: str, wrong: Any) -> None:
    tenant = (await cast.first_app(db)).app.live
    with pytest.raises(Invalid) as refused:
        await cast.make_account(db, tenant, **{field: wrong})
    assert refused.value.field == field
    acme = await cast.acme(db, tenant)
    with pytest.raises(Invalid) as refused:
        await patch(db, acme, **{field: wrong})
    assert refused.value.field == field


async def test_patch_changes_what_is_given(db: Database) -> None:
    tenant = (await cast.first_app(db)).app.live
    acme = await cast.acme(db, tenant)
    patched = await patch(db, acme, name="Acme Ltd", metadata={"a": 1})
    assert (patched.name, patched.metadata, patched.external_id) == ("Acme Ltd", {"a": 1}, "acme")
    assert (patched.email, patched.time_zone) == (acme.email, acme.time_zone)
    assert patched.updated_at > acme.updated_at
    moved = await patch(db, acme, external_id="acme-2")
    async with db.connection() as conn:
        head = "select external_id from account_head where account_id = %s"
        assert await value(conn, head, [acme.account_id]) == "acme-2"
        assert await views.resolve(conn, tenant, "ext:acme-2") == acme.account_id
        with pytest.raises(NotFound):
            await views.resolve(conn, tenant, "ext:acme")
        assert (await views.account_by_number(conn, tenant, acme.number)) == moved
    gone = await patch(db, acme, external_id=None)
    assert gone.external_id is None
    async with db.connection() as conn:
        assert await value(conn, head, [acme.account_id]) is None


async def test_patch_to_a_taken_external_id_changes_nothing(db: Database) -> None:
    tenant = (await cast.first_app(db)).app.live
    acme, globex = await cast.acme(db, tenant), await cast.globex(db, tenant)
    with pytest.raises(Conflict) as refused:
        await patch(db, globex, external_id="acme", name="Thief")
    assert refused.value.code == "external_id_taken"
    async with db.connection() as conn:
        assert await views.account(conn, tenant, globex.account_id) == globex
        assert await views.resolve(conn, tenant, "ext:acme") == acme.account_id
        assert await views.resolve(conn, tenant, "ext:globex") == globex.account_id


async def test_of_two_patches_to_one_external_id_one_wins(db: Database) -> None:
    tenant = (await cast.first_app(db)).app.live
    both = [await cast.make_account(db, tenant) for _ in range(2)]
    await cast.crowd(db)
    outcomes = await asyncio.gather(
        *[patch(db, account, external_id="acme") for account in both], return_exceptions=True
    )
    assert [one.code for one in outcomes if isinstance(one, Fact)] == ["external_id_taken"]
    async with db.connection() as conn:
        agree = """select count(*) from account a join account_head h using (account_id)
                   join account_directory d using (account_id)
                   where a.external_id is not distinct from h.external_id
                     and a.external_id is not distinct from d.external_id"""
        assert await value(conn, agree) == 2


async def test_patch_locks_the_head_first(db: Database) -> None:
    tenant = (await cast.first_app(db)).app.live
    acme = await cast.acme(db, tenant)
    async with db.tx() as tx:
        await value(
            tx, "select 1 from account_head where account_id = %s for no key update", [acme.account_id]
        )
        patching = asyncio.create_task(patch(db, acme, name="Later"))
        await asyncio.sleep(0.2)
        assert not patching.done()
        # nothing else is locked by the one that waits
        await value(tx, "select 1 from account where account_id = %s for update nowait", [acme.account_id])
    assert (await patching).name == "Later"


async def test_strangers_find_nothing(db: Database) -> None:
    app, other = (await cast.first_app(db)).app, await cast.second_app(db)
    acme = await cast.acme(db, app.live)
    for stranger in (app.test, other.live, 99):
        async with db.connection() as conn:
            for looking in (
                views.account(conn, stranger, acme.account_id),
                views.account_by_uuid(conn, stranger, acme.uuid),
                views.account_by_number(conn, stranger, acme.number),
                views.account_by_external_id(conn, stranger, "acme"),
                views.resolve(conn, stranger, typeid("acct", acme.uuid)),
                views.resolve(conn, stranger, "ext:acme"),
            ):
                with pytest.raises(NotFound) as refused:
                    await looking
                assert refused.value.what == "account"
            assert (await views.accounts(conn, stranger)).rows == []
            assert (await views.accounts(conn, stranger, email=acme.email)).rows == []
            assert (await views.accounts(conn, stranger, external_id="acme")).rows == []
        with pytest.raises(NotFound):
            async with db.tx() as tx:
                await actions.patch_account(tx, stranger, acme.account_id, {"name": "Mine"})


async def test_found_by_each_name(db: Database) -> None:
    tenant = (await cast.first_app(db)).app.live
    acme = await cast.acme(db, tenant)
    async with db.connection() as conn:
        assert await views.account(conn, tenant, acme.account_id) == acme
        assert await views.account_by_uuid(conn, tenant, acme.uuid) == acme
        assert await views.account_by_number(conn, tenant, acme.number) == acme
        assert await views.account_by_external_id(conn, tenant, "acme") == acme
        assert await views.resolve(conn, tenant, typeid("acct", acme.uuid)) == acme.account_id
        assert await views.resolve(conn, tenant, "ext:acme") == acme.account_id
        for wrong in (
            "",
            "acme",
            "ext:",
            "ext:ac\x00me",
            "ext:\ud800",
            "acct_",
            str(acme.uuid),
            str(acme.number),
            typeid("cust", acme.uuid),
            typeid("acct", account_uuid(acme.account_id)),  # the number alone does not do
        ):
            with pytest.raises(NotFound):
                await views.resolve(conn, tenant, wrong)
        for number in (0, -1, 2, 2**63):
            with pytest.raises(NotFound):
                await views.account_by_number(conn, tenant, number)


async def test_list_by_keyset_with_filters(db: Database) -> None:
    tenant = (await cast.first_app(db)).app.live
    made = [
        await cast.make_account(
            db, tenant, external_id=f"c{n}", email="even@x.example" if n % 2 == 0 else "odd@x.example"
        )
        for n in range(5)
    ]
    async with db.connection() as conn:
        seen: list[Account] = []
        after = None
        while True:
            page = await views.accounts(conn, tenant, after=after, limit=2)
            seen += page.rows
            after = page.next_key
            if after is None:
                break
        assert seen == made
        evens = await views.accounts(conn, tenant, email="EVEN@x.example", limit=2)
        assert (evens.rows, evens.next_key) == ([made[0], made[2]], made[2].number)
        rest = await views.accounts(conn, tenant, email="even@x.example", limit=2, after=evens.next_key)
        assert (rest.rows, rest.next_key) == ([made[4]], None)
        assert (await views.accounts(conn, tenant, external_id="c3")).rows == [made[3]]
        assert (await views.accounts(conn, tenant, external_id="c3", email="odd@x.example")).rows == [made[3]]
        assert (await views.accounts(conn, tenant, external_id="c3", email="even@x.example")).rows == []
        assert (await views.accounts(conn, tenant, external_id="c\x003")).rows == []


async def test_who_the_customer_is(db: Database) -> None:
    tenant = (await cast.first_app(db)).app.live
    plain = await cast.make_account(db, tenant)
    assert (plain.first_name, plain.last_name, plain.phone, plain.tax_id) == ("", "", "", "")
    assert (plain.kind, plain.address, plain.tax_exempt) == ("individual", {}, False)
    made = await cast.make_account(
        db,
        tenant,
        first_name="Ann",
        last_name="Nakato",
        phone="+256 700",
        kind="business",
        address={"line1": "Plot 1", "line2": "", "city": None, "country": "UG"},
        tax_id="UG-1",
        tax_exempt=True,
    )
    assert (made.first_name, made.last_name, made.phone) == ("Ann", "Nakato", "+256 700")
    assert (made.kind, made.tax_id, made.tax_exempt) == ("business", "UG-1", True)
    assert made.address == {"line1": "Plot 1", "country": "UG"}
    changed = await patch(db, made, address={"city": "Gulu"}, tax_exempt=False, phone="")
    assert (changed.address, changed.tax_exempt, changed.phone) == ({"city": "Gulu"}, False, "")
    assert changed.first_name == "Ann"


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("kind", "person", "kind"),
        ("status", "closed", "status"),
        ("status", "asleep", "status"),
        ("address", {"country": "uk"}, "address.country"),
        ("address", {"country": "\u0661\u0662"}, "address.country"),
        ("address", {"street": "x"}, "address.street"),
        ("address", {"city": 5}, "address.city"),
        ("address", {"city": "x" * 256}, "address.city"),
        ("phone", "\ud800", "phone"),
        ("tax_id", "\0", "tax_id"),
        ("first_name", "x" * 101, "first_name"),
    ],
)
async def test_what_no_customer_is(db: Database, field: str, value: Any, named: str) -> None:
    account = await cast.acme(db, (await cast.first_app(db)).app.live)
    with pytest.raises(Invalid) as refused:
        await patch(db, account, **{field: value})
    assert refused.value.field == named


async def test_a_status_is_changed_with_its_head_and_audited(db: Database) -> None:
    tenant = (await cast.first_app(db)).app.live
    account = await cast.acme(db, tenant)
    await cast.globex(db, tenant)
    for status in ("blocked", "blocked", "inactive", "active"):
        async with db.tx() as tx:
            changed = await actions.patch_account(
                tx, tenant, account.account_id, {"status": status}, by="user:ann"
            )
        assert changed.status == status
        async with db.connection() as conn:
            shown = (await views.accounts(conn, tenant, status=status)).rows
            assert account.account_id in {row.account_id for row in shown}
            assert {row.status for row in shown} == {status}
            named = await views.accounts(conn, tenant, external_id="acme", status="blocked")
            assert len(named.rows) == (status == "blocked")
            by_mail = await views.accounts(conn, tenant, email="billing@acme.example", status=status)
            assert len(by_mail.rows) == 1
    async with db.connection() as conn:
        acts = [row for row in (await views.audit_log(conn, tenant)).rows if "account" in row.action]
    assert [(row.actor, row.details["to"]) for row in acts] == [
        ("user:ann", "active"),
        ("user:ann", "inactive"),
        ("user:ann", "blocked"),
    ]
    async with db.tx() as tx:
        await run(tx, "update account_head set status = 'closed' where account_id = %s", [account.account_id])
    with pytest.raises(Conflict) as refused:
        await patch(db, account, status="active")
    assert refused.value.code == "account_closed"
    assert (await patch(db, account, name="Gone")).status == "closed"


async def test_a_clock_that_is_ahead(db: Database) -> None:
    app = (await cast.first_app(db)).app
    real = datetime.now(UTC)
    async with db.tx() as tx:
        await actions.set_clock(tx, app.test, timedelta(days=400))
        assert (await views.tenant(tx, app.test)).clock_ahead == timedelta(days=400)
        assert (await views.tenant(tx, app.live)).clock_ahead == timedelta()
        now = await views.now(tx, app.test)
    assert abs(now - real - timedelta(days=400)) < timedelta(minutes=5)
    made = await cast.acme(db, app.test)
    assert made.created_at > real + timedelta(days=399)
    assert (await patch(db, made, name="B")).updated_at >= made.updated_at
    assert (await cast.acme(db, app.live)).created_at < real + timedelta(days=1)
