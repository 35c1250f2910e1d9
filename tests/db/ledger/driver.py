"""A ledger on a real database, as the tests drive it; and a database clock that a test sets.

`install_clock` puts a function of its own before PostgreSQL's ``clock_timestamp`` in the database's search path,
so that product code runs unchanged at any moment the test likes.
"""

import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
import psycopg
from psycopg.conninfo import conninfo_to_dict

from tallystick.db.pool import Database, Tx
from tallystick.domain.identity import actions as identity
from tallystick.domain.ledger import commands as command
from tallystick.domain.ledger.actions import Result
from tallystick.domain.ledger.commands import AnyCommand, Order, order
from tallystick.domain.ledger.lanes import Lanes
from tallystick.domain.ledger.model import Answer, Entry, Moments, RateLine, fact_to_json
from tallystick.domain.ledger.port import Lines, Prices
from tallystick.domain.ledger.verify import Report, verify
from tallystick.kernel.errors import Conflict, Fact, InsufficientCredits

CREDITS = "credits"
RATES = {"render": RateLine(7, CREDITS, 3), "lookup": RateLine(7, "api_calls", 2_000_001)}


async def rates(conn: Tx, wanted: list[tuple[int, str]]) -> Prices:
    """One rate card for every tenant, at all times."""

    async def lines(now: Moments) -> Lines:
        return {(tenant, name): RATES[name] for tenant, name in wanted if name in RATES}

    return lines


class Ledger:
    """A tenant's ledger and one set of lanes."""

    def __init__(self, db: Database, url: str, superuser: Tx, tenant: int, lanes: Lanes) -> None:
        self.db = db
        self.url = url
        self.superuser = superuser
        self.tenant = tenant
        self.lanes = lanes
        self.altered = False
        """The test changed rows behind the ledger's back: `verify` is not asked at its end."""

    async def account(self, credits: int = 0) -> int:
        """A new account's number, with a first grant of so many microcredits."""
        async with self.db.tx() as tx:
            made = await identity.create_account(tx, self.tenant)
        if credits:
            await self.grant(made.account_id, credits)
        return made.account_id

    async def accounts(self, count: int, credits: int = 0) -> list[int]:
        return [await self.account(credits) for _ in range(count)]

    def order(self, asked: AnyCommand, key: str | None = None) -> Order:
        return order(asked, tenant=self.tenant, actor="key:test", key=key)

    async def do(self, asked: AnyCommand, key: str | None = None, lanes: Lanes | None = None) -> Answer:
        return await (lanes or self.lanes).submit(self.order(asked, key))

    async def ask(self, asked: AnyCommand, key: str | None = None, lanes: Lanes | None = None) -> Result:
        """Like `do`, and gives the fact that declined instead of raising it."""
        return await send(lanes or self.lanes, self.order(asked, key))

    async def grant(self, account: int, amount: int, key: str | None = None, **more: Any) -> Entry:
        more.setdefault("credit_type", CREDITS)
        return entry_of(await self.do(command.Grant(account=account, amount=amount, **more), key))

    async def debit(self, account: int, amount: int, key: str | None = None, **more: Any) -> Entry:
        return entry_of(await self.do(debit(account, amount, **more), key))

    async def hold(self, account: int, amount: int, expires_in: int = 3600, **more: Any) -> int:
        more.setdefault("credit_type", CREDITS)
        asked = command.Hold(account=account, amount=amount, expires_in=expires_in, **more)
        number = (await self.do(asked)).facts["hold"]
        assert isinstance(number, int)
        return number

    async def overdraft(self, account: int, limit: int) -> Answer:
        return await self.do(command.SetOverdraft(account=account, credit_type=CREDITS, overdraft=limit))

    async def wallet(self, account: int) -> tuple[int, int, int]:
        """Posted, held and owed of the wallet of credits, as they stand in its row."""
        rows = await self.sql(
            "select posted, held, owed from wallet where account_id = %s and credit_type = 'credits'", account
        )
        return rows[0] if rows else (0, 0, 0)

    async def sql(self, statement: str, *params: Any) -> list[tuple[Any, ...]]:
        """Run a statement as the superuser."""
        cursor = await self.superuser.execute(statement.encode(), params or None)
        return [] if cursor.description is None else await cursor.fetchall()

    async def verify(self) -> Report:
        """On connections of its own: those of the pool may be broken on purpose."""
        async with another(self.url) as db:
            return await verify(db)


@contextlib.asynccontextmanager
async def opened(url: str, *, lanes: int = 1) -> AsyncIterator[Ledger]:
    """A ledger with a new app on the database; what it leaves behind must verify."""
    async with another(url) as db, await psycopg.AsyncConnection.connect(url, autocommit=True) as superuser:
        async with db.tx() as tx:
            app = await identity.create_app(tx, "App")
        async with running(db, lanes=lanes) as made:
            ledger = Ledger(db, url, superuser, app.live, made)
            yield ledger
        if not ledger.altered:
            assert (await ledger.verify()).faults == []


@contextlib.asynccontextmanager
async def another(url: str) -> AsyncIterator[Database]:
    """A pool of its own on the database, as another process would have."""
    db = Database(url)
    await db.open()
    try:
        yield db
    finally:
        await db.close()


@contextlib.asynccontextmanager
async def running(db: Database, *, lanes: int = 1) -> AsyncIterator[Lanes]:
    """Lanes, as one more process would have them."""
    made = Lanes(db, rates, lanes=lanes)
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


async def send(lanes: Lanes, one: Order) -> Result:
    try:
        return await lanes.submit(one)
    except Fact as fact:
        return fact


def debit(account: int, amount: int, **more: Any) -> command.Debit:
    more.setdefault("credit_type", CREDITS)
    return command.Debit(account=account, amount=amount, **more)


def transfer(account: int, to: int, amount: int) -> command.Transfer:
    return command.Transfer(account=account, to=to, credit_type=CREDITS, amount=amount)


def entry_of(answer: Result) -> Entry:
    assert isinstance(answer, Answer), answer
    assert answer.entry is not None
    return answer.entry


def said(result: Result) -> bytes:
    """Everything that a client is told, to the byte; whether it is a replay stands in a header."""
    if isinstance(result, Answer):
        return msgspec.json.encode([result.kind, result.account, result.entry, result.facts])
    if isinstance(result, InsufficientCredits | Conflict):
        return msgspec.json.encode(fact_to_json(result))
    return msgspec.json.encode([result.code, str(result)])


def all_said(results: Sequence[Result]) -> list[bytes]:
    return [said(result) for result in results]


async def sql(url: str, statement: str, *params: Any) -> list[tuple[Any, ...]]:
    """Run one statement as the superuser, in a session of its own."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as conn:
        cursor = await conn.execute(statement.encode(), params or None)
        return [] if cursor.description is None else await cursor.fetchall()


_CLOCK = """
create schema test_clock;
create table test_clock.hand (moment timestamptz, shift interval not null);
insert into test_clock.hand values (null, '0');
create function test_clock.clock_timestamp() returns timestamptz language sql volatile as
    'select coalesce(moment, pg_catalog.clock_timestamp() + shift) from test_clock.hand';
grant usage on schema test_clock to tallystick_app;
grant select on test_clock.hand to tallystick_app;
-- an account's time never goes before its last moment: it begins by this clock too
alter table public.account_head alter column last_at set default test_clock.clock_timestamp();
"""


async def install_clock(url: str) -> None:
    """Put a clock of the test's own before PostgreSQL's, for the sessions that begin from now on."""
    name = conninfo_to_dict(url)["dbname"]
    await sql(url, _CLOCK)
    await sql(url, f"alter database {name} set search_path to test_clock, public, pg_catalog")


@dataclass(frozen=True, slots=True)
class DatabaseClock:
    """What ``clock_timestamp()`` says in one database: a moment that stands still, or real time and more."""

    ledger: Ledger

    async def stand(self, moment: datetime) -> None:
        await self.ledger.sql("update test_clock.hand set moment = %s", moment)

    async def shift(self, by: timedelta) -> None:
        """Let real time run, so much later."""
        await self.ledger.sql("update test_clock.hand set moment = null, shift = %s", by)
