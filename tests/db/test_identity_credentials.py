"""Who is asking: one read a second for each header, and a revocation that holds within it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import pytest

from tallystick.db.pool import Database, Tx
from tallystick.domain.identity import credentials as module
from tallystick.domain.identity import keys, memberships, views
from tallystick.domain.identity.credentials import Credentials
from tallystick.domain.identity.model import FirstRun
from tallystick.domain.identity.tokens import issue_tokens
from tallystick.kernel.actor import Actor, Mode, Role, Scope
from tallystick.kernel.errors import Fact, Unauthenticated, Unavailable
from tests import cast

pytestmark = pytest.mark.anyio


class Counting(Database):
    """A database that counts how often it is read, and can be slow or away."""

    reads = 0
    delay = 0.0
    away = False

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Tx]:
        self.reads += 1
        if self.away:
            raise Unavailable("away")
        await asyncio.sleep(self.delay)
        async with super().connection() as conn:
            yield conn


class Gate:
    """Credentials with two clocks that the test moves together."""

    def __init__(self, db: Counting, first: FirstRun) -> None:
        self.db, self.first = db, first
        self.clock = cast.StoppedClock()
        self.seconds = 1000.0

    async def build(self) -> "Gate":
        self.secrets = await cast.secrets(self.db)
        self.credentials = Credentials(self.db, self.secrets, self.clock, monotonic=lambda: self.seconds)
        self.db.reads = 0
        return self

    def move(self, seconds: float) -> None:
        self.clock.move(seconds=seconds)
        self.seconds += seconds

    async def key(self, scope: Scope = Scope.WRITE, expires_at: datetime | None = None) -> keys.NewKey:
        async with self.db.tx() as tx:
            return await keys.create_api_key(
                tx,
                self.secrets,
                self.first.app.live,
                name="k",
                scope=scope,
                created_by="t",
                expires_at=expires_at,
            )

    async def revoke(self, key: keys.NewKey) -> None:
        async with self.db.tx() as tx:
            await keys.revoke_api_key(tx, self.first.app.live, key.key.id, by="t")

    async def refused(self, authorization: str | None) -> str:
        with pytest.raises(Unauthenticated) as refused:
            await self.credentials.actor(authorization)
        return str(refused.value.details["reason"])


@pytest.fixture
async def gate(db: Database) -> AsyncIterator[Gate]:
    first = await cast.first_app(db)
    counting = Counting(db.url)
    await counting.open()
    try:
        yield await Gate(counting, first).build()
    finally:
        await counting.close()


async def test_a_keys_actor(gate: Gate) -> None:
    made = await gate.key(Scope.READ)
    actor = await gate.credentials.actor(f"bearer  {made.text} ")
    assert actor == Actor(
        tenant=gate.first.app.live,
        app=gate.first.app.id,
        mode=Mode.LIVE,
        name=f"key:{made.key.id}",
        scope=Scope.READ,
        key=made.key.id,
    )
    assert actor.whole_tenant


async def test_a_users_actor(gate: Gate) -> None:
    app = gate.first.app
    acme, globex = await cast.acme(gate.db, app.live), await cast.globex(gate.db, app.live)
    sandbox = await cast.acme(gate.db, app.test)
    ann = await cast.make_user(gate.db, app.live)
    async with gate.db.tx() as tx:
        for tenant, account, role in (
            (app.live, globex, Role.ADMIN),
            (app.live, acme, Role.VIEWER),
            (app.test, sandbox, Role.OWNER),
        ):
            await memberships.add(tx, tenant, account=account.account_id, user=ann.id, role=role, by="t")
        now = gate.clock.now()
        live = await issue_tokens(tx, gate.secrets, tenant=app.live, user=ann.id, now=now)
        test = await issue_tokens(tx, gate.secrets, tenant=app.test, user=ann.id, now=now)
        owner = await issue_tokens(tx, gate.secrets, tenant=app.live, user=gate.first.owner, now=now)
    actor = await gate.credentials.actor(f"Bearer {live.access}")
    assert actor == Actor(
        tenant=app.live,
        app=app.id,
        mode=Mode.LIVE,
        name=f"user:{ann.id}",
        scope=Scope.READ,
        user=ann.id,
        user_number=2,
        home=globex.account_id,
        memberships=((acme.account_id, Role.VIEWER), (globex.account_id, Role.ADMIN)),
    )
    assert not actor.whole_tenant
    actor = await gate.credentials.actor(f"Bearer {test.access}")
    assert (actor.mode, actor.tenant, actor.home) == (Mode.TEST, app.test, sandbox.account_id)
    assert actor.memberships == ((sandbox.account_id, Role.OWNER),)
    staff = await gate.credentials.actor(f"Bearer {owner.access}")
    assert (staff.staff, staff.scope, staff.whole_tenant) == (True, Scope.ADMIN, True)
    assert await gate.refused(f"Bearer {live.refresh}") == "invalid"


async def test_what_is_no_credential(gate: Gate) -> None:
    made = await gate.key()
    gate.db.reads = 0
    for none in (None, "", "Basic YTpi", made.text, "Bearer:" + made.text):
        assert await gate.refused(none) == "missing"
    typo = made.text[:40] + ("0" if made.text[40] != "0" else "1") + made.text[41:]
    for bad in (
        "Bearer",
        "Bearer ",
        "Bearer x",
        f"Bearer {typo}",
        f"Bearer {made.text}.",
        "Bearer " + "x" * 9000,
    ):
        assert await gate.refused(bad) == "invalid"
    assert gate.db.reads == 0  # all of it without asking the database
    unknown = keys.key_text(Mode.LIVE, made.key.id, bytes(24))
    assert await gate.refused(f"Bearer {unknown}") == "invalid"
    assert gate.db.reads == 1


async def test_an_expired_key(gate: Gate) -> None:
    made = await gate.key(expires_at=gate.clock.now() + timedelta(seconds=0.5))
    await gate.credentials.actor(f"Bearer {made.text}")
    gate.move(0.4)
    assert gate.credentials.cached(f"Bearer {made.text}") is not None
    gate.move(0.1)  # its own end comes before the second is over
    assert gate.credentials.cached(f"Bearer {made.text}") is None
    assert await gate.refused(f"Bearer {made.text}") == "expired"


async def test_one_read_a_second_and_a_revocation_within_it(gate: Gate) -> None:
    header = f"Bearer {(made := await gate.key()).text}"
    gate.db.reads = 0
    assert gate.credentials.cached(header) is None
    assert gate.credentials.cached(None) is None
    for _ in range(5):
        actor = await gate.credentials.actor(header)
        assert gate.credentials.cached(header) is actor
    assert gate.db.reads == 1
    gate.move(0.999)
    await gate.revoke(made)
    gate.db.reads = 0
    await gate.credentials.actor(header)
    assert gate.db.reads == 0
    gate.move(0.001)
    assert gate.credentials.cached(header) is None
    for _ in range(3):
        assert await gate.refused(header) == "invalid"
    assert gate.db.reads == 3  # failures are not remembered


async def test_many_at_once_share_one_read(gate: Gate) -> None:
    header = f"Bearer {(await gate.key()).text}"
    gate.db.reads, gate.db.delay = 0, 0.2
    waiting = [asyncio.create_task(gate.credentials.actor(header)) for _ in range(50)]
    await asyncio.sleep(0.05)
    waiting[0].cancel()  # who asked first goes away; the others are answered
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(answers[0], asyncio.CancelledError)
    assert all(isinstance(answer, Actor) for answer in answers[1:])
    assert gate.db.reads == 1


async def test_a_slow_read_answers_only_those_who_asked_by_its_second(gate: Gate) -> None:
    header = f"Bearer {(made := await gate.key()).text}"
    gate.db.reads, gate.db.delay = 0, 0.3
    early = asyncio.create_task(gate.credentials.actor(header))
    await asyncio.sleep(0.15)
    gate.move(1.0)
    late = asyncio.create_task(gate.credentials.actor(header))
    await early
    assert gate.credentials.cached(header) is None  # what it saw is over
    assert gate.db.reads == 2
    assert (await late).key == made.key.id


async def test_nobody_waits_for_a_failed_read(gate: Gate) -> None:
    header = f"Bearer {(await gate.key()).text}"
    gate.db.delay, gate.db.away = 0.0, True
    alone = asyncio.create_task(gate.credentials.actor(header))
    await asyncio.sleep(0)
    alone.cancel()
    outcomes = await asyncio.gather(
        alone, *[gate.credentials.actor(header) for _ in range(3)], return_exceptions=True
    )
    assert [type(one) for one in outcomes] == [asyncio.CancelledError] + [Unavailable] * 3
    gate.db.away = False
    await gate.credentials.actor(header)


async def test_memory_is_bounded(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 3)
    headers = [f"Bearer {(await gate.key()).text}" for _ in range(6)]
    for header in headers:
        await gate.credentials.actor(header)
    assert [gate.credentials.cached(header) is not None for header in headers] == [False] * 3 + [True] * 3
    gate.move(2)
    for header in headers[:2]:
        await gate.credentials.actor(header)
    assert len(gate.credentials._known) == 2  # what is over goes as others come


async def test_last_use(gate: Gate) -> None:
    made = await gate.key()
    header = f"Bearer {made.text}"
    assert gate.credentials.seen_keys() == {}
    await gate.credentials.actor(header)
    gate.move(0.5)
    gate.credentials.cached(header)
    seen = gate.credentials.seen_keys()
    assert seen == {made.key.id: gate.clock.now()}
    assert gate.credentials.seen_keys() == {}
    async with gate.db.tx() as tx:
        await keys.write_last_used(tx, seen)
        assert (await views.api_key(tx, gate.first.app.live, made.key.id)).last_used_at == gate.clock.now()


async def test_tokens_of_another_server_are_refused(gate: Gate) -> None:
    made = await gate.key()
    other = Credentials(gate.db, type(gate.secrets)(api_key=bytes(32), access_token=bytes(32)), gate.clock)
    outcomes = await asyncio.gather(other.actor(f"Bearer {made.text}"), return_exceptions=True)
    assert isinstance(outcomes[0], Fact)
