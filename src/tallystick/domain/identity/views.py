"""What may be read: tenants, keys, users, memberships, accounts, the audit log."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar
from uuid import UUID

from tallystick.db.pool import Tx, all_rows, one_row, value
from tallystick.db.sql import Queries
from tallystick.kernel.actor import Mode
from tallystick.kernel.errors import NotFound
from tallystick.kernel.ids import account_of, parse_typeid
from tallystick.kernel.page import Page, page_of

from .model import Account, ApiKey, AuditEntry, FirstApp, Membership, Secrets, Tenant, User, storable

T = TypeVar("T")

q: Final = Queries("tallystick.domain.identity")

MAX_BIGINT: Final = 2**63 - 1


@dataclass(slots=True)
class Home:
    """A user's home in a tenant; ``home`` is False where it is only what should be marked."""

    account_id: int
    home: bool


async def first_app(conn: Tx) -> FirstApp | None:
    """The app that the first run made, or None before it."""
    return await one_row(conn, FirstApp, q.first_app)


async def load_secrets(conn: Tx) -> Secrets:
    """The server's secrets. Raises NotFound before the first run."""
    found = [await value(conn, q.secret, {"name": name}) for name in ("api_key", "access_token")]
    if None in found:
        raise NotFound("server secret")
    return Secrets(*found)


async def tenant(conn: Tx, number: int) -> Tenant:
    """Raises NotFound."""
    return _found("app", await one_row(conn, Tenant, q.tenant, {"tenant": number}))


async def tenant_of(conn: Tx, app: UUID, mode: Mode) -> Tenant:
    """Raises NotFound."""
    return _found("app", await one_row(conn, Tenant, q.tenant_of, {"app": app, "mode": mode.value}))


async def app_name(conn: Tx, tenant: int) -> str:
    """What the tenant's app is called. Raises NotFound."""
    name: str = _found("app", await value(conn, q.app_name, {"tenant": tenant}))
    return name


async def now(conn: Tx, tenant: int) -> datetime:
    """The tenant's present moment: the server's time, and later where a test tenant's clock was set ahead.

    Read it after the locks of what is decided by it. Raises NotFound.
    """
    moment: datetime = _found("app", await value(conn, q.now, {"tenant": tenant}))
    return moment


async def api_keys(conn: Tx, tenant: int) -> list[ApiKey]:
    """All keys of the tenant, revoked ones too, newest first."""
    return await all_rows(conn, ApiKey, q.api_keys, {"tenant": tenant})


async def api_key(conn: Tx, tenant: int, key: UUID) -> ApiKey:
    """Raises NotFound."""
    return _found("API key", await one_row(conn, ApiKey, q.api_key, {"tenant": tenant, "id": key}))


async def user(conn: Tx, tenant: int, user: UUID) -> User:
    """A user of the tenant's app. Raises NotFound."""
    return _found("user", await one_row(conn, User, q.user, {"tenant": tenant, "id": user}))


async def user_by_number(conn: Tx, tenant: int, number: int) -> User:
    """Raises NotFound."""
    if not 0 < number <= MAX_BIGINT:
        raise NotFound("user")
    return _found("user", await one_row(conn, User, q.user_by_number, {"tenant": tenant, "number": number}))


async def user_by_email(conn: Tx, tenant: int, email: str) -> User:
    """Raises NotFound. Case and space around it do not matter."""
    address = email.strip().lower()
    if not storable(address):
        raise NotFound("user")
    return _found("user", await one_row(conn, User, q.user_by_email, {"tenant": tenant, "email": address}))


async def users(conn: Tx, tenant: int, *, after: int | None = None, limit: int = 50) -> Page[User]:
    """The users of the tenant's app, by number."""
    rows = await all_rows(conn, User, q.users, {"tenant": tenant, "after": after or 0, "limit": limit + 1})
    return page_of(rows, limit, lambda row: row.number)


async def members(conn: Tx, tenant: int, account: int) -> list[Membership]:
    """The members of an account, by the users' numbers; none for another tenant's."""
    values = {"tenant": tenant, "account": account, "invited": False}
    return await all_rows(conn, Membership, q.members, values)


async def team(conn: Tx, tenant: int, account: int) -> list[Membership]:
    """The members of an account and who is invited to it, by the users' numbers; none for another tenant's."""
    return await all_rows(
        conn, Membership, q.members, {"tenant": tenant, "account": account, "invited": True}
    )


async def memberships(conn: Tx, tenant: int, user: UUID) -> list[Membership]:
    """The memberships of a user in the tenant, by the accounts' numbers."""
    return await all_rows(conn, Membership, q.memberships, {"tenant": tenant, "user": user})


async def recipients(conn: Tx, tenant: int, account: int) -> list[str]:
    """Where e-mail for an account goes: its own address, or else those of its owners who may sign in."""
    rows = await all_rows(conn, _Address, q.recipients, {"tenant": tenant, "account": account})
    return [row.email for row in rows]


async def staff_emails(conn: Tx, tenant: int) -> list[str]:
    """Where notices for the app's operators go: the addresses of its staff who may sign in."""
    rows = await all_rows(conn, _Address, q.staff_emails, {"tenant": tenant})
    return [row.email for row in rows]


@dataclass(slots=True)
class _Address:
    email: str


async def home(conn: Tx, tenant: int, user: UUID) -> Home | None:
    """The user's home in the tenant, or the oldest membership where none is marked."""
    return await one_row(conn, Home, q.home_account, {"tenant": tenant, "user": user})


async def account(conn: Tx, tenant: int, account: int) -> Account:
    """By internal number. Raises NotFound, for another tenant's too."""
    return _found("account", await one_row(conn, Account, q.account, {"tenant": tenant, "account": account}))


async def account_linked(conn: Tx, account: int) -> Account:
    """By internal number, whose ever: only for links that are a credential by themselves, once their token was
    checked. Raises NotFound."""
    return _found("account", await one_row(conn, Account, q.account_linked, {"account": account}))


async def accounts_of(conn: Tx, tenant: int, accounts: Sequence[int]) -> dict[int, Account]:
    """Those of ``accounts`` (internal numbers) that are the tenant's: for lists of what refers to them."""
    values = {"tenant": tenant, "accounts": list(accounts)}
    rows = await all_rows(conn, Account, q.accounts_of, values) if accounts else []
    return {row.account_id: row for row in rows}


async def account_by_uuid(conn: Tx, tenant: int, uuid: UUID) -> Account:
    """Raises NotFound."""
    row = await one_row(conn, Account, q.account, {"tenant": tenant, "account": account_of(uuid)})
    return _found("account", row if row is not None and row.uuid == uuid else None)


async def account_by_number(conn: Tx, tenant: int, number: int) -> Account:
    """By the number that dialects with integers show. Raises NotFound."""
    if not 0 < number <= MAX_BIGINT:
        raise NotFound("account")
    values = {"tenant": tenant, "number": number}
    return _found("account", await one_row(conn, Account, q.account_by_number, values))


async def account_by_external_id(conn: Tx, tenant: int, external_id: str) -> Account:
    """By the product's own id. Raises NotFound."""
    if not storable(external_id):
        raise NotFound("account")
    values = {"tenant": tenant, "external_id": external_id}
    return _found("account", await one_row(conn, Account, q.account_by_external_id, values))


async def accounts(
    conn: Tx,
    tenant: int,
    *,
    external_id: str | None = None,
    email: str | None = None,
    status: str | None = None,
    after: int | None = None,
    limit: int = 50,
) -> Page[Account]:
    """The tenant's accounts by number, after ``after``; filters are exact, the address's case aside."""
    address = None if email is None else email.strip().lower()
    if not storable((external_id or "") + (address or "") + (status or "")):
        return Page([])
    values: dict[str, Any] = {"tenant": tenant, "status": status, "after": after or 0, "limit": limit + 1}
    if external_id is not None:
        row = await one_row(
            conn, Account, q.account_by_external_id, {"tenant": tenant, "external_id": external_id}
        )
        if row is None or row.number <= values["after"] or status not in (None, row.status):
            return Page([])
        return Page([row] if address in (None, row.email.lower()) else [])
    if address is not None:
        rows = await all_rows(conn, Account, q.accounts_by_email, {**values, "email": address})
    elif status not in (None, "active"):
        rows = await all_rows(conn, Account, q.accounts_not_active, values)
    else:
        rows = await all_rows(conn, Account, q.accounts, values)
    return page_of(rows, limit, lambda row: row.number)


async def resolve(conn: Tx, tenant: int, text: str) -> int:
    """The internal number of the account that ``acct_...`` or ``ext:<external id>`` names. Raises NotFound."""
    found = None
    if text.startswith("ext:"):
        if storable(text):
            values = {"tenant": tenant, "external_id": text[4:]}
            found = await value(conn, q.account_id_of_external_id, values)
    else:
        uuid = parse_typeid("acct", text)
        if uuid is not None:
            found = await value(
                conn, q.account_id_of_uuid, {"tenant": tenant, "account": account_of(uuid), "uuid": uuid}
            )
    if found is None:
        raise NotFound("account")
    return int(found)


async def account_uuids(conn: Tx, tenant: int, accounts: Iterable[int]) -> dict[int, UUID]:
    """The UUIDs of those of these accounts (internal numbers) that are the tenant's: for lists of what they own."""
    values = {"tenant": tenant, "accounts": sorted(set(accounts))}
    return {row.account_id: row.uuid for row in await all_rows(conn, _Named, q.account_uuids, values)}


@dataclass(slots=True)
class _Named:
    account_id: int
    uuid: UUID


async def audit_log(conn: Tx, tenant: int, *, before: int | None = None, limit: int = 50) -> Page[AuditEntry]:
    """Manual acts, newest first, before the entry ``before``."""
    values = {"tenant": tenant, "before": MAX_BIGINT if before is None else before, "limit": limit + 1}
    return page_of(await all_rows(conn, AuditEntry, q.audit_log, values), limit, lambda row: row.id)


def _found(what: str, row: T | None) -> T:
    if row is None:
        raise NotFound(what)
    return row
