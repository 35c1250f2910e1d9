"""Connections: a pool for everything that is not a lane, and lone connections for the lanes.

Every session works under the role ``tallystick_app``, which may add to the books and never rewrite them.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final, TypeVar

import msgspec
import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.pq import PipelineStatus, TransactionStatus
from psycopg.rows import class_row, tuple_row
from psycopg.types.json import set_json_loads
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from tallystick.kernel.errors import Busy, Unavailable

from . import arrays

__all__ = [
    "AWAY",
    "LOSABLE",
    "Asked",
    "Contended",
    "Database",
    "Lost",
    "Params",
    "Rejected",
    "TransactionStatus",
    "Tx",
    "all_rows",
    "ask",
    "classified",
    "in_transaction",
    "one_row",
    "pipelined",
    "run",
    "value",
]

T = TypeVar("T")
Tx = psycopg.AsyncConnection[Any]
"""A connection inside a transaction that its opener commits."""
Asked = psycopg.AsyncCursor[tuple[Any, ...]]
"""Rows that were asked for."""
Params = Mapping[str, Any] | Sequence[Any] | None

arrays.register(psycopg.adapters)
set_json_loads(msgspec.json.decode)

ROLE: Final = "tallystick_app"

# A lane's statements are few and always the same: plans that scan are never right for them.
LANE_SETTINGS: Final = {
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
    "plan_cache_mode": "force_generic_plan",
}


# For statistics, of which a crash may take the last second: their commit need not wait for the disk.
LOSABLE: Final = "set local synchronous_commit to off"


AWAY: Final = (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout)
"""The driver's errors that `Database.connection` tells as Unavailable: who goes on after an error lets them through."""


class Lost(Exception):
    """The database went away, has no room or takes no writes: whether the last commit happened is not known."""


class Contended(Exception):
    """A deadlock or a lock time-out: the transaction is gone, and may be tried again whole."""


class Rejected(Exception):
    """PostgreSQL refused the data: a value or a constraint."""


@contextlib.contextmanager
def classified() -> Any:
    """Turn the driver's errors into the three that a caller can act on."""
    try:
        yield
    except (psycopg.errors.DeadlockDetected, psycopg.errors.LockNotAvailable) as error:
        raise Contended(str(error)) from error
    except psycopg.errors.SerializationFailure as error:
        raise Contended(str(error)) from error
    except (psycopg.DataError, psycopg.IntegrityError) as error:
        raise Rejected(str(error)) from error
    except (psycopg.Error, OSError) as error:
        raise Lost(str(error)) from error


def in_transaction(conn: Tx) -> bool:
    """Whether a transaction is open, as far as is known: in a pipeline the server has not said yet."""
    status = conn.pgconn.pipeline_status
    return status == PipelineStatus.ON or conn.info.transaction_status != TransactionStatus.IDLE


@contextlib.asynccontextmanager
async def pipelined(conn: Tx) -> AsyncIterator[None]:
    """Have statements sent without waiting for each: in the caller's pipeline, if there is one, else in one of its own.

    Leaving a pipeline of its own waits for all that was sent; in the caller's nothing is waited for.
    """
    if conn.pgconn.pipeline_status == PipelineStatus.ON:
        yield
    else:
        async with conn.pipeline():
            yield


class Database:
    """The way to one PostgreSQL. Open before use, close at the end."""

    def __init__(self, url: str, *, size: int = 8) -> None:
        self.url = make_conninfo(url, application_name="tallystick", connect_timeout=5)
        self._role: str | None = None
        self._checking: asyncio.Task[None] | None = None
        self._pool = AsyncConnectionPool(
            self.url,
            min_size=1,
            max_size=size,
            timeout=2,
            reconnect_timeout=0.5,
            open=False,
            configure=self._configure,
            kwargs={"autocommit": True},
        )

    async def open(self) -> None:
        """Raises Unavailable when the database does not answer."""
        try:
            async with await psycopg.AsyncConnection.connect(self.url, autocommit=True) as conn:
                row = await (
                    await conn.execute(
                        "select 1 from pg_roles where rolname = %s and pg_has_role(oid, 'member')", [ROLE]
                    )
                ).fetchone()
                self._role = ROLE if row else None
            await self._pool.open(wait=True, timeout=10)
        except (psycopg.OperationalError, PoolTimeout) as error:
            raise Unavailable(f"the database does not answer: {error}") from error

    async def close(self) -> None:
        if self._checking is not None:
            await self._checking
        await self._pool.close()

    async def _configure(self, conn: Tx) -> None:
        if self._role is not None:
            await conn.execute(f"set role {self._role}".encode())
        await conn.execute("set timezone to 'UTC'")

    @contextlib.asynccontextmanager
    async def connection(self) -> AsyncIterator[Tx]:
        """A connection for reads, each statement its own transaction. Raises Unavailable."""
        try:
            async with self._pool.connection() as conn:
                yield conn
        except AWAY as error:
            self._check_soon()
            raise _unavailable(error) from error

    @contextlib.asynccontextmanager
    async def tx(self) -> AsyncIterator[Tx]:
        """A transaction, committed at the end and rolled back on an error. Raises Unavailable, Busy."""
        async with self.connection() as conn, conn.transaction():
            yield conn

    async def dedicated(self, **settings: str) -> Tx:
        """A connection of one's own, set up as a lane needs it, and with these settings besides. Raises Lost."""
        with classified():
            conn = await psycopg.AsyncConnection.connect(self.url, autocommit=True)
            await self._configure(conn)
            for name, value in (LANE_SETTINGS | settings).items():
                await conn.execute(f"set {name} to {value}".encode())
            conn.prepare_threshold = 0
            conn.prepared_max = 200
            return conn

    def _check_soon(self) -> None:
        """Have the pool look over its connections, so that one outage costs each caller at most one error."""
        if self._checking is None or self._checking.done():
            self._checking = asyncio.create_task(self._check())

    async def _check(self) -> None:
        with contextlib.suppress(psycopg.Error, PoolTimeout):
            await self._pool.check()


def _unavailable(error: Exception) -> Unavailable:
    if isinstance(error, psycopg.errors.LockNotAvailable | psycopg.errors.DeadlockDetected):
        return Busy("The account is busy; nothing was changed.")
    return Unavailable("The database is not available; nothing was changed.")


async def ask(conn: Tx, query: str, params: Params = None, *, prepare: bool | None = None) -> Asked:
    """Send a statement whose rows come packed, as tuples; in a pipeline `fetchall` of what is given waits for them."""
    cursor = conn.cursor(binary=True, row_factory=tuple_row)
    await cursor.execute(query.encode(), params, prepare=prepare)
    return cursor


async def all_rows(conn: Tx, kind: type[T], query: str, params: Params = None) -> list[T]:
    """Every row as a ``kind``, whose fields are the columns' names."""
    async with conn.cursor(row_factory=class_row(kind)) as cursor:
        await cursor.execute(query.encode(), params)
        return await cursor.fetchall()


async def one_row(conn: Tx, kind: type[T], query: str, params: Params = None) -> T | None:
    """The first row as a ``kind``, or None."""
    async with conn.cursor(row_factory=class_row(kind)) as cursor:
        await cursor.execute(query.encode(), params)
        return await cursor.fetchone()


async def value(conn: Tx, query: str, params: Params = None) -> Any:
    """The first column of the first row, or None."""
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(query.encode(), params)
        row = await cursor.fetchone()
        return None if row is None else row[0]


async def run(conn: Tx, query: str, params: Params = None) -> int:
    """Execute and give the number of rows it touched."""
    async with conn.cursor() as cursor:
        await cursor.execute(query.encode(), params)
        return cursor.rowcount
