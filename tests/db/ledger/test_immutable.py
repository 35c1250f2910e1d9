"""Entries are immutable: for the application by its rights, for everybody by triggers."""

import psycopg
import pytest

from .driver import Ledger

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(30)]

CHANGES = [
    "update entry set amount = amount + 1",
    "update entry set description = 'x' where seq = 1",
    "delete from entry",
    "truncate entry",
    "truncate entry cascade",
    "insert into entry select * from entry on conflict (account_id, seq) do update set amount = 5",
]


@pytest.mark.parametrize("statement", CHANGES)
async def test_nobody_changes_an_entry(ledger: Ledger, statement: str) -> None:
    await ledger.account(100)
    with pytest.raises(psycopg.errors.RestrictViolation, match="immutable"):
        await ledger.sql(statement)
    assert (await ledger.sql("select amount from entry")) == [(100,)]


@pytest.mark.parametrize("statement", CHANGES)
async def test_the_application_has_no_right_to_it(ledger: Ledger, statement: str) -> None:
    await ledger.account(100)
    async with ledger.db.connection() as conn:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await conn.execute(statement.encode())


async def test_every_session_works_under_the_role(ledger: Ledger) -> None:
    lone = await ledger.db.dedicated()
    try:
        async with ledger.db.connection() as conn:
            for one in (conn, lone):
                cursor = await one.execute(
                    b"select current_user, has_table_privilege('entry', 'update'), has_table_privilege('entry',"
                    b" 'delete'), has_table_privilege('entry', 'truncate'), has_table_privilege('entry', 'insert')"
                )
                assert await cursor.fetchone() == ("tallystick_app", False, False, False, True)
    finally:
        await lone.close()
