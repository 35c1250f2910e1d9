"""Changing packages. Everyone else finds it in `actions`."""

from typing import Any, Unpack
from uuid import UUID

from tallystick.db.pool import Tx, run, value
from tallystick.domain.identity import actions as identity
from tallystick.domain.identity import views as identities
from tallystick.domain.identity.model import check_currency, check_text, metadata_text
from tallystick.kernel.credits import MAX_AMOUNT
from tallystick.kernel.errors import Conflict, NotFound
from tallystick.kernel.ids import uuid7

from . import views
from .model import Package, PackageChanges, check_description
from .offers import q
from .terms import MAX_PRICE, between, check_key

MAX_DAYS = 36_500


async def create_package(
    tx: Tx,
    tenant: int,
    *,
    name: str,
    credit_type: str,
    credits: int,
    price: int,
    currency: str,
    key: str | None = None,
    description: str = "",
    bonus: int = 0,
    expires_after_days: int | None = None,
    active: bool = True,
    metadata: dict[str, Any] | None = None,
    by: str,
) -> Package:
    """Offer ``credits`` and ``bonus`` microcredits for ``price`` minor units of ``currency``.

    Without ``expires_after_days`` what is bought never expires. Audited. Raises Invalid, and Conflict("key_taken").
    """
    fields = {
        "name": name,
        "description": description,
        "credit_type": credit_type,
        "credits": credits,
        "bonus": bonus,
        "price": price,
        "currency": currency,
        "expires_after_days": expires_after_days,
        "active": active,
        "metadata": metadata or {},
    }
    values = await _checked(tx, tenant, fields)
    values |= {"tenant": tenant, "id": uuid7(), "key": None if key is None else check_key("key", key)}
    values["number"] = await value(tx, q.number, {"tenant": tenant, "name": "package"})
    values["now"] = await identities.now(tx, tenant)
    if not await run(tx, q.insert_package, values):
        raise Conflict("key_taken", "A package with this key exists.")
    await _audit(tx, tenant, by, "package.create", values["id"], {"name": name, "key": key})
    return await views.package(tx, tenant, values["id"])


async def update_package(
    tx: Tx, tenant: int, package: UUID, *, by: str, **changes: Unpack[PackageChanges]
) -> Package:
    """Change what is given, for those who buy from now on. Nothing new leaves no trace. Audited.

    Raises Invalid and NotFound.
    """
    before = await _locked(tx, tenant, package)
    changed: dict[str, Any] = {name: new for name, new in changes.items() if new != getattr(before, name)}
    if not changed:
        return before
    fields = {name: getattr(before, name) for name in PackageChanges.__annotations__} | changed
    values = await _checked(tx, tenant, fields)
    values |= {"tenant": tenant, "id": package, "now": await identities.now(tx, tenant)}
    await run(tx, q.update_package, values)
    await _audit(tx, tenant, by, "package.update", package, changed)
    return await views.package(tx, tenant, package)


async def delete_package(tx: Tx, tenant: int, package: UUID, *, by: str) -> Package:
    """Hide a package, whose key is free again; what was bought stays. Audited. Raises NotFound."""
    found = await _locked(tx, tenant, package)
    now = await identities.now(tx, tenant)
    await run(tx, q.delete_package, {"tenant": tenant, "id": package, "now": now})
    await _audit(tx, tenant, by, "package.delete", package, {"name": found.name})
    return found


async def _locked(tx: Tx, tenant: int, package: UUID) -> Package:
    if await value(tx, q.lock_package, {"tenant": tenant, "id": package}) is None:
        raise NotFound("package")
    return await views.package(tx, tenant, package)


async def _checked(tx: Tx, tenant: int, fields: dict[str, Any]) -> dict[str, Any]:
    """A package's fields as they are stored. Raises Invalid."""
    if not await views.defined(tx, tenant, [fields["credit_type"]]):
        raise views.undefined("credit_type", fields["credit_type"])
    between("credits", fields["credits"], 1, MAX_AMOUNT)
    between("bonus", fields["bonus"], 0, MAX_AMOUNT)
    between("price", fields["price"], 0, MAX_PRICE)
    if fields["expires_after_days"] is not None:
        between("expires_after_days", fields["expires_after_days"], 1, MAX_DAYS)
    return {
        **fields,
        "name": check_text("name", fields["name"], 255, shortest=1),
        "description": check_description(fields["description"]),
        "currency": check_currency(fields["currency"]),
        "metadata": metadata_text(fields["metadata"]),
    }


async def _audit(tx: Tx, tenant: int, by: str, action: str, package: UUID, details: dict[str, Any]) -> None:
    await identity.audit(tx, tenant, actor=by, action=action, target=f"pkg:{package}", details=details)
