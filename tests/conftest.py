"""A real PostgreSQL for the tests, and in it a fresh, migrated database for each test that asks for one.

TALLYSTICK_TEST_DATABASE_URL names a server (its URL must allow to create databases); else one is started in a
temporary folder for the run.
"""

import contextlib
import itertools
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from hypothesis import settings
from psycopg import sql
from psycopg.conninfo import make_conninfo

from tallystick.db.embedded import acquire
from tallystick.db.migrate import migrate
from tallystick.db.pool import Database

# What helpers assert is explained too, not only what tests do.
pytest.register_assert_rewrite("tests.contract", "tests.db")

# The short forms take the same histories every time; the long ones (`make soak`) search anew.
settings.register_profile("short", derandomize=True, deadline=None, database=None)
settings.load_profile("short")

_MEMORY = Path("/dev/shm")
_ROOM = 3 * 2**30
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@dataclass(frozen=True)
class Server:
    """A PostgreSQL where databases may be made, and how it copies one fastest."""

    url: str
    strategy: str = "wal_log"


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    given = os.environ.get("TALLYSTICK_TEST_DATABASE_URL")
    if given:
        yield Server(given)
        return
    # nothing here outlives the run: in memory a database is made in a 25th of the time
    in_memory = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _ROOM
    folder = Path(tempfile.mkdtemp(prefix="tallystick-tests-", dir=_MEMORY if in_memory else None))
    folder.chmod(0o711)  # when we are root, PostgreSQL runs as another user and must pass through
    try:
        with acquire(folder / "data") as lease:
            yield Server(lease.url, "file_copy" if in_memory else "wal_log")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def server_url(server: Server) -> str:
    return server.url


@pytest.fixture(scope="session")
def template(server_url: str) -> Iterator[str]:
    """The name of a migrated database without rows, copied for each test."""
    name = f"tallystick_template_{os.getpid()}"
    _admin(server_url, f"create database {name} template template0 encoding 'UTF8' locale 'C'")
    try:
        migrate(make_conninfo(server_url, dbname=name))
        yield name
    finally:
        _admin(server_url, f"drop database {name} with (force)")


@contextlib.contextmanager
def new_database(server: Server, template: str) -> Iterator[str]:
    """The URL of a database that goes with the context."""
    name = f"tallystick_test_{os.getpid()}_{next(_numbers)}"
    _admin(server.url, f"create database {name} template {template} strategy {server.strategy}")
    try:
        yield make_conninfo(server.url, dbname=name)
    finally:
        _admin(server.url, f"drop database {name} with (force)")


@pytest.fixture
def db_url(server: Server, template: str) -> Iterator[str]:
    """The URL of a database of the test's own."""
    with new_database(server, template) as url:
        yield url


@pytest.fixture
async def db(db_url: str) -> AsyncIterator[Database]:
    """The test's database, open."""
    database = Database(db_url)
    await database.open()
    try:
        yield database
    finally:
        await database.close()


def _admin(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(sql.SQL(statement))  # the names in it are made here
