"""Numbered SQL migrations, each in its own transaction, under one advisory lock."""

import re
from importlib.resources import files
from typing import Final

import psycopg

_LOCK: Final = 7_258_134_905_220_417  # arbitrary, ours alone
OLDEST: Final = 150000
_NAME: Final = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")

_LEDGER_OF_MIGRATIONS: Final = """
create table if not exists schema_migration (
    number     int primary key,
    name       text not null,
    applied_at timestamptz not null default now()
)"""


class DatabaseTooOld(ValueError):
    """The server is older than PostgreSQL 15, which is the oldest that is supported."""


class SchemaTooNew(Exception):
    """The database was migrated by a newer version of Tallystick than this one."""


def migrations() -> list[tuple[int, str, str]]:
    """Number, name and text of every migration that ships with this version, in order."""
    found = []
    for file in files("tallystick.db").joinpath("migrations").iterdir():
        match = _NAME.fullmatch(file.name)
        if match:
            found.append((int(match[1]), file.name, file.read_text(encoding="utf-8")))
    return sorted(found)


def migrate(url: str) -> list[str]:
    """Bring the database at ``url`` to this version; give the names of what was applied.

    Safe to call from many processes at once: they wait for an advisory lock and find the work done.
    Raises SchemaTooNew rather than serve a schema that this version does not know, and DatabaseTooOld.
    """
    applied = []
    with psycopg.connect(url, autocommit=True) as conn:
        if conn.info.server_version < OLDEST:
            raise DatabaseTooOld("the database is older than PostgreSQL 15")
        conn.execute("select pg_advisory_lock(%s)", [_LOCK])
        try:
            conn.execute(_LEDGER_OF_MIGRATIONS)
            rows = conn.execute("select number from schema_migration").fetchall()
            done = {number for (number,) in rows}
            known = migrations()
            if done - {number for number, _, _ in known}:
                raise SchemaTooNew("the database was migrated by a newer version of Tallystick")
            for number, name, text in known:
                if number in done:
                    continue
                with conn.transaction():
                    conn.execute(text.encode())
                    conn.execute(
                        "insert into schema_migration (number, name) values (%s, %s)", [number, name]
                    )
                applied.append(name)
        finally:
            conn.execute("select pg_advisory_unlock(%s)", [_LOCK])
    return applied
