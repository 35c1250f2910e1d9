"""Whether anything changed: every table's content as a hash."""

from collections.abc import Iterator
from hashlib import sha256

import psycopg
from psycopg import sql

from tests.contract.served import House


def state(house: House) -> dict[str, str]:
    """Every table's content, but for what counts requests and when a key was used."""
    return {
        name: sha256("\n".join(rows).encode()).hexdigest()
        for name, rows in tables(house)
        if not name.startswith("request_") and name != "api_key"
    }


def tables(house: House) -> Iterator[tuple[str, list[str]]]:
    """Every table's name, and its rows as text."""
    with psycopg.connect(house.database_url) as conn:
        names = conn.execute(
            "select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace"
        ).fetchall()
        for (name,) in names:
            rows = conn.execute(sql.SQL("select t::text from {} t order by 1").format(sql.Identifier(name)))
            yield name, [text for (text,) in rows]
