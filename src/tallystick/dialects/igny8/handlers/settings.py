"""The account's settings: its name and billing address, with its balance."""

from typing import Any, Final

import msgspec

from tallystick.db.pool import Tx
from tallystick.dialects.igny8 import shown
from tallystick.dialects.igny8.desk import System, asker
from tallystick.dialects.igny8.errors import encode
from tallystick.domain.identity import actions, views
from tallystick.domain.identity.asking import Asker
from tallystick.domain.identity.model import Account, AccountChanges
from tallystick.domain.identity.request_keys import key_of, once
from tallystick.domain.ledger import actions as ledger
from tallystick.http.contract import Ask
from tallystick.http.drf.fields import Char, read
from tallystick.http.drf.parsing import parsed
from tallystick.http.drf.validation import ValidationFailed
from tallystick.http.hot import Reply
from tallystick.http.idempotency import check_key, headers_of
from tallystick.kernel.actor import Role
from tallystick.kernel.errors import Invalid

from .balance import credits_in

_PARTS: Final = {
    "billing_address_line1": "line1",
    "billing_address_line2": "line2",
    "billing_city": "city",
    "billing_state": "region",
    "billing_postal_code": "postal_code",
    "billing_country": "country",
}
"""The contract's fields of the address, as the account's parts of it."""
_FIELDS: Final = {
    "name": Char(max_length=255),
    **dict.fromkeys(_PARTS, Char(blank=True, null=True, max_length=255)),
}


async def read_settings(system: System, ask: Ask) -> Reply:
    """Read the account's settings."""
    who = await asker(system, ask)
    balance = await _balance(system, who)
    async with system.db.connection() as conn:
        row = await views.account(conn, who.tenant, who.account)
    return Reply(200, encode(shown.account_settings(row, balance)))


async def change_settings(system: System, ask: Ask) -> Reply:
    """Change the account's name and billing address; what is absent stays."""
    who = await asker(system, ask)
    who.must_be(Role.ADMIN)
    key = key_of("igny8", who.account, check_key(ask.key))
    said = read(_FIELDS, parsed(ask.content_type, ask.body), partial=True)
    balance = await _balance(system, who)

    async def act() -> tuple[int, Any]:
        row = await _changed(tx, who, said)
        return 200, msgspec.to_builtins(shown.account_settings(row, balance))

    async with system.db.tx() as tx:
        if key is None:
            return Reply(200, encode((await act())[1]))
        done = await once(tx, who.tenant, key, ask.digest(said), act)
    return Reply(done.status, encode(done.body), headers_of(done.replayed))


async def _changed(tx: Tx, who: Asker, said: dict[str, Any]) -> Account:
    """The account as it is then. Locks its head: of two who change parts of one address neither is lost."""
    await ledger.lock(tx, [who.account])
    before = await views.account(tx, who.tenant, who.account)
    changes: AccountChanges = {}
    if "name" in said:
        changes["name"] = said["name"]
    parts = {part: said[name] for name, part in _PARTS.items() if name in said}
    if parts:
        changes["address"] = {**before.address, **parts}
    try:
        return await actions.patch_account(tx, who.tenant, who.account, changes, by=who.actor.name)
    except Invalid as fact:
        raise _named(fact) from None


def _named(fact: Invalid) -> ValidationFailed:
    """What is wrong, under the contract's name of the field."""
    names = {f"address.{part}": name for name, part in _PARTS.items()}
    return ValidationFailed({names.get(fact.field, fact.field): [fact.problem]})


async def _balance(system: System, who: Asker) -> int:
    credit_type = await system.credit_types.resolve(who.tenant, None)
    return credits_in(await system.balances.balances(who.tenant, who.account), credit_type)
