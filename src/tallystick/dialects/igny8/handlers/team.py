"""The people of the account: who is in it, and who is invited."""

from typing import Any, Final

import msgspec

from tallystick.db.pool import Tx
from tallystick.dialects.igny8 import shown
from tallystick.dialects.igny8.desk import System, asker
from tallystick.dialects.igny8.errors import encode
from tallystick.dialects.igny8.paging import bare, paging
from tallystick.domain.identity import invitations, memberships, password_links, views
from tallystick.domain.identity.asking import Asker
from tallystick.domain.identity.request_keys import key_of, once
from tallystick.http.contract import Ask
from tallystick.http.drf.fields import Char, Email, read
from tallystick.http.drf.parsing import parsed
from tallystick.http.hot import Reply
from tallystick.http.idempotency import check_key, headers_of
from tallystick.kernel.actor import Role
from tallystick.kernel.errors import NotFound

_NAME: Final = Char(required=False, blank=True, max_length=100)
_INVITED: Final = {"email": Email(max_length=254), "first_name": _NAME, "last_name": _NAME}


async def list_team(system: System, ask: Ask) -> Reply:
    """List the members of the account and who is invited to it."""
    who = await asker(system, ask)
    at = paging(ask)
    async with system.db.connection() as conn:
        rows = await views.team(conn, who.tenant, who.account)
    people = [shown.teammate(row) for row in at.cut(rows)]
    return Reply(200, encode(bare(system, ask, at, people, len(rows))))


async def invite_teammate(system: System, ask: Ask) -> Reply:
    """Invite somebody to the account as a member; they are mailed."""
    who = await asker(system, ask)
    who.must_be(Role.ADMIN)
    key = key_of("igny8", who.account, check_key(ask.key))
    said = read(_INVITED, parsed(ask.content_type, ask.body))
    link = password_links.address(system.settings.public_url)

    async def act() -> tuple[int, Any]:
        made = await invitations.invite(
            tx, who.tenant, account=who.account, role=Role.MEMBER, by=who.actor.name, now=system.clock.now(),
            link=link, **said,
        )  # fmt: skip
        return 201, msgspec.to_builtins(shown.teammate(made))

    async with system.db.tx() as tx:
        if key is None:
            return Reply(201, encode((await act())[1]))
        done = await once(tx, who.tenant, key, ask.digest(said), act)
    return Reply(done.status, encode(done.body), headers_of(done.replayed))


async def remove_teammate(system: System, ask: Ask) -> Reply:
    """Take somebody out of the account, or an invitation back: nobody above one's own role."""
    who = await asker(system, ask)
    who.must_be(Role.ADMIN)
    key = key_of("igny8", who.account, check_key(ask.key))

    async def act() -> tuple[int, Any]:
        await _remove(tx, who, ask.params["id"])
        return 204, None

    async with system.db.tx() as tx:
        if key is None:
            await act()
            return Reply(204, b"")
        done = await once(tx, who.tenant, key, ask.digest(None), act)
    return Reply(204, b"", headers_of(done.replayed))


async def _remove(tx: Tx, who: Asker, text: str) -> None:
    """Raises NotFound, Forbidden for somebody of a higher role, Conflict("last_owner")."""
    await memberships.lock_account(tx, who.tenant, who.account)  # until then the role might change
    found = [row for row in await views.team(tx, who.tenant, who.account) if str(row.user_number) == text]
    if not found:
        raise NotFound("member")
    who.must_be(found[0].role)
    await memberships.remove(tx, who.tenant, account=who.account, user=found[0].user_id, by=who.actor.name)
