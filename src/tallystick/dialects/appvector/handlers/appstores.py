"""App-store data: search, details and change history of both stores' apps, each call paid in credits."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
import structlog

from tallystick.dialects.appvector import apps, errors
from tallystick.dialects.appvector.asking import asked
from tallystick.dialects.appvector.desk import Desk, must_be
from tallystick.domain.appstores.desk import Payer
from tallystick.domain.appstores.port import AppUnknown, Platform, StoreFailed
from tallystick.domain.identity.asking import Asker
from tallystick.domain.identity.request_keys import Inner, in_steps, key_of
from tallystick.http.contract import Ask
from tallystick.http.hot import Reply
from tallystick.http.idempotency import check_key, headers_of
from tallystick.http.problem import crash
from tallystick.kernel.actor import Mode, Role
from tallystick.kernel.errors import Fact

log = structlog.get_logger()

_NO_SEARCH: Final = "Failed to search apps"
_NO_DETAILS: Final = "Failed to fetch app details"
_NO_HISTORY: Final = "Failed to fetch app history"


async def android_search(desk: Desk, ask: Ask) -> Reply:
    """Search Android apps in Google Play Store."""
    return await _search(desk, ask, "android")


async def apple_search(desk: Desk, ask: Ask) -> Reply:
    """Search Apple apps in App Store."""
    return await _search(desk, ask, "apple")


async def android_details(desk: Desk, ask: Ask) -> Reply:
    """Get Android app details (with caching)."""
    return await _details(desk, ask, "android")


async def apple_details(desk: Desk, ask: Ask) -> Reply:
    """Get Apple app details (with caching)."""
    return await _details(desk, ask, "apple")


async def android_history(desk: Desk, ask: Ask) -> Reply:
    """Get Android app change history."""
    return await _history(desk, ask, "android")


async def apple_history(desk: Desk, ask: Ask) -> Reply:
    """Get Apple app change history."""
    return await _history(desk, ask, "apple")


async def _search(desk: Desk, ask: Ask, platform: Platform) -> Reply:
    who, said = await _member(desk, ask)
    wanted = apps.search(said)

    async def found(key: str | None) -> bytes:
        hits = await desk.system.app_stores.search(_payer(who), platform, *wanted, key=key)
        return apps.hits(wanted, hits)

    return await _paid(desk, ask, who, wanted, found, _NO_SEARCH)


async def _details(desk: Desk, ask: Ask, platform: Platform) -> Reply:
    plain = apps.quickly(platform, ask)
    if plain is not None:
        who, wanted = await desk.asker(ask, plain[0]), plain[1]
        must_be(who, Role.MEMBER)
    else:
        who, said = await _member(desk, ask)
        wanted = apps.details(platform, said)
    app = wanted.app

    async def found(key: str | None) -> bytes:
        told = await desk.system.app_stores.details_json(
            _payer(who), *app.name, force=wanted.force, parts=app.parts, key=key
        )
        return apps.told(app, told)

    return await _paid(desk, ask, who, wanted, found, _NO_DETAILS)


async def _history(desk: Desk, ask: Ask, platform: Platform) -> Reply:
    who, said = await _member(desk, ask)
    app, span = apps.history(platform, said)

    async def told() -> Reply:
        found = await desk.system.app_stores.history(
            who.tenant, who.account, *app.name, start=span.start, end=span.end, fields=span.fields, parts=app.parts
        )  # fmt: skip
        return errors.said(200, apps.changes(app, found))

    return await _answered(ask, told, _NO_HISTORY)


async def _member(desk: Desk, ask: Ask) -> tuple[Asker, Any]:
    """As `asked`, of who may spend the workspace's credits. Raises Forbidden too."""
    who, said = await asked(desk, ask)
    must_be(who, Role.MEMBER)
    return who, said


def _payer(who: Asker) -> Payer:
    return Payer(who.tenant, who.account, who.actor.name, who.actor.mode is Mode.LIVE)


async def _paid(
    desk: Desk,
    ask: Ask,
    who: Asker,
    wanted: Any,
    found: Callable[[str | None], Awaitable[bytes]],
    failure: str,
) -> Reply:
    """The answer of a call that costs credits, the same for the same key; what fails is kept under none."""

    async def told() -> Reply:
        key = check_key(ask.key)
        if key is None:
            return Reply(200, await found(None))
        return await _once(desk, ask, key, who, wanted, found)

    return await _answered(ask, told, failure)


async def _answered(ask: Ask, told: Callable[[], Awaitable[Reply]], failure: str) -> Reply:
    """An answer, or the contract's own body for what fails; Facts are said as everywhere."""
    try:
        return await told()
    except Fact:
        raise
    except AppUnknown:
        return errors.app_unknown()
    except StoreFailed as failed:
        log.warning("an app store failed", path=ask.path, fault=failed.fault, reason=str(failed))
    except (
        Exception
    ) as fault:  # a fault of ours: logged, and said in the one body that the contract has for failures
        crash(fault)
    return errors.store_failed(failure)


async def _once(
    desk: Desk, ask: Ask, key: str, who: Asker, wanted: Any, found: Callable[[str | None], Awaitable[bytes]]
) -> Reply:
    digest = ask.digest(wanted)
    kept = key_of("appvector", who.account, key)

    async def act(_: Inner) -> msgspec.Raw:
        # another request under this key is another call: the first did not pay for it
        return msgspec.Raw(await found(f"{kept} {digest.hex()}"))

    done = await in_steps(desk.system.db, who.tenant, kept, digest, act, lambda answer: (200, answer))
    return errors.said(done.status, done.body, headers_of(done.replayed))
