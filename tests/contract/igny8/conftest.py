"""The stage of this contract's tests: that of the account contract, and one whose time a test sets."""

import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tallystick.app import build
from tallystick.config import Settings
from tallystick.db.pool import Database
from tallystick.domain.identity import actions as identity
from tallystick.kernel.actor import Role
from tallystick.wiring import system
from tests import cast
from tests.contract.account.conftest import Stage, join, stage, token_of
from tests.contract.served import House, housed

__all__ = ["Stage", "TimedStage", "error", "house", "stage", "timed"]


@dataclass
class TimedStage(Stage):
    """In test mode, where time may be set ahead; from then on it runs."""

    @property
    def tenant(self) -> int:
        return self.first.app.test

    async def at(self, moment: datetime) -> None:
        async with self.system.db.tx() as tx:
            await identity.set_clock(tx, self.tenant, moment - datetime.now(UTC))


@pytest.fixture
async def timed(db: Database, db_url: str, tmp_path: Path) -> AsyncIterator[TimedStage]:
    first = await cast.first_app(db)
    account = await cast.acme(db, first.app.test)
    user = await cast.make_user(db, first.app.test)
    await join(db, first.app.test, account, user, Role.OWNER)
    token = await token_of(db, first.app.test, user)
    async with system(Settings(data=tmp_path), db_url) as running:
        transport = httpx2.ASGITransport(build(running))
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
            yield TimedStage(running, client, first, account, user, token)


@pytest.fixture(scope="package")
def house(server: Any, template: str) -> Iterator[House]:
    """One server for all tests that have a shop of their own in it."""
    with housed(server, template, f"tallystick_igny8_{os.getpid()}") as house:
        yield house


def error(
    answer: httpx2.Response, status: int, said: str, errors: dict[str, list[str]] | None = None
) -> None:
    """A refused request has this status, and exactly the contract's body."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert len(body.pop("request_id")) == 32
    expected = {"success": False, "error": said}
    assert body == (expected if errors is None else expected | {"errors": errors})
