"""What may be changed: apps, users, accounts; each in the caller's transaction.

Locks are taken in this order: account head, the counter of users, account, user, the tenant's other counters.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec

from tallystick.db.pool import Tx, one_row, run, value
from tallystick.domain.events import actions as events
from tallystick.kernel.actor import SYSTEM, Mode
from tallystick.kernel.errors import Conflict, Invalid, NotFound
from tallystick.kernel.ids import account_uuid, uuid7

from . import model, views
from .events import happened
from .model import Account, AccountChanges, App, User, check_text
from .views import q


@dataclass(slots=True)
class _Numbered:
    account_id: int
    number: int


# Apps and tenants


async def create_app(tx: Tx, name: str) -> App:
    """Make an app with its live and its test tenant, each with the credit type ``credits``."""
    app = uuid7()
    await run(tx, q.insert_app, {"id": app, "name": check_text("name", name, 100, shortest=1)})
    tenants = []
    for mode in (Mode.LIVE, Mode.TEST):
        tenant = await value(tx, q.insert_tenant, {"app": app, "mode": mode.value})
        await run(tx, q.insert_first_credit_type, {"tenant": tenant})
        tenants.append(tenant)
    return App(app, *tenants)


async def set_default_credit_type(tx: Tx, tenant: int, code: str) -> None:
    """Let ``code`` be what is meant when nothing is said. That it is defined, the catalog sees to."""
    if not await run(tx, q.set_default_credit_type, {"tenant": tenant, "code": code}):
        raise NotFound("app")


async def set_clock(tx: Tx, tenant: int, ahead: timedelta) -> None:
    """Let the tenant's time be so far ahead of the server's. `domain.clocks` moves a clock and does what falls due.

    Raises Conflict("live_clock") for a live tenant, Invalid for a negative ``ahead``, NotFound.
    """
    if ahead < timedelta():
        raise Invalid("ahead", "must not be negative")
    if (await views.tenant(tx, tenant)).mode is not Mode.TEST:
        raise Conflict("live_clock", "Only a test app has a clock that can be set.")
    await run(tx, q.set_clock, {"tenant": tenant, "ahead": ahead // timedelta(microseconds=1)})


# Users


async def create_user(
    tx: Tx,
    tenant: int,
    *,
    email: str,
    password_hash: str | None,
    by: str,
    first_name: str = "",
    last_name: str = "",
    staff: bool = False,
) -> User:
    """Make a user of the tenant's app, and audit it. ``password_hash`` is of `passwords.hash_password`.

    None is for those who sign in elsewhere. Raises Invalid, NotFound for an unknown tenant, and
    Conflict("email_taken").
    """
    values: dict[str, Any] = {
        "id": uuid7(),
        "tenant": tenant,
        "email": model.check_email("email", email),
        "password_hash": password_hash,
        "first_name": check_text("first_name", first_name, 100),
        "last_name": check_text("last_name", last_name, 100),
        "staff": staff,
    }
    number = await value(tx, q.number_user, {"tenant": tenant})
    if number is None:
        raise NotFound("app")
    row = await one_row(tx, User, q.insert_user, {**values, "number": number})
    if row is None:
        raise Conflict("email_taken", "A user with this e-mail address exists.")
    details = {"email": row.email, "staff": staff}
    await audit(tx, tenant, actor=by, action="user.create", target=f"user:{row.id}", details=details)
    return row


async def set_active(tx: Tx, tenant: int, user: UUID, active: bool, *, by: str) -> None:
    """Let a user in, or keep them out: tokens are refused within a second. Audited. Raises NotFound."""
    if not await run(tx, q.set_active, {"tenant": tenant, "id": user, "active": active}):
        raise NotFound("user")
    if not active:
        await run(tx, q.revoke_families, {"user": user})
    action = "user.activate" if active else "user.deactivate"
    await audit(tx, tenant, actor=by, action=action, target=f"user:{user}")


async def set_staff(tx: Tx, tenant: int, user: UUID, staff: bool, *, by: str) -> None:
    """Make a user an operator of the app, or no longer; tokens follow within a second. Audited. Raises NotFound."""
    if not await run(tx, q.set_staff, {"tenant": tenant, "id": user, "staff": staff}):
        raise NotFound("user")
    details = {"staff": staff}
    await audit(tx, tenant, actor=by, action="user.set_staff", target=f"user:{user}", details=details)


async def set_password(tx: Tx, tenant: int, user: UUID, password_hash: str, *, by: str) -> None:
    """Give a user another password; their sign-ins end, and links to choose one. Audited. Raises NotFound."""
    if not await run(tx, q.set_password, {"tenant": tenant, "id": user, "password_hash": password_hash}):
        raise NotFound("user")
    await run(tx, q.revoke_families, {"user": user})
    await run(tx, q.use_up_links, {"user": user})
    await audit(tx, tenant, actor=by, action="user.set_password", target=f"user:{user}")


# Accounts


async def create_account(
    tx: Tx,
    tenant: int,
    *,
    external_id: str | None = None,
    name: str = "",
    email: str = "",
    first_name: str = "",
    last_name: str = "",
    phone: str = "",
    kind: str = "individual",
    address: Mapping[str, Any] | None = None,
    tax_id: str = "",
    tax_exempt: bool = False,
    currency: str | None = None,
    time_zone: str = "UTC",
    metadata: dict[str, Any] | None = None,
) -> Account:
    """Make an account with its head, the ledger's root row. ``currency`` is by default the tenant's.

    Takes the tenant's counter of accounts until the end of the transaction. Raises Invalid, NotFound for an
    unknown tenant, and Conflict("external_id_taken").
    """
    if currency is None:
        currency = (await views.tenant(tx, tenant)).currency
    values = _checked(
        {
            "external_id": external_id,
            "name": name,
            "email": email,
            "first_name": first_name,
            "last_name": last_name,
            "phone": phone,
            "kind": kind,
            "address": address or {},
            "tax_id": tax_id,
            "tax_exempt": tax_exempt,
            "currency": currency,
            "time_zone": time_zone,
            "metadata": metadata or {},
        }
    )
    numbered = await one_row(tx, _Numbered, q.number_account, {"tenant": tenant})
    assert numbered is not None
    values |= {
        "tenant": tenant,
        "account": numbered.account_id,
        "number": numbered.number,
        "uuid": account_uuid(numbered.account_id),
    }
    if not await run(tx, q.insert_directory, values):
        raise _external_id_taken()
    await run(tx, q.insert_account, values)
    await run(tx, q.open_head, values)
    made = await views.account(tx, tenant, numbered.account_id)
    await events.emit(tx, tenant, happened("customer.created", made, made.created_at))
    return made


async def patch_account(
    tx: Tx, tenant: int, account: int, changes: AccountChanges, *, by: str = SYSTEM
) -> Account:
    """Change what is given. Locks the head first. Another status is audited as an act of ``by``.

    Raises Invalid, NotFound, Conflict("external_id_taken"), and Conflict("account_closed") for a closed
    account's status.
    """
    if await value(tx, q.lock_head, {"tenant": tenant, "account": account}) is None:
        raise NotFound("account")
    before = await views.account(tx, tenant, account)
    after = replace(before, **changes)
    if after.status != before.status:
        await _check_status(tx, before, after, by)
    values = _checked(asdict(after))
    values |= {"tenant": tenant, "account": account, "number": after.number, "status": after.status}
    await run(tx, q.update_account, values)
    if after.external_id != before.external_id:
        # put in anew, since an insert can say that the id is taken, where an update can only fail
        await run(tx, q.delete_directory, values)
        if not await run(tx, q.insert_directory, values):
            raise _external_id_taken()
    if (after.external_id, after.status) != (before.external_id, before.status):
        await run(tx, q.update_head, values)
    made = await views.account(tx, tenant, account)
    if replace(made, updated_at=before.updated_at) != before:
        await events.emit(tx, tenant, happened("customer.updated", made, made.updated_at))
    return made


async def _check_status(tx: Tx, before: Account, after: Account, by: str) -> None:
    model.check_status(after.status)
    if before.status == "closed":
        raise Conflict("account_closed", "The account is closed.")
    await audit(
        tx,
        before.tenant_id,
        actor=by,
        action="account.set_status",
        target=f"acct:{before.uuid}",
        details={"from": before.status, "to": after.status},
    )


# Audit


async def audit(
    tx: Tx,
    tenant: int,
    *,
    actor: str,
    action: str,
    target: str,
    reason: str | None = None,
    details: dict[str, Any] | None = None,
) -> None:
    """Record a manual act, in the act's own transaction. Raises Invalid for a reason that is not text."""
    if reason is not None:
        check_text("reason", reason, 500)
    await run(
        tx,
        q.insert_audit,
        {
            "tenant": tenant,
            "actor": actor,
            "action": action,
            "target": target,
            "reason": reason,
            "details": msgspec.json.encode(details or {}).decode(),
        },
    )


def _checked(fields: dict[str, Any]) -> dict[str, Any]:
    """An account's fields as they are stored. Raises Invalid."""
    return {
        "external_id": model.check_external_id(fields["external_id"]),
        "name": check_text("name", fields["name"], 255),
        "email": model.check_email("email", fields["email"]) if fields["email"] else "",
        "first_name": check_text("first_name", fields["first_name"], 100),
        "last_name": check_text("last_name", fields["last_name"], 100),
        "phone": check_text("phone", fields["phone"], 50),
        "kind": model.check_kind(fields["kind"]),
        "address": msgspec.json.encode(model.check_address(fields["address"])).decode(),
        "tax_id": check_text("tax_id", fields["tax_id"], 100),
        "tax_exempt": fields["tax_exempt"],
        "currency": model.check_currency(fields["currency"]),
        "time_zone": model.check_time_zone(fields["time_zone"]),
        "metadata": model.metadata_text(fields["metadata"]),
    }


def _external_id_taken() -> Conflict:
    return Conflict("external_id_taken", "An account with this external_id exists.")


async def lock_user(tx: Tx, tenant: int, user: UUID) -> User:
    """A user's memberships, home and links change under this lock. Raises NotFound."""
    row = await one_row(tx, User, q.lock_user, {"tenant": tenant, "id": user})
    if row is None:
        raise NotFound("user")
    return row
