"""What keeps the lanes fast for millions of accounts: no statement scans a table, no debit touches an index."""

import json
import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tallystick.domain.ledger import commands as command
from tallystick.domain.ledger import saving
from tallystick.domain.ledger.books import QUERIES

from .driver import Ledger, another, running

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]

TYPES = {
    "Int8s": "bigint[]",
    "Int4s": "int[]",
    "Bools": "boolean[]",
    "Texts": "text[]",
    "Byteas": "bytea[]",
    "Moments": "timestamptz[]",
}
WRITES = {
    "update_heads": saving._HEAD,
    "insert_wallets": saving._WALLET,
    "update_wallets": saving._WALLET,
    "write_signals": saving._SIGNAL,
    "insert_grants": saving._NEW_GRANT,
    "update_grants": saving._GRANT,
    "insert_holds": saving._NEW_HOLD,
    "update_holds": saving._HOLD,
    "insert_entries": saving._ENTRY,
    "insert_outcomes": saving._OUTCOME,
}
READS = (
    "lock_heads lock_free_heads which_exist clock wallets balances open_grants named_grants named_holds active_holds"
    " named_entries undone entries_by_key holds_by_key outcomes_by_key"
).split()
BY_ACCOUNT = {"accounts": "bigint[]", "ids": "bigint[]", "keys": "text[]"}
JOBS = {
    "lock_due_heads": {"most": "int", "tenant": "int"},
    "due_heads": {"tenant": "int"},
    "purge_outcomes": {},
}
PAGES = {
    name: {
        "account": "bigint", "before": "bigint", "low": "bigint", "high": "bigint", "seq": "bigint", "hold": "bigint",
        "limit": "bigint", "offset": "bigint", "kind": "text", "kinds": "text[]", "source": "text", "state": "text",
        "credit_type": "text", "from": "timestamptz", "to": "timestamptz", "at": "timestamptz", "now": "timestamptz",
        "moment": "timestamptz", "burned": "bigint[]", "ids": "bigint[]", "seqs": "bigint[]", "tenant": "int",
        "since": "timestamptz", "starts": "timestamptz[]",
    }
    for name in "head seq_from entries grants grants_at holds entries_of_hold reversals usage_total history"
    " history_total lapsed standing whole_used whole_sums".split()
}  # fmt: skip


def test_every_query_is_looked_at() -> None:
    assert set(QUERIES.names()) == {*WRITES, *READS, *JOBS, *PAGES}


async def fill(ledger: Ledger) -> None:
    """A few thousand accounts with rows in every table, as many of them due as will be one day."""
    for statement in (
        """insert into account_head (account_id, tenant_id, number, uuid, seq, hold_seq, next_due_at)
           select n, 1, n, gen_random_uuid(), 5, 2, now() + n * interval '1 hour' from generate_series(1, 4000) n""",
        "insert into wallet (account_id, credit_type, posted, updated_at)"
        " select n, 'credits', 10, now() from generate_series(1, 4000) n",
        """insert into entry (account_id, seq, credit_type, kind, amount, posted_after, held_after, available_after,
                              contra, splits, hold, reverses, op_key, actor, effective_at)
           select n, s, 'credits', 'debit', -1, 5, 0, 5, 'usage', '[]', s, s, 's:' || s, 'x', now()
           from generate_series(1, 4000) n, generate_series(1, 5) s""",
        """insert into credit_grant (account_id, id, credit_type, source, amount, remaining, closed, created_at)
           select n, s, 'credits', 'bonus', 5, 1, s < 3, now()
           from generate_series(1, 4000) n, generate_series(1, 3) s""",
        """insert into hold (account_id, id, credit_type, amount, state, expires_at, on_expiry, splits, opened,
                             op_key, actor, created_at)
           select n, s, 'credits', 5, case s when 1 then 'active' else 'released' end, now(), 'release', '[]', '{}',
                  'c:' || s, 'x', now()
           from generate_series(1, 4000) n, generate_series(1, 2) s""",
        """insert into outcome (account_id, op_key, request_hash, kind, declined, answer, expires_at)
           select n, 'c:o', '', 'decline', true, '{}', now() + n * interval '1 hour' from generate_series(1, 4000) n""",
        "analyze",
    ):
        await ledger.sql(statement)


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes(part)


async def explain(
    conn: psycopg.AsyncConnection[Any], name: str, types: dict[str, str]
) -> list[dict[str, Any]]:
    """The nodes of the generic plan of a named query."""
    used = list(dict.fromkeys(re.findall(r"%\((\w+)\)s", getattr(QUERIES, name))))
    text = getattr(QUERIES, name).replace("%%", "%")
    for number, param in enumerate(used, 1):
        text = text.replace(f"%({param})s", f"${number}")
    declared = f"({', '.join(types[param] for param in used)})" if used else ""
    await conn.execute(f"prepare asked {declared} as {text}".encode())
    given = f"({', '.join('null' for _ in used)})" if used else ""
    cursor = await conn.execute(f"explain (format json) execute asked {given}".encode())
    row = await cursor.fetchone()
    await conn.execute(b"deallocate asked")
    assert row is not None
    plans = row[0] if isinstance(row[0], list) else json.loads(row[0])
    return list(nodes(plans[0]["Plan"]))


def check(name: str, found: list[dict[str, Any]]) -> None:
    kinds = [node["Node Type"] for node in found]
    assert not {"Seq Scan", "Hash Join", "Merge Join", "Materialize"} & set(kinds), (name, kinds)
    for node in found:
        # an index that holds only the few tenants whose clock is ahead is read whole
        if "Index" in node["Node Type"] and node.get("Index Name") != "tenant_ahead":
            assert "Index Cond" in node, (name, node)


async def test_no_query_of_the_lanes_scans(ledger: Ledger) -> None:
    await fill(ledger)
    ledger.altered = True
    conn = await ledger.db.dedicated()
    try:
        for name in READS:
            check(name, await explain(conn, name, BY_ACCOUNT))
        for name, columns in WRITES.items():
            types = {column: TYPES[type(pack([])).__name__] for column, pack in columns.items()}
            check(name, await explain(conn, name, {"account": "bigint[]", **types}))
    finally:
        await conn.close()


async def test_no_page_and_no_job_scans(ledger: Ledger) -> None:
    """On the pool's sessions, which plan freely: by index, and what is not due is not looked at."""
    await fill(ledger)
    ledger.altered = True
    async with ledger.db.connection() as conn:
        for name, types in (JOBS | PAGES).items():
            found = await explain(conn, name, types)
            if name == "purge_outcomes":
                # what is deleted of a small table may be found by any join, what is due by the index alone
                assert any(node.get("Index Name") == "outcome_expiry" for node in found), found
                found = [node for node in found if node.get("Index Name") == "outcome_expiry"]
            for node in found:
                if name == "lock_due_heads" and node.get("Relation Name") in ("tenant", "pg_database"):
                    continue  # each tenant is asked, by its own time
                assert node["Node Type"] != "Seq Scan", (name, found)
                if "Index" in node["Node Type"]:
                    assert "Index Cond" in node, (name, node)


async def test_debits_and_holds_stay_hot(ledger: Ledger) -> None:
    accounts = await ledger.accounts(20, 1_000_000)
    async with another(ledger.url) as db, running(db) as lanes:
        for n in range(300):
            account = accounts[n % 20]
            await ledger.do(command.Debit(account=account, credit_type="credits", amount=7), lanes=lanes)
            if n % 3 == 0:
                hold = command.Hold(account=account, credit_type="credits", amount=9, expires_in=600)
                number = (await ledger.do(hold, lanes=lanes)).facts["hold"]
                capture = command.Capture(account=account, hold=number, amount=4, final=True)
                await ledger.do(capture, lanes=lanes)
    # a session tells the statistics when it ends
    for _ in range(50):
        rows = await ledger.sql(
            "select relname, n_tup_upd, n_tup_hot_upd from pg_stat_user_tables"
            " where relname in ('wallet', 'account_head', 'credit_grant')"
        )
        if all(updates >= 480 for _, updates, _ in rows):
            break
        await ledger.sql("select pg_sleep(0.1)")
    for table, updates, hot in rows:
        assert updates >= 480, rows
        if table != "account_head":
            assert hot == updates, rows
    # a head's next_due_at is indexed and a hold moves it, at most once each
    [(updates, hot)] = [(updates, hot) for table, updates, hot in rows if table == "account_head"]
    assert updates - hot <= 20, rows


async def test_debits_of_heads_stay_hot(ledger: Ledger) -> None:
    accounts = await ledger.accounts(20, 1_000_000)
    async with another(ledger.url) as db, running(db) as lanes:
        for n in range(300):
            await ledger.do(
                command.Debit(account=accounts[n % 20], credit_type="credits", amount=7), lanes=lanes
            )
    rows: list[tuple[Any, ...]] = []
    for _ in range(50):
        rows = await ledger.sql(
            "select n_tup_upd, n_tup_hot_upd from pg_stat_user_tables"
            " where relname in ('wallet', 'account_head', 'credit_grant')"
        )
        if all(updates >= 300 for updates, _ in rows):
            break
        await ledger.sql("select pg_sleep(0.1)")
    assert all(updates >= 300 and hot == updates for updates, hot in rows), rows
