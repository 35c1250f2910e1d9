"""Migrations: once each, whoever else starts at the same time, and never onto a newer schema."""

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from tallystick.db import migrate as module
from tallystick.db.migrate import DatabaseTooOld, SchemaTooNew, migrate, migrations

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def empty(server_url: str) -> Iterator[list[str]]:
    """The URLs of three databases without any schema."""
    names = [f"tallystick_empty_{secrets.token_hex(4)}" for _ in range(3)]
    with psycopg.connect(server_url, autocommit=True) as conn:
        for name in names:
            conn.execute(f"create database {name}".encode())
        yield [make_conninfo(server_url, dbname=name) for name in names]
        for name in names:
            conn.execute(f"drop database {name} with (force)".encode())


def applied(url: str) -> list[int]:
    with psycopg.connect(url) as conn:
        return [number for (number,) in conn.execute("select number from schema_migration order by 1")]


def test_numbers_are_consecutive_and_each_says_what_it_does() -> None:
    found = migrations()
    assert [number for number, _, _ in found] == list(range(1, len(found) + 1))
    for _, name, text in found:
        assert text.startswith("-- "), name


def test_twice(empty: list[str]) -> None:
    names = [name for _, name, _ in migrations()]
    assert migrate(empty[0]) == names
    assert migrate(empty[0]) == []
    assert applied(empty[0]) == list(range(1, len(names) + 1))


def test_many_at_once(empty: list[str]) -> None:
    """Of one database, and of three in one cluster, whose role is shared."""
    with ThreadPoolExecutor(12) as threads:
        results = list(threads.map(migrate, empty * 4))
    names = [name for _, name, _ in migrations()]
    assert sorted(results) == sorted([[]] * 9 + [names] * 3)
    for url in empty:
        assert applied(url) == list(range(1, len(names) + 1))


def test_a_newer_schema_is_left_alone(empty: list[str]) -> None:
    migrate(empty[0])
    with psycopg.connect(empty[0]) as conn:
        conn.execute("insert into schema_migration (number, name) values (9999, '9999_future.sql')")
    with pytest.raises(SchemaTooNew, match="newer"):
        migrate(empty[0])


def test_one_that_fails_leaves_nothing_and_can_be_tried_again(
    empty: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = migrations()
    last = len(found) + 1
    broken = (last, f"{last:04}_broken.sql", "create table halfway (n int); select 1/0;")
    monkeypatch.setattr(module, "migrations", lambda: [*found, broken])
    with pytest.raises(psycopg.errors.DivisionByZero):
        migrate(empty[0])
    assert applied(empty[0]) == [number for number, _, _ in found]
    mended = (last, broken[1], "create table halfway (n int)")
    monkeypatch.setattr(module, "migrations", lambda: [*found, mended])
    assert migrate(empty[0]) == [broken[1]]


def test_the_database_that_is_away_is_an_error() -> None:
    with pytest.raises(psycopg.OperationalError):
        migrate("host=127.0.0.1 port=1 dbname=nowhere connect_timeout=2")


def test_a_server_older_than_the_oldest_is_refused(server_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tallystick.db.migrate.OLDEST", 10**6)
    with pytest.raises(DatabaseTooOld):
        migrate(server_url)
