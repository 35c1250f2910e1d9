"""kill -9 of workers while a thousand subscriptions fall due: each is renewed once, invoiced once, without a gap."""

import asyncio
import contextlib
import random
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, LiteralString

import psycopg
import pytest

from tallystick.db.pool import Database
from tallystick.domain.catalog import actions as catalog
from tallystick.domain.catalog.terms import Allowance, Component, Rollover, Terms
from tallystick.domain.catalog.views import rates_in_force
from tallystick.domain.identity import actions as identity
from tallystick.domain.invoicing import actions as invoicing
from tallystick.domain.subscriptions import actions as subscriptions
from tallystick.kernel.credits import MICRO
from tests.e2e.running import TALLYSTICK, Home, within

MONTHLY: Final = Terms(
    interval="monthly",
    currency="USD",
    components=(Component(key="base", kind="flat", amount=1999),),
    allowances=(
        Allowance(
            credit_type="credits", amount=100 * MICRO, rollover=Rollover(mode="up_to", limit=30 * MICRO)
        ),
    ),
)
MONEY: Final = 1_000_000
WORKERS: Final = 3
PATIENCE: Final = 60.0

_TENANT: Final = "select id from tenant where mode = 'test' order by id limit 1"
_MONTH_LATER: Final = """
    update tenant set clock_ahead = clock_ahead + interval '32 days' where mode = 'test'"""
_DUE: Final = """
    select count(*) from subscription s join tenant t on t.id = s.tenant_id
    where s.due_at <= clock_timestamp() + t.clock_ahead"""
_AT_WORK: Final = """
    select count(*) from pg_locks l join pg_class c on c.oid = l.relation
    where c.relname = 'subscription' and l.mode = 'RowExclusiveLock' and l.pid <> pg_backend_pid()"""

# What must not be there, or not so often.
_WRONG: Final[dict[str, LiteralString]] = {
    "invoices": """
        select s.id, count(i.id), count(distinct i.period_start) from subscription s
        left join invoice i on i.account_id = s.account_id and i.subscription_id = s.id
        group by s.id
        having count(i.id) <> %(months)s + 1 or count(distinct i.period_start) <> %(months)s + 1
            or bool_or(i.status <> 'paid') or bool_or(i.total <> 1999)""",
    "periods": """
        select s.id, s.period_start, max(i.period_start) from subscription s
        join invoice i on i.account_id = s.account_id and i.subscription_id = s.id
        group by s.account_id, s.id having s.period_start <> max(i.period_start) or s.status <> 'active'""",
    "renewed": """
        select account_id, count(*) from subscription_change where kind = 'renewed'
        group by account_id having count(*) <> %(months)s""",
    "numbers": """
        select scope, count(*), min(seq), max(seq) from invoice
        group by scope having count(*) <> max(seq) or min(seq) <> 1""",
    "all of them": """
        select count(*), count(number) from invoice
        having count(number) <> %(count)s * (%(months)s + 1) or count(*) <> count(number)""",
    "allowances": """
        select account_id, count(*), sum(amount) from entry where kind = 'grant'
        group by account_id
        having count(*) filter (where amount = 100000000) <> %(months)s + 1
            or count(*) filter (where amount = 30000000) <> %(months)s
            or count(*) <> 2 * %(months)s + 1""",
    "balances": """
        select account_id, posted from wallet
        where posted <> 100000000 + case when %(months)s > 0 then 30000000 else 0 end""",
}


async def furnish(url: str, tenant: int, count: int) -> None:
    """So many customers on one plan, who have paid enough for many months."""
    db = Database(url)
    await db.open()
    try:
        async with db.tx() as tx:
            plan = await catalog.create_plan(tx, tenant, name="Monthly", terms=MONTHLY, by="test")
        for first in range(0, count, 50):
            async with db.tx() as tx:
                for n in range(first, min(first + 50, count)):
                    made = await identity.create_account(tx, tenant, name=f"Customer {n}")
                    account = made.account_id
                    await invoicing.add_credit(
                        tx, tenant, account, "USD", MONEY, reason="Paid before", by="test"
                    )
                    await subscriptions.subscribe(
                        tx, tenant, account, plan=plan.id, rates=rates_in_force, by="test"
                    )
    finally:
        await db.close()


class Night:
    """Workers on a database, and who kills them."""

    def __init__(self, home: Home, seed: int, conn: psycopg.Connection[Any]) -> None:
        self.dice = random.Random(f"{seed} night")
        self.months = 0
        """How many nights it took."""
        self._home = home
        self._conn = conn
        self._workers: list[subprocess.Popen[bytes]] = []

    @contextlib.contextmanager
    def workers(self) -> Iterator[None]:
        """Several at once, for as long as the block lasts; they are then asked to stop."""
        try:
            self._fill()
            yield
        finally:
            for worker in self._workers:
                worker.terminate()
            for worker in self._workers:
                worker.wait(30)
            self._workers.clear()

    def kill(self) -> None:
        """Wait until somebody is at work on what is due, kill one of the workers or all, and start others."""
        if self.is_over():
            self._conn.execute(_MONTH_LATER)
            self.months += 1
        assert within(PATIENCE, lambda: self._one(_AT_WORK)), "nobody works"
        time.sleep(self.dice.uniform(0, 0.03))  # at any point of the transaction, not only at its first lock
        doomed = self._workers if self.dice.random() < 0.25 else [self.dice.choice(self._workers)]
        for worker in list(doomed):
            worker.kill()
            worker.wait(10)
            self._workers.remove(worker)
        self._fill()

    def is_over(self) -> bool:
        return not self._one(_DUE)

    def _one(self, query: LiteralString) -> Any:
        row = self._conn.execute(query).fetchone()
        assert row is not None
        return row[0]

    def _fill(self) -> None:
        for _ in range(WORKERS - len(self._workers)):
            self._workers.append(
                subprocess.Popen(
                    [TALLYSTICK, "worker", *self._home.place],
                    env=self._home.environment,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    process_group=0,
                )
            )


def run(home: Home, seed: int, *, count: int, kills: int) -> None:
    assert home.url is not None
    home.json("init", "--json")
    with psycopg.connect(home.url, autocommit=True) as conn:
        [tenant] = conn.execute(_TENANT).fetchone() or [0]
        asyncio.run(furnish(home.url, tenant, count))
        night = Night(home, seed, conn)
        with night.workers():
            for _ in range(kills):
                night.kill()
            assert within(PATIENCE, night.is_over), "it ends"
        print(f"seed {seed}: {kills} kills in {night.months} nights of {count}")  # noqa: T201 - figures for who runs it with -s
        prove(conn, count, night.months)
    report = home.json("verify", "--json")
    assert report["ok"], report["faults"]


def prove(conn: psycopg.Connection[Any], count: int, months: int) -> None:
    """Each month once, for each of them: period, invoice, number, allowance."""
    for name, query in _WRONG.items():
        wrong = conn.execute(query, {"count": count, "months": months}).fetchall()
        assert wrong == [], f"{name}: {wrong[:10]}"


@pytest.mark.timeout(120)
def test_a_short_night(db_url: str, tmp_path: Path, seed: int) -> None:
    home = Home(tmp_path / "d", url=db_url)
    try:
        run(home, seed, count=300, kills=5)
    finally:
        home.close()


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_thousand_renewals_and_twenty_kills(db_url: str, tmp_path: Path, seed: int) -> None:
    home = Home(tmp_path / "d", url=db_url)
    try:
        run(home, seed, count=1000, kills=20)
    finally:
        home.close()
