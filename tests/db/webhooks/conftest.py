"""An app with webhook endpoints, and a receiver that answers as a test says, without a network."""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.rows import dict_row

from tallystick.db.pool import Database
from tallystick.domain.events import actions as events
from tallystick.domain.events.model import Event
from tallystick.domain.identity.vault import Vault
from tallystick.domain.webhooks import actions, jobs, views
from tallystick.domain.webhooks.model import Delivery, Endpoint
from tests import cast
from tests.doubles.receivers import Receivers

PATIENCE = 30.0


@dataclass
class Post:
    """An app's endpoints, and what happens in it."""

    db: Database
    tenant: int
    vault: Vault
    receivers: Receivers = field(default_factory=Receivers)

    async def endpoint(self, url: str = "https://a.example/hook", **more: Any) -> Endpoint:
        return (await self.issue(url, **more)).endpoint

    async def issue(self, url: str = "https://a.example/hook", **more: Any) -> actions.Issued:
        more = {"types": ["*"], "allow_private": False, "by": "test", **more}
        async with self.db.tx() as tx:
            return await actions.create_endpoint(tx, self.vault, self.tenant, url=url, **more)

    async def update(self, endpoint: Endpoint, **changes: Any) -> Endpoint:
        async with self.db.tx() as tx:
            return await actions.update_endpoint(
                tx, self.tenant, endpoint.id, allow_private=False, by="test", **changes
            )

    async def happen(
        self, *said: Any, type: str = "invoice.paid", account: int | None = None, tenant: int | None = None
    ) -> None:
        """An event for each, whose data holds it as ``n``."""
        now = datetime.now(UTC)
        async with self.db.tx() as tx:
            await events.emit(tx, tenant or self.tenant, *(Event(type, now, {"n": n}, account) for n in said))

    async def deliver(self) -> int:
        await jobs.fan_out(self.db)
        return await jobs.deliver_due(self.db, self.receivers, self.vault)

    async def deliveries(self, **filters: Any) -> list[Delivery]:
        """The oldest first."""
        async with self.db.connection() as conn:
            page = await views.deliveries(conn, self.tenant, limit=10_000, **filters)
        return list(reversed(page.rows))

    async def see(self, endpoint: UUID) -> Endpoint:
        async with self.db.connection() as conn:
            return await views.endpoint(conn, self.tenant, endpoint)

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        with psycopg.connect(self.db.url, row_factory=dict_row) as conn:
            cursor = conn.execute(query.encode(), values)
            return cursor.fetchall() if cursor.description else []

    def pass_time(self, seconds: float) -> None:
        """Let everything that waits have waited so much longer."""
        for table, column in (
            ("webhook_delivery", "due_at"),
            ("webhook_endpoint", "failing_since"),
            ("webhook_endpoint", "previous_until"),
            ("event", "created_at"),
        ):
            self.rows(f"update {table} set {column} = {column} - make_interval(secs => %s)", seconds)


async def until(done: Callable[[], bool]) -> None:
    """Wait for it, with a deadline that no slow machine reaches."""
    async with asyncio.timeout(PATIENCE):
        while not done():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.005)


@pytest.fixture
def vault() -> Vault:
    return Vault(os.urandom(32))


@pytest.fixture
async def post(db: Database, vault: Vault) -> Post:
    app = (await cast.first_app(db)).app
    return Post(db, app.live, vault)
