"""Reading what is sold: features, plans with their versions, packages. Everyone else finds it in `views`.

What is deleted is not found, except where it says so.
"""

from collections.abc import Sequence
from typing import Any, Final, TypeVar
from uuid import UUID

from tallystick.db.pool import Tx, all_rows, one_row, value
from tallystick.db.sql import Queries
from tallystick.domain.identity.model import storable
from tallystick.kernel.errors import NotFound
from tallystick.kernel.page import MAX_KEY, Page, Slice, page_of

from .model import Feature, FeatureType, Package, Plan, PlanStatus, PlanVersion
from .terms import Interval

T = TypeVar("T")

q: Final = Queries("tallystick.domain.catalog", "plans.sql")

_MAX_INT: Final = 2**31 - 1
_MANY: Final = 500


async def feature(conn: Tx, tenant: int, key: str) -> Feature:
    """By key. Raises NotFound."""
    return _found("feature", (await features_of(conn, tenant, [key])).get(key))


async def feature_by_id(conn: Tx, tenant: int, feature: UUID) -> Feature:
    """Raises NotFound."""
    return _found("feature", await one_row(conn, Feature, q.feature, {"tenant": tenant, "id": feature}))


async def features_of(conn: Tx, tenant: int, keys: Sequence[str]) -> dict[str, Feature]:
    """Those of ``keys`` that are defined."""
    plain = [key for key in keys if storable(key)]
    rows = (
        await all_rows(conn, Feature, q.features_by_key, {"tenant": tenant, "keys": plain}) if plain else []
    )
    return {row.key: row for row in rows}


async def features(
    conn: Tx,
    tenant: int,
    *,
    type: FeatureType | None = None,
    category: str | None = None,
    credit_type: str | None = None,
    name: str | None = None,
    before: int | None = None,
    limit: int = 50,
) -> Page[Feature]:
    """The newest first, before the number ``before``; ``name``: a part of it, in any case."""
    values = {"type": type, "category": category, "credit_type": credit_type, "name": name}
    return await _page(conn, Feature, q.features, tenant, values, before, limit)


async def all_features(conn: Tx, tenant: int) -> list[Feature]:
    """Every one, by key."""
    found: list[Feature] = []
    page = await features(conn, tenant, limit=_MANY)
    while True:
        found += page.rows
        if page.next_key is None:
            return sorted(found, key=lambda feature: feature.key)
        page = await features(conn, tenant, before=page.next_key, limit=_MANY)


async def plan(conn: Tx, tenant: int, plan: UUID) -> Plan:
    """As it stands. Raises NotFound."""
    return _found("plan", await one_row(conn, Plan, q.plan, {"tenant": tenant, "id": plan}))


async def plan_by_key(conn: Tx, tenant: int, key: str) -> Plan:
    """As it stands. Raises NotFound."""
    row = await one_row(conn, Plan, q.plan_by_key, {"tenant": tenant, "key": key}) if storable(key) else None
    return _found("plan", row)


async def plan_by_number(conn: Tx, tenant: int, number: int) -> Plan:
    """By the number that dialects with integers show. Raises NotFound."""
    values = {"tenant": tenant, "number": number}
    row = await one_row(conn, Plan, q.plan_by_number, values) if 0 < number <= MAX_KEY else None
    return _found("plan", row)


async def plan_version(conn: Tx, tenant: int, plan: UUID, version: int) -> Plan:
    """The plan with the terms of one of its versions, deleted or not. Raises NotFound."""
    values = {"tenant": tenant, "id": plan, "version": version}
    row = await one_row(conn, Plan, q.plan_version, values) if 0 < version <= _MAX_INT else None
    return _found("plan version", row)


async def plan_versions(
    conn: Tx, tenant: int, plan: UUID, *, before: int | None = None, limit: int = 50
) -> Page[PlanVersion]:
    """The newest first, before the version ``before``; deleted or not, none for an unknown plan."""
    values = {"tenant": tenant, "id": plan, "before": min(before or MAX_KEY, _MAX_INT), "limit": limit + 1}
    rows = await all_rows(conn, PlanVersion, q.plan_versions, values)
    return page_of(rows, limit, lambda row: row.version)


async def plans_of(conn: Tx, tenant: int, plans: Sequence[UUID]) -> dict[UUID, Plan]:
    """Those of ``plans`` that are the tenant's, as they stand, deleted or not: for lists of what refers to them."""
    rows = await all_rows(conn, Plan, q.plans_of, {"tenant": tenant, "ids": list(plans)}) if plans else []
    return {row.id: row for row in rows}


async def plans(
    conn: Tx,
    tenant: int,
    *,
    status: PlanStatus | None = None,
    tier: str | None = None,
    interval: Interval | None = None,
    currency: str | None = None,
    name: str | None = None,
    before: int | None = None,
    limit: int = 50,
) -> Page[Plan]:
    """The newest first, before the number ``before``; ``name``: a part of it, in any case."""
    values = {"status": status, "tier": tier, "interval": interval, "currency": currency, "name": name}
    return await _page(conn, Plan, q.plans, tenant, values, before, limit)


async def package(conn: Tx, tenant: int, package: UUID) -> Package:
    """Raises NotFound."""
    return _found("package", await one_row(conn, Package, q.package, {"tenant": tenant, "id": package}))


async def package_by_key(conn: Tx, tenant: int, key: str) -> Package:
    """Raises NotFound."""
    values = {"tenant": tenant, "key": key}
    return _found(
        "package", await one_row(conn, Package, q.package_by_key, values) if storable(key) else None
    )


async def package_by_number(conn: Tx, tenant: int, number: int) -> Package:
    """By the number that dialects with integers show. Raises NotFound."""
    values = {"tenant": tenant, "number": number}
    row = await one_row(conn, Package, q.package_by_number, values) if 0 < number <= MAX_KEY else None
    return _found("package", row)


async def packages(
    conn: Tx,
    tenant: int,
    *,
    active: bool | None = None,
    currency: str | None = None,
    credit_type: str | None = None,
    name: str | None = None,
    before: int | None = None,
    limit: int = 50,
) -> Page[Package]:
    """The newest first, before the number ``before``; ``name``: a part of it, in any case."""
    values = {"active": active, "currency": currency, "credit_type": credit_type, "name": name}
    return await _page(conn, Package, q.packages, tenant, values, before, limit)


async def packages_by_offset(
    conn: Tx, tenant: int, credit_type: str, *, limit: int, offset: int
) -> Slice[Package]:
    """The packages of a credit type, those not sold now too, in the order in which they were made."""
    values = {"tenant": tenant, "credit_type": credit_type, "limit": limit, "offset": offset}
    total: int = await value(conn, q.count_packages, values)
    return Slice(await all_rows(conn, Package, q.packages_by_offset, values), total)


async def _page(
    conn: Tx, kind: type[T], query: str, tenant: int, values: dict[str, Any], before: int | None, limit: int
) -> Page[T]:
    if not all(storable(value) for value in values.values() if isinstance(value, str)):
        return Page([])  # what PostgreSQL cannot hold is in no row
    values |= {"tenant": tenant, "before": MAX_KEY if before is None else before, "limit": limit + 1}
    return page_of(await all_rows(conn, kind, query, values), limit, _number)


def _number(row: Any) -> int:
    return int(row.number)


def _found(what: str, row: T | None) -> T:
    if row is None:
        raise NotFound(what)
    return row
