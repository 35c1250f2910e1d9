"""Renewal night: many subscriptions of one tenant that fall due at once, done by the worker's own job.

One customer is made by the domain; the others are copies of its rows, with numbers of their own. Run alone with
``python -m bench.renewals 2000 10000``.
"""

import argparse
import asyncio
import contextlib
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import sql

from tallystick.db.embedded import acquire
from tallystick.db.pool import Database
from tallystick.domain.catalog import actions as catalog
from tallystick.domain.catalog.terms import Allowance, Component, Rollover, Terms
from tallystick.domain.catalog.views import rates_in_force
from tallystick.domain.identity import actions as identity
from tallystick.domain.invoicing import actions as invoicing
from tallystick.domain.metering import actions as metering
from tallystick.domain.subscriptions import actions as subscriptions
from tallystick.domain.subscriptions import jobs
from tallystick.kernel.credits import MICRO

from .seed import take_numbers

SIZES: Final = (10_000, 100_000)
BY: Final = "bench"

TERMS: Final = Terms(
    interval="monthly",
    currency="USD",
    components=(
        Component(key="base", kind="flat", amount=1999),
        Component(
            key="calls", kind="per_unit", meter="calls", unit_price=MICRO // 10, free_units=100 * MICRO
        ),
    ),
    allowances=(
        Allowance(
            credit_type="credits", amount=100 * MICRO, rollover=Rollover(mode="up_to", limit=30 * MICRO)
        ),
    ),
)
"""A hybrid plan: a renewal reads usage, issues an invoice, rolls credits over and grants new ones."""

# Every table with rows of a customer, in an order that its references allow.
_TABLES: Final = (
    "account", "account_head", "account_directory", "wallet", "credit_grant", "entry", "customer_credit",
    "subscription", "subscription_change", "allowance_period", "allowance_lot", "usage_billed",
)  # fmt: skip
_COLUMNS: Final = """
    select column_name, data_type from information_schema.columns
    where table_schema = 'public' and table_name = %s and is_generated = 'NEVER' and is_identity = 'NO'"""
# An id of the account's own ends with its number, in 12 hexadecimal digits.
_OWN: Final = "case when right({0}::text, 12) = {1} then (left({0}::text, 24) || c.hex)::uuid else {0} end"
_MONTH_LATER: Final = "update tenant set clock_ahead = clock_ahead + interval '32 days' where id = %s"


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.renewals", description=__doc__)
    parser.add_argument("sizes", nargs="*", type=int, default=[2000, 10_000])
    parser.add_argument("--renew", nargs=2, metavar=("URL", "TENANT"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.renew:
        url, tenant = arguments.renew
        print(json.dumps(asyncio.run(_renew(url, int(tenant)))))
    else:
        measure(arguments.sizes, lambda name, value: print(f"{name:34} {value:12,.2f}", flush=True))
    return 0


def measure(sizes: Any, put: Callable[[str, float], None]) -> None:
    """Renew each of these numbers of subscriptions, on a fresh database each; the last over the first is ``linear``."""
    rates = []
    for size in sizes:
        with database() as (url, tenant):
            start = time.monotonic()
            seed(url, tenant, size)
            print(f"seeded {size:,} subscriptions in {time.monotonic() - start:.0f} s", flush=True)
            done = subprocess.run(
                [sys.executable, "-m", "bench.renewals", "--renew", url, str(tenant)],
                check=True, capture_output=True, text=True,
            )  # fmt: skip
            said = json.loads(done.stdout)
            _check(url, tenant, size)
        rates.append(size / said["seconds"])
        put(f"renewals_per_s_{size}", rates[-1])
        put(f"renewals_rss_mb_{size}", said["rss_mb"])
    put("renewals_linear", rates[-1] / rates[0])


def seed(url: str, tenant: int, count: int) -> None:
    """``count`` active subscriptions, all to be renewed at one moment, which has come."""
    first = asyncio.run(_first(url, tenant))
    with psycopg.connect(url) as conn:
        number = take_numbers(conn, tenant, count - 1)
        conn.execute(
            "create temp table copies on commit drop as select nextval('account_id_seq') as account,"
            " %s + n - 1 as number, ''::text as hex from generate_series(1, %s) n",
            [number, count - 1],
        )
        conn.execute("update copies set hex = lpad(to_hex(account), 12, '0')")
        for table in _TABLES:
            copy_rows(conn, table, first)
        conn.execute(_MONTH_LATER, [tenant])
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("vacuum analyze")
        conn.execute("checkpoint")


async def _first(url: str, tenant: int) -> int:
    """The customer that the others are copied from."""
    db = Database(url)
    await db.open()
    try:
        async with db.tx() as tx:
            await metering.ensure_meter(tx, tenant, "calls", by=BY)
            plan = await catalog.create_plan(tx, tenant, name="Monthly", terms=TERMS, by=BY)
            account = (await identity.create_account(tx, tenant, name="One of many")).account_id
        async with db.tx() as tx:
            await invoicing.add_credit(tx, tenant, account, "USD", 1_000_000, reason="Paid before", by=BY)
        async with db.tx() as tx:
            await subscriptions.subscribe(tx, tenant, account, plan=plan.id, rates=rates_in_force, by=BY)
    finally:
        await db.close()
    return account


def copy_rows(conn: psycopg.Connection[Any], table: str, first: int) -> None:
    """Copy the table's rows of the account ``first`` for each row of the temporary table ``copies``: its internal
    ``account``, its ``number`` in the tenant, and ``hex``, the account in the 12 digits that end its ids."""
    own = sql.Literal(f"{first:012x}")
    names: list[sql.Composable] = []
    values: list[sql.Composable] = []
    for name, kind in conn.execute(_COLUMNS, [table]).fetchall():
        column = sql.Identifier("t", name)
        names.append(sql.Identifier(name))
        if name == "account_id":
            values.append(sql.SQL("c.account"))
        elif name == "number":
            values.append(sql.SQL("c.number"))
        elif kind == "uuid":
            values.append(sql.SQL(_OWN).format(column, own))
        else:
            values.append(column)
    copied = sql.SQL("insert into {} ({}) select {} from {} t, copies c where t.account_id = {}").format(
        sql.Identifier(table),
        sql.SQL(", ").join(names),
        sql.SQL(", ").join(values),
        sql.Identifier(table),
        sql.Literal(first),
    )
    conn.execute(copied)


async def _renew(url: str, tenant: int) -> dict[str, float]:
    """What the worker does, until nothing is due: seconds, and the most memory it took."""
    db = Database(url, size=4)
    await db.open()
    start = time.monotonic()
    while await jobs.run_due(db, rates_in_force, tenant=tenant, at_once=jobs.AT_ONCE, in_order=True):
        pass
    seconds = time.monotonic() - start
    await db.close()
    return {"seconds": seconds, "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3}


def _check(url: str, tenant: int, count: int) -> None:
    """Each was renewed once."""
    with psycopg.connect(url) as conn:
        row = conn.execute(
            "select count(*), count(distinct account_id) from invoice where tenant_id = %s and reason = 'cycle'",
            [tenant],
        ).fetchone()
    assert row == (count, count), row


@contextlib.contextmanager
def database() -> Iterator[tuple[str, int]]:
    """A fresh database without a server or worker, and its test tenant."""
    folder = Path(tempfile.mkdtemp(prefix="tallystick-bench-"))
    try:
        data = folder / "data"
        subprocess.run(
            [sys.executable, "-m", "tallystick", "init", "--data", str(data), "--json"],
            check=True,
            capture_output=True,
        )
        with acquire(data) as lease:
            with psycopg.connect(lease.url) as conn:
                row = conn.execute("select id from tenant where mode = 'test'").fetchone()
            assert row is not None
            yield lease.url, row[0]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
