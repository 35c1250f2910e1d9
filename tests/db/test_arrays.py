"""Packed arrays: what goes in comes back from PostgreSQL the same."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tallystick.db import arrays
from tallystick.db.pool import Database, Tx, value

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(30)]

MOST, LEAST = 2**63 - 1, -(2**63)
NOW = datetime(2026, 11, 21, 10, 0, 0, 123456, tzinfo=UTC)
CASES: dict[str, tuple[Any, str, list[list[Any]]]] = {
    "int8s": (arrays.int8s, "bigint[]", [[], [0], [MOST, LEAST, -1, 0, 1, 2**53]]),
    "int8s_or_null": (
        arrays.int8s_or_null,
        "bigint[]",
        [[], [None], [None, None], [MOST, None, LEAST], [1, 2]],
    ),
    "int4s_or_null": (
        arrays.int4s_or_null,
        "int[]",
        [[], [None], [None, None], [2**31 - 1, None, -(2**31)], [1, 2]],
    ),
    "uuids_or_null": (
        arrays.uuids_or_null,
        "uuid[]",
        [[], [None], [UUID(int=0), None, UUID(int=2**128 - 1)], [UUID(int=7)]],
    ),
    "bools": (arrays.bools, "boolean[]", [[], [True], [False], [True, False, True]]),
    "texts": (
        arrays.texts,
        "text[]",
        [
            [],
            [None],
            [None, None],
            ["", None, "NULL", "null", '"', "{a,b}", "\\", "ünïcode 🙂\n\t"],
            ["x" * 100_000],
        ],
    ),
    "byteas": (arrays.byteas, "bytea[]", [[], [None], [b"", None, b"\x00\xff", bytes(range(256))]]),
    "moments": (
        arrays.moments,
        "timestamptz[]",
        [
            [],
            [None],
            [None, None],
            [NOW, NOW, None, NOW, NOW + timedelta(microseconds=1)],
            [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)],
            [datetime(1999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), datetime(2000, 1, 1, tzinfo=UTC)],
        ],
    ),
}


@pytest.mark.parametrize("kind", CASES)
async def test_round_trip(db: Database, kind: str) -> None:
    pack, sql_type, lists = CASES[kind]
    async with db.connection() as conn:
        for values in lists:
            assert await value(conn, "select %s", [pack(values)]) == values
            assert await value(conn, f"select %s::{sql_type}", [pack(values)]) == values
            rows = await (await conn.execute(b"select * from unnest(%s)", [pack(values)])).fetchall()
            assert [row[0] for row in rows] == values
            assert await value(conn, "select cardinality(%s)", [pack(values)]) == len(values)


async def test_uuids(db: Database) -> None:
    for some in ([], [uuid4()], [UUID(int=0), UUID(int=2**128 - 1)]):
        async with db.connection() as conn:
            assert await value(conn, "select %s", [arrays.uuids([one.bytes for one in some])]) == some


async def test_json_that_is_encoded_already(db: Database) -> None:
    async with db.connection() as conn:
        cursor = await conn.execute(
            b"select x::json, x::jsonb from unnest(%s) x",
            [arrays.json_texts([b'{"b": 1, "a": [1.5, null]}', None, b"[]"])],
        )
        assert await cursor.fetchall() == [({"b": 1, "a": [1.5, None]},) * 2, (None, None), ([], [])]


async def test_another_offset_is_the_same_moment(db: Database) -> None:
    there = NOW.astimezone(timezone(timedelta(hours=5, minutes=30)))
    async with db.connection() as conn:
        assert await value(conn, "select %s", [arrays.moments([there, NOW])]) == [NOW, NOW]


@pytest.mark.parametrize(
    ("pack", "bad"),
    [
        (arrays.int8s, 2**63),
        (arrays.int8s_or_null, -(2**63) - 1),
        (arrays.int4s_or_null, 2**31),
        (arrays.texts, "\ud800"),
        (arrays.moments, datetime(2026, 1, 1)),  # noqa: DTZ001
    ],
)
def test_what_does_not_fit_is_refused_before_it_is_sent(pack: Any, bad: Any) -> None:
    with pytest.raises(Exception):  # noqa: B017
        pack([bad])


async def test_postgresql_refuses_a_nul(db: Database) -> None:
    async with db.connection() as conn:
        with pytest.raises(psycopg.errors.CharacterNotInRepertoire):
            await conn.execute(b"select %s", [arrays.texts(["a\x00b"])])


_moments = st.datetimes(timezones=st.just(UTC))
_mixed = {
    "int8s_or_null": st.integers(LEAST, MOST),
    "int4s_or_null": st.integers(-(2**31), 2**31 - 1),
    "texts": st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])),
    "byteas": st.binary(),
    "moments": _moments,
}


_lists = st.one_of(
    [st.tuples(st.just(kind), st.lists(st.none() | one, max_size=20)) for kind, one in _mixed.items()]
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(drawn=_lists)
async def test_any_list(db: Database, drawn: tuple[str, list[Any]]) -> None:
    kind, values = drawn
    async with db.connection() as conn:
        assert await echo(conn, CASES[kind][0](values)) == values


async def echo(conn: Tx, packed: arrays.Packed) -> Any:
    cursor = conn.cursor(binary=True)
    await cursor.execute(b"select %s", [packed])
    row = await cursor.fetchone()
    assert row is not None
    return row[0]
