"""What the command line does to a database: each opens it, acts through the domain, and closes it."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any, Final

from .db.pool import Database
from .domain.identity import actions, keys, memberships, passwords, tokens, views
from .domain.identity.first_run import ensure_first_app
from .domain.identity.model import Tenant
from .domain.invoicing import verify as invoicing
from .domain.ledger import verify
from .domain.metering import verify as metering
from .domain.payments import verify as payments
from .kernel.actor import Mode, Role, Scope
from .kernel.clock import SystemClock, iso
from .kernel.credits import format_credits
from .kernel.errors import NotFound
from .kernel.ids import parse_typeid, typeid

BY: Final = "cli"


@contextlib.asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    """A database for the length of a command."""
    db = Database(url, size=2)
    await db.open()
    try:
        yield db
    finally:
        await db.close()


async def first_run(url: str) -> dict[str, Any]:
    """Make what is missing; secrets are in the answer only when they were just made."""
    async with opened(url) as db, db.tx() as tx:
        made = await ensure_first_app(tx)
        if made is not None:
            return {
                "app_id": str(made.app.id),
                "live_key": made.live_key,
                "test_key": made.test_key,
                "owner_email": made.owner_email,
                "owner_password": made.owner_password,
            }
        first = await views.first_app(tx)
        assert first is not None, "an app was made or found"
        return {"app_id": str(first.app_id), "owner_email": first.owner_email, "exists": True}


async def tenant_of(db: Database, mode: Mode) -> Tenant:
    """The first app's tenant of this mode. Raises NotFound before the first run."""
    async with db.connection() as conn:
        app = await views.first_app(conn)
        if app is None:
            raise NotFound("app; run `tallystick init` first")
        return await views.tenant_of(conn, app.app_id, mode)


async def create_key(url: str, mode: Mode, scope: Scope, name: str) -> str:
    """The text of a new key, shown this once."""
    async with opened(url) as db:
        tenant = await tenant_of(db, mode)
        async with db.tx() as tx:
            secrets = await views.load_secrets(tx)
            made = await keys.create_api_key(
                tx, secrets, tenant.id, name=name or "Made on the command line", scope=scope, created_by=BY
            )
            return made.text


async def list_keys(url: str) -> list[tuple[str, ...]]:
    """Id, mode, scope, hint, creation, state and name of every key."""
    async with opened(url) as db:
        rows: list[tuple[str, ...]] = []
        for mode in Mode:
            tenant = await tenant_of(db, mode)
            async with db.connection() as conn:
                for key in await views.api_keys(conn, tenant.id):
                    state = "active" if key.revoked_at is None else "revoked"
                    rows.append(
                        (typeid("key", key.id), mode.value, key.scope.value, f"...{key.hint}",
                         iso(key.created_at), state, key.name)
                    )  # fmt: skip
        return rows


async def revoke_key(url: str, text: str) -> None:
    """Revoke the key of this id, in either mode. Raises NotFound."""
    key = parse_typeid("key", text)
    async with opened(url) as db:
        for mode in Mode:
            tenant = await tenant_of(db, mode)
            with contextlib.suppress(NotFound):
                async with db.tx() as tx:
                    if key is not None:
                        await keys.revoke_api_key(tx, tenant.id, key, by=BY)
                        return
    raise NotFound("API key")


async def create_user(
    url: str, *, email: str, password: str, account: str | None, role: Role, staff: bool
) -> dict[str, Any]:
    """A user; a member of ``account`` (see `_locate`) if one is given."""
    hashed = await passwords.hash_password(password)
    async with opened(url) as db:
        tenant, number = (await tenant_of(db, Mode.LIVE)).id, None
        if account is not None:
            tenant, number = await _locate(db, account)
        async with db.tx() as tx:
            user = await actions.create_user(
                tx, tenant, email=email, password_hash=hashed, by=BY, staff=staff
            )
            if number is not None:
                await memberships.add(tx, tenant, account=number, user=user.id, role=role, by=BY)
            return {"id": typeid("user", user.id), "number": user.number, "email": user.email}


async def _locate(db: Database, text: str) -> tuple[int, int]:
    """Tenant and internal number of the account ``acct_...``, ``ext:...`` or a number that contracts show.

    Looks in live mode first; ``test:`` before it means test mode alone. Raises NotFound.
    """
    modes = [Mode.TEST] if text.startswith("test:") else list(Mode)
    text = text.removeprefix("test:")
    for mode in modes:
        tenant = await tenant_of(db, mode)
        with contextlib.suppress(NotFound):
            async with db.connection() as conn:
                if text.isascii() and text.isdigit():
                    found = await views.account_by_number(conn, tenant.id, int(text))
                    return tenant.id, found.account_id
                return tenant.id, await views.resolve(conn, tenant.id, text)
    raise NotFound(f"account: {text}")


async def access_token(url: str, email: str, mode: Mode) -> str:
    """An access token of the user, as a sign-in would give it. Raises NotFound."""
    async with opened(url) as db:
        tenant = await tenant_of(db, mode)
        async with db.tx() as tx:
            user = await views.user_by_email(tx, tenant.id, email)
            made = await tokens.issue_tokens(
                tx, await views.load_secrets(tx), tenant=tenant.id, user=user.id, now=SystemClock().now()
            )
            return made.access


async def verify_books(url: str, account: str | None) -> dict[str, Any]:
    """Prove the books of all accounts or of one, and say so as JSON."""
    async with opened(url) as db:
        number = None if account is None else (await _locate(db, account))[1]
        report = await verify.verify(db, number)
        report.faults += await invoicing.verify(db, number)
        report.faults += await metering.verify(db, number)
        report.faults += await payments.verify(db, number)
        invoices = await invoicing.count(db, number)
        paid = await payments.count(db, number)
    return {
        "ok": report.ok,
        "checked": {
            "accounts": report.accounts,
            "wallets": report.wallets,
            "entries": report.entries,
            "grants": report.grants,
            "holds": report.holds,
            "invoices": invoices,
            "payments": paid,
            "contra": [
                {"tenant": tenant, "contra": contra, "credit_type": code, "total": format_credits(total)}
                for (tenant, contra, code), total in sorted(report.contra.items())
            ],
        },
        "faults": [
            {
                "check": fault.check,
                "account": None if fault.uuid is None else typeid("acct", fault.uuid),
                "row": fault.row,
                "expected": fault.expected,
                "found": fault.found,
            }
            for fault in report.faults
        ],
    }
