"""What most products write first: one transaction for each debit, the wallet's row locked meanwhile.

32 clients on one wallet of the same PostgreSQL; each debit is durable before it counts.
"""

import asyncio
import time

import psycopg
import uvloop

CLIENTS = 32

_SCHEMA = """
create schema if not exists naive;
create table if not exists naive.wallet (id int primary key, posted bigint not null);
create table if not exists naive.entry (
    id bigint generated always as identity primary key, wallet int not null, amount bigint not null,
    posted_after bigint not null, key text unique, at timestamptz not null default now());
insert into naive.wallet values (1, 1000000000000) on conflict do nothing;
"""


def debits_per_s(url: str, seconds: float) -> float:
    """Durable debits a second with one transaction each."""
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(_SCHEMA)
    rate = uvloop.run(_run(url, seconds))
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("drop schema naive cascade")
    return rate


async def _run(url: str, seconds: float) -> float:
    connections = [await psycopg.AsyncConnection.connect(url) for _ in range(CLIENTS)]
    start = time.perf_counter()
    counts = await asyncio.gather(*(_client(n, conn, start + seconds) for n, conn in enumerate(connections)))
    elapsed = time.perf_counter() - start
    for conn in connections:
        await conn.close()
    return sum(counts) / elapsed


async def _client(n: int, conn: psycopg.AsyncConnection[tuple[int, ...]], until: float) -> int:
    done = 0
    while time.perf_counter() < until:
        async with conn.transaction():
            cursor = await conn.execute("select posted from naive.wallet where id = 1 for update")
            row = await cursor.fetchone()
            assert row is not None
            assert row[0] >= 1000
            async with conn.pipeline():
                await conn.execute("update naive.wallet set posted = posted - 1000 where id = 1")
                await conn.execute(
                    "insert into naive.entry (wallet, amount, posted_after, key) values (1, -1000, %s, %s)",
                    [row[0] - 1000, f"{n}-{done}"],
                )
        done += 1
    return done
