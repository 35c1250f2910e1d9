"""Which plan, feature or package a path means: an id, or else a key of the product's own. Each raises NotFound."""

import contextlib
from collections.abc import Awaitable, Callable
from typing import TypeVar
from uuid import UUID

from tallystick.db.pool import Tx
from tallystick.domain.catalog import views
from tallystick.domain.catalog.model import Feature, Package, Plan
from tallystick.kernel.errors import NotFound
from tallystick.kernel.ids import parse_typeid

T = TypeVar("T")


async def plan_named(conn: Tx, tenant: int, text: str) -> Plan:
    return await _named(conn, tenant, text, "plan", views.plan, views.plan_by_key)


async def feature_named(conn: Tx, tenant: int, text: str) -> Feature:
    return await _named(conn, tenant, text, "feat", views.feature_by_id, views.feature)


async def package_named(conn: Tx, tenant: int, text: str) -> Package:
    return await _named(conn, tenant, text, "pkg", views.package, views.package_by_key)


async def _named(
    conn: Tx,
    tenant: int,
    text: str,
    prefix: str,
    by_id: Callable[[Tx, int, UUID], Awaitable[T]],
    by_key: Callable[[Tx, int, str], Awaitable[T]],
) -> T:
    uuid = parse_typeid(prefix, text)
    if uuid is not None:
        with contextlib.suppress(NotFound):
            return await by_id(conn, tenant, uuid)
    return await by_key(conn, tenant, text)
