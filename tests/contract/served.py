"""A whole server for a test module: real HTTP on a free port, a real PostgreSQL, the app and its cast."""

import asyncio
import contextlib
import json
import shutil
import socket
import tempfile
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import psycopg
import uvicorn
import uvloop
from psycopg import sql
from psycopg.conninfo import make_conninfo

from tallystick import app, wiring
from tallystick.config import Settings
from tallystick.db.pool import Database
from tallystick.domain.identity.first_run import ensure_first_app
from tallystick.domain.identity.keys import create_api_key
from tallystick.domain.identity.model import App, FirstRun
from tallystick.domain.identity.views import load_secrets
from tallystick.domain.payments.settings import put_gateway
from tallystick.kernel.actor import Scope
from tests.cast import second_app
from tests.clients import async_client, http_client
from tests.outages import database_away, reached

T = TypeVar("T")


class House:
    """A running server. ``first`` is what the first run made, ``other`` a stranger's app beside it."""

    def __init__(self, database_url: str, **settings: Any) -> None:
        """``settings`` are those of `Settings`; the data folder goes with the house."""
        self.database_url = database_url
        self.data = Path(tempfile.mkdtemp(prefix="tallystick-house-"))
        self._said = settings
        self.first: FirstRun
        self.other: App
        self.system: wiring.System
        self._settings: Settings
        self.url = ""
        self.keys: dict[str, str] = {}
        self._loop = uvloop.new_event_loop()
        self._ready = threading.Event()
        self._stop = asyncio.Event()
        self._failed: BaseException | None = None
        self._thread = threading.Thread(target=self._main, daemon=True)

    def start(self) -> None:
        self._thread.start()
        self._ready.wait(60)
        if self._failed is not None:
            raise self._failed

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(60)
        assert not self._thread.is_alive()
        shutil.rmtree(self.data)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the server's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(120)

    @contextlib.contextmanager
    def client(self, key: str | None = "admin") -> Iterator["Api"]:
        """A client with the named key, a whole credential, or none."""
        headers = {} if key is None else {"Authorization": "Bearer " + self.keys.get(key, key)}
        with http_client(self.url, headers=headers) as http:
            yield Api(http)

    @contextlib.contextmanager
    def without_database(self) -> Iterator[None]:
        """The database is away; afterwards the system has found it again."""
        with database_away(self.database_url):
            yield
        self.run(reached(self.system.db))

    def together(self, work: Callable[[httpx2.AsyncClient], Awaitable[T]], key: str = "admin") -> T:
        """Run work that sends many requests at once, on a loop of its own."""

        async def main() -> T:
            headers = {"Authorization": "Bearer " + self.keys[key]}
            async with async_client(self.url, headers=headers) as http:
                return await work(http)

        return asyncio.run(main())

    def _main(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        except BaseException as error:  # told to the thread that waits
            self._failed = error
        finally:
            self._ready.set()
            self._loop.close()

    async def _serve(self) -> None:
        db = Database(self.database_url, size=2)
        await db.open()
        await self._furnish(db)
        await db.close()
        sock = socket.socket(proto=socket.IPPROTO_TCP)
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self._settings = Settings(data=self.data, port=port, **self._said)
        async with wiring.system(self._settings, self.database_url) as self.system:
            await self._take_money()
            config = uvicorn.Config(
                app.build(self.system),
                http="httptools",
                lifespan="off",
                log_level="warning",
                access_log=False,
            )
            server = uvicorn.Server(config)
            server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
            serving = asyncio.create_task(server._serve(sockets=[sock]))
            while not server.started:  # noqa: ASYNC110 - uvicorn has a flag to look at, no event
                await asyncio.sleep(0.01)
            self._ready.set()
            await self._stop.wait()
            server.should_exit = True
            await serving
        sock.close()

    async def _take_money(self) -> None:
        """Live customers of the tests pay on the sandbox, or by transfer, where no other gateway is there for them."""
        if self._settings.stripe_secret_key:
            return
        for one in (self.first.app, self.other):
            for name in ("sandbox", "manual"):
                async with self.system.db.tx() as tx:
                    await put_gateway(
                        tx, self.system.till, one.live, name, enabled=True, standard=name == "sandbox", options={},
                        secrets=None, by="test",
                    )  # fmt: skip

    async def _furnish(self, db: Database) -> None:
        async with db.tx() as tx:
            made = await ensure_first_app(tx)
        assert made is not None
        self.first = made
        self.other = await second_app(db)
        self.keys = {"admin": made.live_key, "test": made.test_key}
        async with db.connection() as conn:
            secrets = await load_secrets(conn)
        wanted = [
            ("read", made.app.live, Scope.READ),
            ("write", made.app.live, Scope.WRITE),
            ("stranger", self.other.live, Scope.ADMIN),
        ]
        for name, tenant, scope in wanted:
            async with db.tx() as tx:
                key = await create_api_key(tx, secrets, tenant, name=name, scope=scope, created_by="test")
            self.keys[name] = key.text


@contextlib.contextmanager
def housed(server: Any, template: str, name: str, **settings: Any) -> Iterator[House]:
    """A running server on a database of its own, which goes with it; ``settings`` are those of `Settings`."""
    with psycopg.connect(server.url, autocommit=True) as conn:
        conn.execute(sql.SQL(f"create database {name} template {template} strategy {server.strategy}"))
    house = House(make_conninfo(server.url, dbname=name), **settings)
    try:
        house.start()
        try:
            yield house
        finally:
            house.stop()
    finally:
        with psycopg.connect(server.url, autocommit=True) as conn:
            conn.execute(sql.SQL(f"drop database {name} with (force)"))


class Api:
    """A client that says what tests say: a body, and perhaps an idempotency key."""

    def __init__(self, client: httpx2.Client) -> None:
        self.http = client

    def get(self, path: str, **query: Any) -> httpx2.Response:
        return self.http.get(path, params=query or None)

    def post(self, path: str, body: Any = None, key: str | None = None) -> httpx2.Response:
        return self.send("POST", path, body, key)

    def send(self, method: str, path: str, body: Any = None, key: str | None = None) -> httpx2.Response:
        headers = {} if key is None else {"Idempotency-Key": key}
        if body is not None and not isinstance(body, bytes | str):
            body = json.dumps(body)
        return self.http.request(method, path, content=body, headers=headers)

    def account(self, **fields: Any) -> str:
        """A new account's id."""
        made = self.post("/v2/accounts", fields)
        assert made.status_code == 201, made.text
        return str(made.json()["id"])

    def funded(self, amount: Any = 100, **fields: Any) -> str:
        """A new account's id, with credits."""
        account = self.account(**fields)
        self.grant(account, amount)
        return account

    def grant(self, account: str, amount: Any = 100, **fields: Any) -> dict[str, Any]:
        made = self.post("/v2/grants", {"account": account, "amount": amount, **fields})
        assert made.status_code == 201, made.text
        return dict(made.json())

    def debit(self, account: str, amount: Any = 1, **fields: Any) -> dict[str, Any]:
        made = self.post("/v2/debits", {"account": account, "amount": amount, **fields})
        assert made.status_code == 201, made.text
        return dict(made.json())

    def hold(self, account: str, amount: Any = 10, **fields: Any) -> dict[str, Any]:
        made = self.post("/v2/holds", {"account": account, "amount": amount, "expires_in": 600, **fields})
        assert made.status_code == 201, made.text
        return dict(made.json())

    def wallet(self, account: str) -> dict[str, Any]:
        """The account's only wallet."""
        [wallet] = self.get(f"/v2/accounts/{account}/balance").json()["balances"]
        return dict(wallet)


def problem(response: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    """The problem of a refused request, which must be this one."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["status"] == status
    assert body["code"] == code, body
    assert body["title"]
    assert body["detail"]
    return body


def fields_of(body: dict[str, Any]) -> list[str]:
    return [error["field"] for error in body["errors"]]
