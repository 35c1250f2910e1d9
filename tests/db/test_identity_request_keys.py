"""Writes that name no account happen once a key; manual acts are in the audit log."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tallystick.db.pool import Database, run
from tallystick.domain.identity import actions, jobs, views
from tallystick.domain.identity.request_keys import Once, once
from tallystick.kernel.errors import Conflict, Invalid, KeyReused
from tests import cast

pytestmark = pytest.mark.anyio

HASH = b"h" * 32


class Desk:
    """A write with an effect that can be counted: an account."""

    def __init__(self, db: Database) -> None:
        self.db, self.acts = db, 0

    async def ask(self, tenant: int, key: str, request_hash: bytes = HASH, fail: bool = False) -> Once:
        async with self.db.tx() as tx:

            async def act() -> tuple[int, Any]:
                self.acts += 1
                await asyncio.sleep(0.05)
                account = await actions.create_account(tx, tenant)
                if fail:
                    raise Conflict("no", "No.")
                return 201, {
                    "number": account.number,
                    "at": datetime(2026, 1, 1, tzinfo=UTC),
                    "z": 1,
                    "a": "é",
                }

            return await once(tx, tenant, key, request_hash, act)

    async def accounts(self, tenant: int) -> int:
        async with self.db.connection() as conn:
            return len((await views.accounts(conn, tenant)).rows)


async def test_a_replay_is_the_same_answer(db: Database) -> None:
    app, desk = (await cast.first_app(db)).app, Desk(db)
    first, again = await desk.ask(app.live, "k"), await desk.ask(app.live, "k")
    assert first == Once(201, {"number": 1, "at": "2026-01-01T00:00:00Z", "z": 1, "a": "é"}, False)
    assert again == first._replace(replayed=True)
    assert list(again.body) == list(first.body)
    assert desk.acts == 1
    with pytest.raises(KeyReused):
        await desk.ask(app.live, "k", b"x" * 32)
    assert not (await desk.ask(app.test, "k")).replayed  # keys are the tenant's
    assert not (await desk.ask(app.live, "K")).replayed


async def test_at_once_there_is_one_effect(db: Database) -> None:
    app, desk = (await cast.first_app(db)).app, Desk(db)
    await cast.crowd(db)
    answers = await asyncio.gather(*[desk.ask(app.live, "k") for _ in range(6)])
    assert sorted(answer.replayed for answer in answers) == [False] + [True] * 5
    assert len({str(answer.body) for answer in answers}) == 1
    assert (desk.acts, await desk.accounts(app.live)) == (1, 1)


async def test_a_failure_keeps_nothing(db: Database) -> None:
    app, desk = (await cast.first_app(db)).app, Desk(db)
    with pytest.raises(Conflict):
        await desk.ask(app.live, "k", fail=True)
    assert await desk.accounts(app.live) == 0
    assert not (await desk.ask(app.live, "k", b"other")).replayed


async def test_keys_are_kept_for_30_days(db: Database) -> None:
    app, desk = (await cast.first_app(db)).app, Desk(db)
    for key in ("old", "new"):
        await desk.ask(app.live, key)
    async with db.tx() as tx:
        await run(
            tx, "update request_key set recorded_at = recorded_at - interval '30 days' where key = 'old'"
        )
    assert await jobs.purge_request_keys(db, datetime.now(UTC) + timedelta(minutes=1)) == 1
    assert (await desk.ask(app.live, "new")).replayed
    assert not (await desk.ask(app.live, "old")).replayed


async def test_a_purge_goes_on_to_the_end(db: Database) -> None:
    app = (await cast.first_app(db)).app
    async with db.tx() as tx:
        await run(
            tx,
            "insert into request_key (tenant_id, key, request_hash, status, body, recorded_at)"
            " select %s, n::text, '', 200, '{}', now() - interval '40 days' from generate_series(1, 2500) n",
            [app.live],
        )
    assert await jobs.purge_request_keys(db, datetime.now(UTC)) == 2500


async def test_the_audit_log_is_the_tenants_newest_first(db: Database) -> None:
    app = (await cast.first_app(db)).app
    async with db.tx() as tx:
        for n in range(5):
            await actions.audit(
                tx,
                app.test,
                actor="user:1",
                action="t.act",
                target=f"t:{n}",
                reason="why",
                details={"n": "\x00"},
            )
    async with db.connection() as conn:
        page = await views.audit_log(conn, app.test, limit=3)
        rest = await views.audit_log(conn, app.test, limit=3, before=page.next_key)
        live = await views.audit_log(conn, app.live)
    assert [act.target for act in page.rows] == ["t:4", "t:3", "t:2"]
    assert [act.target for act in rest.rows[:2]] == ["t:1", "t:0"]
    assert rest.rows[2].action == "api_key.create"
    assert rest.next_key is None
    assert (page.rows[0].actor, page.rows[0].reason, page.rows[0].details) == ("user:1", "why", {"n": "\x00"})
    assert [act.action for act in live.rows] == ["api_key.create", "user.create"]
    with pytest.raises(Invalid):
        async with db.tx() as tx:
            await actions.audit(tx, app.live, actor="a", action="b", target="c", reason="x\x00")
