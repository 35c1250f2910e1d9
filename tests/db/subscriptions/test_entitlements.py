"""Entitlements on a real PostgreSQL: what plans give, limits under concurrency, keys, and the accounts' states."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from tallystick.db.pool import Database
from tallystick.domain.catalog import actions as catalog
from tallystick.domain.catalog.model import Feature, FeatureType
from tallystick.domain.catalog.terms import Allowance, Terms
from tallystick.domain.catalog.views import rates_in_force
from tallystick.domain.identity import actions as identity
from tallystick.domain.ledger.commands import Debit, Grant, order
from tallystick.domain.ledger.lanes import Lanes
from tallystick.domain.subscriptions import actions, entitlements, views
from tallystick.domain.subscriptions.features import Entitlement, Used
from tallystick.kernel.credits import MICRO
from tallystick.kernel.errors import (
    Conflict,
    InsufficientCredits,
    Invalid,
    KeyReused,
    LimitReached,
    NotFound,
)
from tests import cast

pytestmark = pytest.mark.anyio

BY = "test"


@dataclass
class Shop:
    """A tenant with three features and an account; plans cost nothing, so that they are active at once."""

    db: Database
    lanes: Lanes
    tenant: int
    other: int
    account: int

    async def plan(
        self, *, allowances: tuple[Allowance, ...] = (), rank: int | None = None, **features: Any
    ) -> UUID:
        terms = Terms(interval="monthly", currency="USD", features=features, allowances=allowances)
        async with self.db.tx() as tx:
            made = await catalog.create_plan(tx, self.tenant, name="Plan", terms=terms, rank=rank, by=BY)
        return made.id

    async def subscribe(self, plan: UUID, account: int | None = None) -> UUID:
        async with self.db.tx() as tx:
            made = await actions.subscribe(
                tx, self.tenant, account or self.account, plan=plan, rates=rates_in_force, by=BY
            )
        assert made.subscription.status == "active"
        return made.subscription.id

    async def check(self, key: str, units: int = 1, scope: str = "") -> Entitlement:
        return await entitlements.check(
            self.db, self.tenant, self.account, key, units * MICRO, scope=scope
        )  # fmt: skip

    async def all(self) -> list[Entitlement]:
        return await entitlements.all_of(self.db, self.tenant, self.account)

    async def consume(self, key: str, units: int = 1, **more: Any) -> Used:
        async with self.db.tx() as tx:
            used = await entitlements.consume(
                tx, self.tenant, self.account, key, units * MICRO, by=BY, **more
            )
        if isinstance(used, LimitReached):
            raise used
        return used

    async def release(self, key: str, units: int = 1, **more: Any) -> Used:
        async with self.db.tx() as tx:
            return await entitlements.release(
                tx, self.tenant, self.account, key, units * MICRO, by=BY, **more
            )

    async def grant(self, credits: int, credit_type: str = "credits") -> None:
        command = Grant(account=self.account, credit_type=credit_type, amount=credits * MICRO)
        await self.lanes.submit(order(command, tenant=self.tenant, actor=BY))

    async def status(self, status: str) -> None:
        async with self.db.tx() as tx:
            await identity.patch_account(tx, self.tenant, self.account, {"status": status})


async def define(
    db: Database, tenant: int, key: str, kind: FeatureType, credit_type: str | None = None
) -> Feature:
    async with db.tx() as tx:
        return await catalog.create_feature(
            tx, tenant, key=key, name=key.title(), type=kind, credit_type=credit_type, by=BY
        )


@contextlib.asynccontextmanager
async def opened(db: Database, tenant: int, other: int) -> AsyncIterator[Shop]:
    await define(db, tenant, "export", "BOOLEAN")
    await define(db, tenant, "projects", "HARD_LIMIT")
    await define(db, tenant, "calls", "CREDIT_BASED", "credits")
    account = await cast.acme(db, tenant)
    lanes = Lanes(db, rates_in_force)
    await lanes.start()
    try:
        yield Shop(db, lanes, tenant, other, account.account_id)
    finally:
        await lanes.stop()


@pytest.fixture
async def shop(db: Database) -> AsyncIterator[Shop]:
    first, other = await cast.first_app(db), await cast.second_app(db)
    async with opened(db, first.app.live, other.live) as made:
        yield made


@pytest.fixture
async def later(db: Database) -> AsyncIterator[Shop]:
    """In test mode, where time moves; no worker runs."""
    first = await cast.first_app(db)
    async with opened(db, first.app.test, first.app.live) as made:
        yield made


async def ahead(shop: Shop, days: int) -> None:
    async with shop.db.tx() as tx:
        await identity.set_clock(tx, shop.tenant, timedelta(days=days))


async def test_nothing_without_a_subscription(shop: Shop) -> None:
    for key in ("export", "projects"):
        found = await shop.check(key)
        assert (found.allowed, found.reason) == (False, "no_subscription")
    with pytest.raises(LimitReached) as refused:
        await shop.consume("projects")
    assert (refused.value.remaining, refused.value.reason) == (0, "no_subscription")
    assert (await shop.check("calls")).reason == "insufficient_credits"


async def test_what_a_plan_gives(shop: Shop) -> None:
    await shop.subscribe(await shop.plan(export=True, projects=3))
    assert (await shop.check("export")).allowed
    found = await shop.check("projects", 3)
    assert (found.allowed, found.limit, found.used, found.available) == (True, 3, 0, 3)
    assert (await shop.check("projects", 4)).reason == "limit_reached"


async def test_consume_and_release(shop: Shop) -> None:
    await shop.subscribe(await shop.plan(projects=3))
    used = await shop.consume("projects", 2)
    assert (used.amount, used.limit, used.used, used.available) == (2 * MICRO, 3, 2, 1)
    with pytest.raises(LimitReached) as refused:
        await shop.consume("projects", 2)
    assert (refused.value.needed, refused.value.remaining, refused.value.reason) == (2, 1, "limit_reached")
    back = await shop.release("projects", 5)
    assert (back.amount, back.used, back.available) == (2 * MICRO, 0, 3)
    assert (await shop.release("projects")).amount == 0
    assert (await shop.consume("projects", 3)).available == 0


async def test_scopes_are_counted_apart(shop: Shop) -> None:
    await shop.subscribe(await shop.plan(projects=2))
    for scope in ("", "p-1", "p-2"):
        assert (await shop.consume("projects", 2, scope=scope)).available == 0
        with pytest.raises(LimitReached):
            await shop.consume("projects", scope=scope)
    await shop.release("projects", scope="p-1")
    assert [(await shop.check("projects", scope=scope)).used for scope in ("", "p-1", "p-2", "p-3")] == [
        2,
        1,
        2,
        0,
    ]
    [state] = [one for one in await shop.all() if one.feature.key == "projects"]
    assert (state.used, state.scopes) == (2, {"p-1": 1, "p-2": 2})


async def test_sixty_four_at_once(shop: Shop) -> None:
    await shop.subscribe(await shop.plan(projects=10))
    await cast.crowd(shop.db)

    async def one() -> bool:
        try:
            await shop.consume("projects")
        except LimitReached:
            return False
        return True

    done = await asyncio.gather(*(one() for _ in range(64)))
    assert sum(done) == 10
    assert (await shop.check("projects")).used == 10


async def test_a_lowered_limit_takes_nothing_away(shop: Shop) -> None:
    plan = await shop.plan(projects=5)
    async with shop.db.tx() as tx:
        made = await actions.subscribe(
            tx, shop.tenant, shop.account, plan=plan, rates=rates_in_force, by=BY,
            overrides={"features": {"projects": 8}},
        )  # fmt: skip
    await shop.consume("projects", 8)
    async with shop.db.tx() as tx:
        await actions.cancel(
            tx,
            shop.tenant,
            shop.account,
            made.subscription.id,
            at_period_end=False,
            rates=rates_in_force,
            by=BY,
        )
    found = await shop.check("projects")
    assert (found.reason, found.limit, found.used, found.available) == ("no_subscription", 0, 8, 0)
    await shop.subscribe(plan)
    found = await shop.check("projects")
    assert (found.reason, found.limit, found.used, found.available) == ("limit_reached", 5, 8, 0)
    assert (await shop.release("projects", 4)).available == 1


async def test_no_limit(shop: Shop) -> None:
    await shop.subscribe(await shop.plan(projects=None))
    used = await shop.consume("projects", 10**9)
    assert (used.limit, used.available, used.used) == (None, None, 10**9)


async def test_a_pause_switches_features_off(shop: Shop) -> None:
    subscription = await shop.subscribe(await shop.plan(projects=3, export=True))
    await shop.consume("projects")
    async with shop.db.tx() as tx:
        await actions.pause(tx, shop.tenant, shop.account, subscription, rates=rates_in_force, by=BY)
    for key in ("projects", "export"):
        assert (await shop.check(key)).reason == "paused"
    with pytest.raises(LimitReached) as refused:
        await shop.consume("projects")
    assert (refused.value.reason, refused.value.remaining) == ("paused", 0)
    assert (await shop.release("projects")).used == 0
    async with shop.db.tx() as tx:
        await actions.resume(tx, shop.tenant, shop.account, subscription, rates=rates_in_force, by=BY)
    assert (await shop.consume("projects", 3)).available == 0


async def test_a_key_counts_once(shop: Shop) -> None:
    await shop.subscribe(await shop.plan(projects=3))
    first = await shop.consume("projects", 2, op_key="k")
    again = await shop.consume("projects", 2, op_key="k")
    assert (first.replayed, again.replayed) == (False, True)
    assert (again.used, again.available) == (first.used, first.available) == (2, 1)
    for wrong in ({"units": 1}, {"units": 2, "scope": "p"}, {"units": 2, "metadata": {}}):
        with pytest.raises(KeyReused):
            await shop.consume("projects", op_key="k", **wrong)
    with pytest.raises(KeyReused):
        await shop.release("projects", 2, op_key="k")
    back = [await shop.release("projects", 1, op_key="r") for _ in range(2)]
    assert [one.used for one in back] == [1, 1]
    assert (await shop.check("projects")).used == 1


async def test_a_decline_stays_declined_under_its_key(shop: Shop) -> None:
    await shop.subscribe(await shop.plan(projects=1))
    await shop.consume("projects")
    for replayed in (False, True):
        with pytest.raises(LimitReached) as refused:
            await shop.consume("projects", op_key="k")
        assert refused.value.replayed is replayed
        assert (refused.value.needed, refused.value.remaining) == (1, 0)
    await shop.release("projects")
    with pytest.raises(LimitReached):
        await shop.consume("projects", op_key="k")
    assert (await shop.consume("projects", op_key="another")).used == 1


async def test_the_same_key_at_once(shop: Shop) -> None:
    await shop.subscribe(await shop.plan(projects=10))
    await cast.crowd(shop.db)
    used = await asyncio.gather(*(shop.consume("projects", op_key="k") for _ in range(20)))
    assert sum(not one.replayed for one in used) == 1
    assert {one.used for one in used} == {1}


async def test_keys_are_an_accounts_own(shop: Shop) -> None:
    plan = await shop.plan(projects=3)
    await shop.subscribe(plan)
    await shop.consume("projects", op_key="k")
    globex = await cast.globex(shop.db, shop.tenant)
    await shop.subscribe(plan, globex.account_id)
    shop.account = globex.account_id
    assert not (await shop.consume("projects", op_key="k")).replayed


async def test_a_key_that_the_ledger_knows(shop: Shop) -> None:
    await shop.subscribe(await shop.plan(projects=3))
    await shop.grant(10)
    debit = Debit(account=shop.account, credit_type="credits", amount=MICRO)
    await shop.lanes.submit(order(debit, tenant=shop.tenant, actor=BY, key="k"))
    with pytest.raises(KeyReused):
        await shop.consume("projects", op_key="k")
    assert (await shop.check("projects")).used == 0


async def test_spending(shop: Shop) -> None:
    await shop.grant(10)
    feature = (await shop.check("calls")).feature
    spend: dict[str, Any] = {"scope": "p-1", "metadata": {"job": 7}, "op_key": "k", "by": BY}
    first, again = [
        await entitlements.spend(shop.db, shop.lanes, shop.tenant, shop.account, feature, 3 * MICRO, **spend)
        for _ in range(2)
    ]
    assert (first.amount, first.available, first.credit_type) == (3 * MICRO, 7 * MICRO, "credits")
    assert (again.replayed, again.entry) == (True, first.entry)
    with pytest.raises(InsufficientCredits):
        await entitlements.spend(shop.db, shop.lanes, shop.tenant, shop.account, feature, 8 * MICRO, by=BY)
    found = await shop.check("calls", 7)
    assert (found.allowed, found.available) == (True, 7 * MICRO)
    assert (await shop.check("calls", 8)).reason == "insufficient_credits"


async def test_a_spent_key_is_no_limits_key(shop: Shop) -> None:
    await shop.subscribe(await shop.plan(projects=3))
    await shop.grant(10)
    feature = (await shop.check("calls")).feature
    await shop.consume("projects", op_key="k")
    with pytest.raises(KeyReused):
        await entitlements.spend(
            shop.db, shop.lanes, shop.tenant, shop.account, feature, MICRO, op_key="k", by=BY
        )


async def test_an_allowance_is_shown(shop: Shop) -> None:
    allowance = Allowance(credit_type="credits", amount=100 * MICRO)
    await shop.subscribe(await shop.plan(allowances=(allowance,), calls=True))
    await shop.grant(5)
    feature = (await shop.check("calls")).feature
    await entitlements.spend(shop.db, shop.lanes, shop.tenant, shop.account, feature, 30 * MICRO, by=BY)
    found = await shop.check("calls")
    assert (found.allocated, found.consumed, found.available) == (100 * MICRO, 30 * MICRO, 75 * MICRO)
    assert found.period_start is not None
    assert found.period_end is not None
    [listed] = [one for one in await shop.all() if one.feature.key == "calls"]
    assert listed == found


@pytest.mark.parametrize("status", ["blocked", "closed"])
async def test_an_account_that_is_stopped(shop: Shop, status: str) -> None:
    await shop.subscribe(await shop.plan(projects=3, export=True))
    await shop.consume("projects")
    if status == "closed":
        async with shop.db.tx() as tx:
            await tx.execute(
                b"update account_head set status = 'closed' where account_id = %s", [shop.account]
            )
    else:
        await shop.status(status)
    assert {one.reason for one in await shop.all()} == {f"account_{status}"}
    with pytest.raises(Conflict) as refused:
        await shop.consume("projects")
    assert refused.value.code == f"account_{status}"
    assert (await shop.release("projects")).used == 0


async def test_what_cannot_be_asked(shop: Shop) -> None:
    await shop.subscribe(await shop.plan(projects=3, export=True))
    with pytest.raises(NotFound):
        await shop.check("nothing")
    with pytest.raises(NotFound):
        await shop.consume("nothing")
    with pytest.raises(NotFound):
        await shop.consume("no\0thing")
    for key in ("export", "calls"):
        with pytest.raises(Invalid):
            await shop.consume(key)
        with pytest.raises(Invalid):
            await shop.release(key)
    for amount in (1, MICRO + 1, 0):
        async with shop.db.tx() as tx:
            with pytest.raises(Invalid):
                await entitlements.consume(tx, shop.tenant, shop.account, "projects", amount, by=BY)
    for scope in ("x" * 256, "\0", "\ud800"):
        for act in (shop.check, shop.consume, shop.release):
            with pytest.raises(Invalid):
                await act("projects", scope=scope)


async def test_another_tenants_account(shop: Shop) -> None:
    await shop.subscribe(await shop.plan(projects=3))
    mine, shop.tenant = shop.tenant, shop.other
    for act in (shop.check, shop.consume, shop.release):
        with pytest.raises(NotFound):
            await act("projects")
    with pytest.raises(NotFound):
        await shop.all()
    shop.tenant = mine
    assert (await shop.check("projects")).used == 0


async def test_a_cancel_that_fell_due_holds_before_the_worker_runs(later: Shop) -> None:
    subscription = await later.subscribe(await later.plan(projects=3))
    async with later.db.tx() as tx:
        await actions.cancel(
            tx, later.tenant, later.account, subscription, at_period_end=True, rates=rates_in_force, by=BY
        )
    await later.consume("projects")
    await ahead(later, 32)
    with pytest.raises(LimitReached) as refused:
        await later.consume("projects")
    assert refused.value.reason == "no_subscription"
    assert (await later.check("projects")).reason == "no_subscription"
    assert {one.reason for one in await later.all()} == {"no_subscription", "insufficient_credits"}
    async with later.db.connection() as conn:
        found = await views.subscription(conn, later.tenant, subscription)
    assert found.status == "ended"


async def test_a_downgrade_that_fell_due_lowers_the_limit(later: Shop) -> None:
    high = await later.plan(projects=5, rank=2)
    subscription = await later.subscribe(high)
    await later.consume("projects", 4)
    low = await later.plan(projects=2, rank=1)
    async with later.db.tx() as tx:
        made = await actions.change(
            tx, later.tenant, later.account, subscription, plan=low, rates=rates_in_force, by=BY
        )
    assert made.change == "scheduled"
    assert (await later.check("projects")).limit == 5
    await ahead(later, 32)
    found = await later.check("projects")
    assert (found.limit, found.used, found.available, found.reason) == (2, 4, 0, "limit_reached")


async def test_an_allowance_that_fell_due_can_be_spent(later: Shop) -> None:
    allowance = Allowance(credit_type="credits", amount=10 * MICRO)
    await later.subscribe(await later.plan(allowances=(allowance,)))
    feature = (await later.check("calls")).feature
    for days, first in ((32, "spend"), (64, "check")):
        spend = entitlements.spend(
            later.db, later.lanes, later.tenant, later.account, feature, 10 * MICRO, by=BY
        )
        assert (await spend).available == 0
        await ahead(later, days)
        if first == "check":
            found = await later.check("calls", 10)
            assert (found.allowed, found.consumed, found.allocated) == (True, 0, 10 * MICRO)
    assert (await later.check("calls", 10)).allowed
