"""Accounts with a history, straight into the tables, as the ledger itself would have written them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg

from tallystick.kernel.credits import MICRO
from tallystick.kernel.ids import account_uuid, typeid

CREDITS: Final = 1_000_000 * MICRO  # a grant that no run uses up

_HISTORY: Final = """
insert into account (account_id, tenant_id, number, uuid, currency)
select id, %(tenant)s, number, uuid, 'USD' from seeded;
insert into account_directory (tenant_id, number, account_id)
select %(tenant)s, number, id from seeded;
insert into account_head (account_id, tenant_id, number, uuid, seq, last_at)
select id, %(tenant)s, number, uuid, %(entries)s, now() from seeded;
insert into wallet (account_id, credit_type, posted, updated_at)
select id, 'credits', %(credits)s - (%(entries)s - 1) * 1000, now() from seeded;
insert into credit_grant (account_id, id, credit_type, source, amount, remaining, priority, created_at)
select id, 1, 'credits', 'purchase', %(credits)s, %(credits)s - (%(entries)s - 1) * 1000, 50, now() from seeded;
insert into entry (account_id, seq, credit_type, kind, amount, posted_after, held_after, available_after, contra,
                   splits, op_key, request_hash, actor, effective_at)
select id, 1, 'credits', 'grant', %(credits)s, %(credits)s, 0, %(credits)s, 'purchase',
       jsonb_build_array(jsonb_build_array(1, %(credits)s::bigint)), 's:seed', '', 'bench', now()
from seeded;
insert into entry (account_id, seq, credit_type, kind, amount, posted_after, held_after, available_after, contra,
                   splits, op_key, request_hash, actor, effective_at)
select id, n, 'credits', 'debit', -1000, %(credits)s - (n - 1) * 1000, 0, %(credits)s - (n - 1) * 1000, 'usage',
       '[[1, -1000]]', 's:seed' || n, '', 'bench', now()
from seeded, generate_series(2, %(entries)s) n;
"""


@dataclass(frozen=True, slots=True)
class Seeded:
    """TypeIDs and internal numbers of the accounts that were made."""

    typeids: list[str]
    numbers: list[int]

    def write(self, path: Path, most: int | None = None) -> Path:
        """A file with one TypeID a line, for the load generator."""
        path.write_text("\n".join(self.typeids[:most]) + "\n")
        return path


def seed(url: str, tenant: int, count: int, *, entries: int = 1) -> Seeded:
    """Make ``count`` accounts, each with a grant and ``entries`` - 1 debits of a thousandth of a credit."""
    with psycopg.connect(url) as conn:
        rows = conn.execute(
            "select nextval('account_id_seq') from generate_series(1, %s)", [count]
        ).fetchall()
        numbers = [number for (number,) in rows]
        uuids = [account_uuid(number) for number in numbers]
        first = take_numbers(conn, tenant, count)
        conn.execute("create temp table seeded (id bigint, number bigint, uuid uuid) on commit drop")
        with conn.cursor().copy("copy seeded from stdin") as copy:
            for at, (number, uuid) in enumerate(zip(numbers, uuids, strict=True)):
                copy.write_row((number, first + at, str(uuid)))
        values = {"tenant": tenant, "entries": entries, "credits": CREDITS}
        with psycopg.ClientCursor(conn) as cursor:
            cursor.execute(_HISTORY, values)
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("vacuum analyze")
        conn.execute("checkpoint")
    return Seeded([typeid("acct", uuid) for uuid in uuids], numbers)


def take_numbers(conn: psycopg.Connection[tuple[int, ...]], tenant: int, count: int) -> int:
    """The first of ``count`` numbers for accounts of the tenant."""
    row = conn.execute(
        "insert into tenant_counter as c (tenant_id, name, value) values (%(t)s, 'account', %(n)s)"
        " on conflict (tenant_id, name) do update set value = c.value + %(n)s returning value",
        {"t": tenant, "n": count},
    ).fetchone()
    assert row is not None
    return row[0] - count + 1
