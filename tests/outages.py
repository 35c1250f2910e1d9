"""Real faults of a test's own database: it is away, or a table is missing that every code expects."""

import asyncio
import contextlib
from collections.abc import Iterator

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from tallystick.db.pool import Database
from tallystick.kernel.errors import Unavailable


@contextlib.contextmanager
def database_away(url: str) -> Iterator[None]:
    """Nobody is connected to the database, and nobody gets in."""
    name = str(conninfo_to_dict(url)["dbname"])
    allow = sql.SQL("alter database {} allow_connections {}")
    with psycopg.connect(url, dbname="postgres", autocommit=True) as conn:
        conn.execute(allow.format(sql.Identifier(name), sql.Literal(False)))
        conn.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name])
        try:
            yield
        finally:
            conn.execute(allow.format(sql.Identifier(name), sql.Literal(True)))


async def reached(db: Database) -> None:
    """Wait until the pool has found its database again."""
    for _ in range(200):
        with contextlib.suppress(Unavailable):
            async with db.connection():
                return
        await asyncio.sleep(0.05)
    raise AssertionError("the database was not found again")


@contextlib.contextmanager
def table_away(url: str, name: str) -> Iterator[None]:
    """A table is missing, as if a migration were: a fault of ours that no code foresees."""
    rename = sql.SQL("alter table {} rename to {}")
    here, away = sql.Identifier(name), sql.Identifier(name + "_away")
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(rename.format(here, away))
        try:
            yield
        finally:
            conn.execute(rename.format(away, here))
