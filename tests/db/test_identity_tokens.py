"""Tokens: one algorithm, one audience, each refresh token once."""

import asyncio
import base64
import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from tallystick.db.pool import Database, value
from tallystick.domain.identity import actions, jobs, memberships, views
from tallystick.domain.identity.credentials import Credentials
from tallystick.domain.identity.model import Secrets, User
from tallystick.domain.identity.tokens import (
    Tokens,
    issue_tokens,
    read_token,
    refresh,
    refresh_plain,
    sign_out,
)
from tallystick.kernel.actor import Role
from tallystick.kernel.errors import Fact, NotFound, Unauthenticated
from tallystick.kernel.ids import uuid7
from tests import cast

pytestmark = pytest.mark.anyio


class Desk:
    """Issues and refreshes tokens of one user, under a clock that the test moves."""

    def __init__(self, db: Database, secrets: Secrets, tenant: int, user: User) -> None:
        self.db, self.secrets, self.tenant, self.user = db, secrets, tenant, user
        self.clock = cast.StoppedClock()

    async def issue(self, *, rotates: bool = True) -> Tokens:
        async with self.db.tx() as tx:
            return await issue_tokens(
                tx, self.secrets, tenant=self.tenant, user=self.user.id, now=self.clock.now(), rotates=rotates
            )

    async def refresh(self, token: str) -> Tokens:
        return await refresh(self.db, self.secrets, self.clock, token)

    async def plain(self, token: str) -> str:
        return await refresh_plain(self.db, self.secrets, self.clock, token)

    async def plainly_refused(self, token: str) -> str:
        with pytest.raises(Unauthenticated) as refused:
            await self.plain(token)
        return str(refused.value.details["reason"])

    async def refused(self, token: str) -> str:
        with pytest.raises(Unauthenticated) as refused:
            await self.refresh(token)
        return str(refused.value.details["reason"])

    async def works(self, access: str) -> bool:
        try:
            await Credentials(self.db, self.secrets, self.clock).actor(f"Bearer {access}")
        except Unauthenticated:
            return False
        return True


@pytest.fixture
async def desk(db: Database) -> Desk:
    first = await cast.first_app(db)
    user = await cast.make_user(db, first.app.live)
    return Desk(db, await cast.secrets(db), first.app.live, user)


def forge(secret: bytes, claims: dict[str, Any], alg: str = "HS256", **header: Any) -> str:
    """A JWT made by hand."""

    def part(raw: bytes) -> str:
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    head = part(json.dumps({"alg": alg, "typ": "JWT", **header}).encode())
    text = head + "." + part(json.dumps(claims).encode())
    digests = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}
    if alg not in digests:
        return text + "."
    return text + "." + part(hmac.digest(secret, text.encode(), digests[alg]))


def claims_of(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims


async def test_what_a_token_says(db: Database, desk: Desk) -> None:
    made = await desk.issue()
    now = desk.clock.now()
    access, other = claims_of(made.access), claims_of(made.refresh)
    async with db.connection() as conn:
        (mine,) = await views.memberships(conn, desk.tenant, desk.user.id)
    assert access | {"jti": "", "iat": 0, "exp": 0} == {
        "iss": "tallystick",
        "aud": "tallystick",
        "typ": "access",
        "iat": 0,
        "exp": 0,
        "jti": "",
        "sub": str(desk.user.id),
        "sid": other["sid"],
        "tenant": desk.tenant,
        "mode": "live",
        "home": str(mine.account_uuid),
    }
    assert other["typ"] == "refresh"
    assert access["iat"] == int(now.timestamp())
    assert access["exp"] - access["iat"] == 3600
    assert other["exp"] - other["iat"] == 86400
    assert made.access_expires_at.timestamp() == access["exp"]
    assert made.access not in repr(made)
    assert read_token(desk.secrets, made.access, "access", now).sub == desk.user.id


async def test_forged_tokens_are_refused(desk: Desk) -> None:
    made = await desk.issue()
    key, good = desk.secrets.access_token, claims_of(made.access)
    now = desk.clock.now()
    assert read_token(desk.secrets, forge(key, good), "access", now).jti == UUID(good["jti"])
    bad = {
        "none": forge(key, good, "none"),
        "None": forge(key, good, "None"),
        "HS384": forge(key, good, "HS384"),
        "HS512": forge(key, good, "HS512"),
        "other key": forge(b"x" * 32, good),
        "key of API keys": forge(desk.secrets.api_key, good),
        "crit": forge(key, good, crit=["b64"], b64=False),
        "refresh for access": made.refresh,
        "no signature": ".".join(made.access.split(".")[:2]) + ".",
        "two parts": ".".join(made.access.split(".")[:2]),
        "five parts": made.access + ".a.b",
        "list": forge(key, [good]),  # type: ignore[arg-type]
        "deep header": base64.urlsafe_b64encode(b"[" * 3000).decode() + ".e30.e30",
        "letters": "é.é.é",
        "empty": "",
    }
    for claim, wrong in (
        ("iss", "somebody"),
        ("aud", "somebody"),
        ("aud", ["tallystick", "somebody"]),
        ("typ", "id"),
        ("exp", str(good["exp"])),
        ("exp", True),
        ("exp", None),
        ("sub", "1"),
        ("tenant", None),
        ("mode", "prod"),
    ):
        bad[f"{claim} {wrong}"] = forge(key, good | {claim: wrong})
    for claim in good:
        if claim != "home":
            bad[f"without {claim}"] = forge(key, {name: v for name, v in good.items() if name != claim})
    for name, token in bad.items():
        with pytest.raises(Unauthenticated) as refused:
            read_token(desk.secrets, token, "access", now)
        assert refused.value.details["reason"] == "invalid", name
    with pytest.raises(Unauthenticated):
        read_token(desk.secrets, made.access, "refresh", now)


async def test_lives(desk: Desk) -> None:
    made = await desk.issue()
    desk.clock.moment = made.access_expires_at - timedelta(microseconds=1)
    assert await desk.works(made.access)
    desk.clock.moment = made.access_expires_at
    with pytest.raises(Unauthenticated) as refused:
        read_token(desk.secrets, made.access, "access", desk.clock.now())
    assert refused.value.details["reason"] == "expired"
    desk.clock.moment = made.refresh_expires_at - timedelta(seconds=1)
    later = await desk.refresh(made.refresh)
    desk.clock.moment = made.refresh_expires_at
    assert await desk.refused(made.refresh) == "expired"
    await desk.refresh(later.refresh)  # what has expired is no reuse


async def test_refresh_rotates(desk: Desk) -> None:
    made = await desk.issue()
    for _ in range(3):
        desk.clock.move(minutes=30)
        before, made = made, await desk.refresh(made.refresh)
        assert claims_of(made.refresh)["sid"] == claims_of(before.refresh)["sid"]
        assert made.refresh != before.refresh
        assert await desk.works(made.access)
    assert await desk.refused(made.access) == "invalid"


async def test_a_reused_token_ends_the_family_for_good(desk: Desk) -> None:
    made, apart = await desk.issue(), await desk.issue()
    later = await desk.refresh(made.refresh)
    assert await desk.works(later.access)
    assert await desk.refused(made.refresh) == "invalid"
    assert await desk.refused(later.refresh) == "invalid"
    assert not await desk.works(later.access)
    assert await desk.works((await desk.refresh(apart.refresh)).access)


async def test_of_two_refreshes_at_once_one_wins_and_the_other_ends_the_family(desk: Desk) -> None:
    made = await desk.issue()
    await cast.crowd(desk.db)
    async with desk.db.tx() as tx:
        await value(tx, "select 1 from refresh_family for update")
        asking = [asyncio.create_task(desk.refresh(made.refresh)) for _ in range(5)]
        await asyncio.sleep(0.3)  # now all of them stand at the family's row
    outcomes = await asyncio.gather(*asking, return_exceptions=True)
    (won,) = [one for one in outcomes if isinstance(one, Tokens)]
    assert len([one for one in outcomes if isinstance(one, Fact)]) == 4
    assert await desk.refused(won.refresh) == "invalid"


async def test_sign_out(db: Database, desk: Desk) -> None:
    made = await desk.issue()
    for token in (made.refresh, made.access):
        async with db.tx() as tx:
            await sign_out(tx, desk.secrets, token, desk.clock.now())
    assert await desk.refused(made.refresh) == "invalid"
    assert not await desk.works(made.access)


async def test_an_inactive_user_is_refused(db: Database, desk: Desk) -> None:
    made = await desk.issue()
    await cast.deactivate(db, desk.tenant, desk.user.id)
    assert await desk.refused(made.refresh) == "invalid"
    assert not await desk.works(made.access)
    with pytest.raises(Unauthenticated):
        await desk.issue()
    async with db.tx() as tx:
        await actions.set_active(tx, desk.tenant, desk.user.id, True, by="test")
    assert not await desk.works(made.access)
    assert await desk.works((await desk.issue()).access)


async def test_another_password_ends_the_sign_ins(db: Database, desk: Desk) -> None:
    made = await desk.issue()
    async with db.tx() as tx:
        await actions.set_password(tx, desk.tenant, desk.user.id, "$argon2id$", by="test")
    assert not await desk.works(made.access)


async def test_strangers_get_no_tokens(db: Database, desk: Desk) -> None:
    other = await cast.second_app(db)
    for tenant, user in ((other.live, desk.user.id), (desk.tenant, uuid7()), (99, desk.user.id)):
        with pytest.raises(NotFound):
            async with db.tx() as tx:
                await issue_tokens(tx, desk.secrets, tenant=tenant, user=user, now=desk.clock.now())


async def test_the_tokens_home_holds_until_the_user_leaves_it(db: Database, desk: Desk) -> None:
    made = await desk.issue()
    acme = await cast.acme(db, desk.tenant)

    async def actor_home(access: str) -> int | None:
        return (await Credentials(db, desk.secrets, desk.clock).actor(f"Bearer {access}")).home

    own = await actor_home(made.access)
    async with db.tx() as tx:
        await memberships.add(
            tx, desk.tenant, account=acme.account_id, user=desk.user.id, role=Role.VIEWER, by="test"
        )
        await memberships.set_home(tx, desk.tenant, account=acme.account_id, user=desk.user.id)
    assert await actor_home(made.access) == own
    later = await desk.refresh(made.refresh)
    assert await actor_home(later.access) == acme.account_id
    async with db.tx() as tx:
        await memberships.remove(tx, desk.tenant, account=acme.account_id, user=desk.user.id, by="test")
    assert await actor_home(later.access) == own


async def test_ended_families_are_purged(db: Database, desk: Desk) -> None:
    await desk.issue()
    desk.clock.move(hours=12)
    kept = await desk.issue()
    desk.clock.move(hours=13)
    assert await jobs.purge_refresh_families(db, desk.clock.now()) == 1
    async with db.connection() as conn:
        assert await value(conn, "select count(*) from refresh_family") == 1
    await desk.refresh(kept.refresh)


async def test_one_that_does_not_rotate_stays_good_for_its_day(db: Database, desk: Desk) -> None:
    made = await desk.issue(rotates=False)
    await cast.crowd(db)
    accesses = await asyncio.gather(*[desk.plain(made.refresh) for _ in range(8)])
    assert len(set(accesses)) == 8
    desk.clock.move(hours=23, minutes=59, seconds=58)
    last = await desk.plain(made.refresh)
    assert await desk.works(last)
    assert not await desk.works(accesses[0])
    claims = read_token(desk.secrets, last, "access", desk.clock.now())
    assert (claims.sub, claims.tenant) == (desk.user.id, desk.tenant)
    assert claims.exp == int(desk.clock.moment.timestamp()) + 3600
    desk.clock.move(seconds=2)
    assert await desk.plainly_refused(made.refresh) == "expired"
    desk.clock.move(minutes=58)  # the last access token lives out its hour, whatever is tidied up meanwhile
    assert await jobs.purge_refresh_families(db, desk.clock.now()) == 0
    assert await desk.works(last)
    desk.clock.move(minutes=3)
    assert await jobs.purge_refresh_families(db, desk.clock.now()) == 1


async def test_each_kind_is_refused_where_the_other_is_refreshed(desk: Desk) -> None:
    plain, rotating = await desk.issue(rotates=False), await desk.issue()
    assert await desk.refused(plain.refresh) == "invalid"
    assert await desk.plainly_refused(rotating.refresh) == "invalid"
    for access in (plain.access, rotating.access, "nonsense", ""):
        assert await desk.plainly_refused(access) == "invalid"
    # and none of it did any harm
    assert await desk.works(await desk.plain(plain.refresh))
    assert await desk.works((await desk.refresh(rotating.refresh)).access)


async def test_one_that_does_not_rotate_ends_with_its_sign_in(db: Database, desk: Desk) -> None:
    signed_out, kept_out = await desk.issue(rotates=False), await desk.issue(rotates=False)
    async with db.tx() as tx:
        await sign_out(tx, desk.secrets, signed_out.refresh, desk.clock.now())
    assert await desk.plainly_refused(signed_out.refresh) == "invalid"
    assert await desk.works(await desk.plain(kept_out.refresh))
    await cast.deactivate(db, desk.tenant, desk.user.id)
    assert await desk.plainly_refused(kept_out.refresh) == "inactive"
