"""What may be read of automatic purchases and alerts. Ids of another tenant raise NotFound, as unknown ones do."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from tallystick.db.pool import Tx, all_rows, one_row, value
from tallystick.db.sql import Queries
from tallystick.domain.catalog import views as catalog
from tallystick.domain.identity import views as identity
from tallystick.domain.identity.model import storable
from tallystick.kernel.calendar import aligned, boundary
from tallystick.kernel.errors import NotFound
from tallystick.kernel.ids import owner_of

from .model import Alert, AutoReload, Reload, State, state_of

q: Final = Queries("tallystick.domain.reloads")


@dataclass(frozen=True, slots=True)
class Standing:
    """A setting and how it stands. ``spent``: minor units of the month, what is in flight included."""

    setting: AutoReload
    state: State
    spent: int
    last: Reload | None


async def auto_reload(conn: Tx, tenant: int, account: int, credit_type: str) -> AutoReload:
    """Raises NotFound."""
    row = await find(conn, tenant, account, credit_type)
    if row is None:
        raise NotFound("auto-reload")
    return row


async def find(conn: Tx, tenant: int, account: int, credit_type: str) -> AutoReload | None:
    """The setting of a wallet, if it has one."""
    if not storable(credit_type):
        return None
    values = {"tenant": tenant, "account": account, "credit_type": credit_type}
    return await one_row(conn, AutoReload, q.auto_reload, values)


async def auto_reloads(conn: Tx, tenant: int, account: int) -> list[AutoReload]:
    """The account's settings, by credit type."""
    return await all_rows(conn, AutoReload, q.auto_reloads, {"tenant": tenant, "account": account})


async def credits_of(conn: Tx, row: AutoReload) -> int:
    """What one reload buys, with bonus; 0 where the package is gone."""
    if row.amount is not None:
        return row.amount
    assert row.package is not None
    try:
        package = await catalog.package(conn, row.tenant, row.package)
    except NotFound:
        return 0
    return package.credits + package.bonus


async def standing(conn: Tx, row: AutoReload) -> Standing:
    """How a setting stands at the tenant's present moment."""
    now = await identity.now(conn, row.tenant)
    newest = await reloads(conn, row.tenant, row.account, row.credit_type, limit=1)
    running = await in_flight(conn, row.account, row.credit_type)
    spent, _ = await spent_in_month(conn, row, now)
    state = state_of(row, in_flight=running is not None, now=now)
    return Standing(row, state, spent, newest[0] if newest else None)


async def spent_in_month(conn: Tx, row: AutoReload, at: datetime) -> tuple[int, datetime]:
    """What the wallet's reloads of the calendar month cost, and when the month ends in the account's time zone."""
    zone = (await identity.account(conn, row.tenant, row.account)).time_zone
    start = aligned("monthly", at, zone)
    end = boundary(start, "monthly", 1, zone)
    values: dict[str, Any] = {"account": row.account, "credit_type": row.credit_type}
    spent = await value(conn, q.spent, values | {"currency": row.currency, "start": start, "end": end})
    return int(spent), end


async def reload(conn: Tx, tenant: int, invoice: UUID) -> Reload:
    """By the invoice that it paid. Raises NotFound."""
    values = {"tenant": tenant, "account": owner_of(invoice), "invoice": invoice}
    row = await one_row(conn, Reload, q.reload, values)
    if row is None:
        raise NotFound("reload")
    return row


async def reloads(conn: Tx, tenant: int, account: int, credit_type: str, *, limit: int = 50) -> list[Reload]:
    """What was bought automatically for a wallet, the newest first."""
    values = {"tenant": tenant, "account": account, "credit_type": credit_type, "limit": limit}
    return await all_rows(conn, Reload, q.reloads, values)


async def in_flight(conn: Tx, account: int, credit_type: str) -> Reload | None:
    """The wallet's one reload that is under way. That the account is the tenant's, the caller has checked."""
    return await one_row(conn, Reload, q.in_flight, {"account": account, "credit_type": credit_type})


async def alert(conn: Tx, tenant: int, alert: UUID) -> Alert:
    """Raises NotFound."""
    row = await one_row(conn, Alert, q.alert, {"tenant": tenant, "account": owner_of(alert), "id": alert})
    if row is None:
        raise NotFound("alert")
    return row


async def alerts(conn: Tx, tenant: int, account: int, *, credit_type: str | None = None) -> list[Alert]:
    """The account's alerts: by credit type, the highest threshold first."""
    values = {"tenant": tenant, "account": account, "credit_type": credit_type}
    return await all_rows(conn, Alert, q.alerts, values)
