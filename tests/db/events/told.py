"""What was told so far, as it stands in the table of events."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from tallystick.db.pool import Tx
from tallystick.kernel.ids import typeid
from tests.db.subscriptions.shop import Shop


class _Undone(Exception):
    """What a test throws where a server would die."""


@asynccontextmanager
async def undone(shop: Shop) -> AsyncIterator[Tx]:
    """A transaction that does not come to its end."""
    try:
        async with shop.db.tx() as tx:
            yield tx
            raise _Undone
    except _Undone:
        pass


def events(shop: Shop, *, account: int | None = None, group: str = "") -> list[dict[str, Any]]:
    """Those of the tenant in their order, of one account and of types that begin so."""
    rows = shop.rows("select * from event where tenant_id = %s order by place", shop.tenant)
    return [row for row in rows if account in (None, row["account_id"]) and row["type"].startswith(group)]


def types(shop: Shop, **of: Any) -> list[str]:
    return [row["type"] for row in events(shop, **of)]


def last(shop: Shop, type: str) -> dict[str, Any]:
    return events(shop, group=type)[-1]


def account_id(shop: Shop, account: int) -> str:
    uuid: UUID = shop.rows("select uuid from account_head where account_id = %s", account)[0]["uuid"]
    return typeid("acct", uuid)
