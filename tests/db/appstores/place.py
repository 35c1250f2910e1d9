"""An account that pays for app-store data, and what its books say afterwards."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, TypeVar

import msgspec

from tallystick.db.pool import Database, all_rows, run, value
from tallystick.domain.appstores.desk import AppStores, Payer
from tallystick.domain.appstores.port import Fields, Platform, Stores
from tallystick.domain.catalog.views import rates_in_force
from tallystick.domain.identity import actions as identity
from tallystick.domain.ledger.commands import Grant, order
from tallystick.domain.ledger.lanes import Lanes
from tallystick.domain.ledger.verify import verify
from tallystick.kernel.credits import MICRO
from tests.doubles.stores.printed import WHATSAPP, WHATSAPP_APPLE
from tests.waiting import DEADLINE, until

from .shelf import Shelf, stores

APP: Final = "com.whatsapp"
APPLE: Final = "310633997"

T = TypeVar("T")


@dataclass
class _Operation:
    kind: str
    credit_type: str
    operation: str | None
    metadata: dict[str, Any]


@dataclass
class Place:
    """One process of the server. ``shelf`` is both stores."""

    db: Database
    lanes: Lanes
    apps: AppStores
    shelf: Shelf
    tenant: int
    account: int
    live: bool

    @property
    def payer(self) -> Payer:
        return Payer(self.tenant, self.account, "key:test", self.live)

    async def customer(self, calls: int = 0, scrapes: int = 0) -> int:
        async with self.db.tx() as tx:
            made = await identity.create_account(tx, self.tenant)
        for credit_type, credits in (("api_calls", calls), ("data_scrapes", scrapes)):
            if credits:
                asked = Grant(account=made.account_id, credit_type=credit_type, amount=credits * MICRO)
                await self.lanes.submit(order(asked, tenant=self.tenant, actor="test"))
        return made.account_id

    async def details(self, app_id: str = APP, platform: Platform = "android", **more: Any) -> Fields:
        payer = more.pop("payer", self.payer)
        text = await self.apps.details_json(
            payer, platform, app_id, more.pop("country", "us"), more.pop("language", "en"), **more
        )
        return dict(msgspec.json.decode(text))

    async def search(self, keyword: str, platform: Platform = "android", **more: Any) -> list[Fields]:
        return await self.apps.search(self.payer, platform, keyword, "us", "en", **more)

    async def at_once(self, *calls: Coroutine[Any, Any, T]) -> list[T | BaseException]:
        async with asyncio.timeout(DEADLINE):
            return await asyncio.gather(*calls, return_exceptions=True)

    async def holding(self, count: int) -> None:
        """Wait until so many holds are active."""

        async def held() -> bool:
            return int(await self.value("select count(*) from hold where state = 'active'")) == count

        await until(held)

    async def balance(self, account: int | None = None) -> tuple[int, int]:
        """Whole api_calls and data_scrapes that are posted; nothing may be held any more."""
        async with self.db.connection() as conn:
            held = await value(conn, "select count(*) from hold where state = 'active'")
            assert held == 0, "a hold is left"
            assert await value(conn, "select coalesce(sum(held), 0) from wallet") == 0
            found = []
            for credit_type in ("api_calls", "data_scrapes"):
                posted = await value(
                    conn,
                    "select posted from wallet where account_id = %(account)s and credit_type = %(type)s",
                    {"account": account or self.account, "type": credit_type},
                )
                found.append((posted or 0) // MICRO)
        return found[0], found[1]

    async def spent(self, account: int | None = None) -> list[_Operation]:
        """What was spent, in order."""
        return await self._rows(
            _Operation,
            "select kind, credit_type, operation, metadata from entry"
            " where account_id = %(account)s and kind in ('debit', 'capture') order by seq",
            {"account": account or self.account},
        )

    async def value(self, query: str, **values: Any) -> Any:
        async with self.db.connection() as conn:
            return await value(conn, query, values)

    async def move(self, **by: float) -> None:
        """Move the test tenant's clock."""
        async with self.db.tx() as tx:
            query = "update tenant set clock_ahead = clock_ahead + %(by)s where id = %(tenant)s"
            await run(tx, query, {"by": timedelta(**by), "tenant": self.tenant})

    async def _rows(self, kind: type[T], query: str, values: dict[str, Any]) -> list[T]:
        async with self.db.connection() as conn:
            return await all_rows(conn, kind, query, values)


@contextlib.asynccontextmanager
async def opened(
    url: str,
    *,
    live: bool = False,
    beside: Place | None = None,
    calls: int = 100,
    scrapes: int = 100,
    given: Stores | None = None,
) -> AsyncIterator[Place]:
    """A process with an account that may pay; ``beside`` another one on the same database, for the same account.
    ``given`` are other stores than the shelf."""
    db = Database(url)
    await db.open()
    lanes = Lanes(db, rates_in_force)
    await lanes.start()
    shelf = beside.shelf if beside is not None else Shelf({APP: dict(WHATSAPP), APPLE: dict(WHATSAPP_APPLE)})
    apps = AppStores(db, lanes, given or stores(shelf))
    try:
        if beside is not None:
            yield Place(db, lanes, apps, shelf, beside.tenant, beside.account, beside.live)
        else:
            async with db.tx() as tx:
                made = await identity.create_app(tx, "App")
            place = Place(db, lanes, apps, shelf, made.live if live else made.test, 0, live)
            place.account = await place.customer(calls, scrapes)
            yield place
            assert (await verify(db)).faults == []
    finally:
        shelf.gate.set()
        await apps.stop()
        await lanes.stop()
        await db.close()
