"""Which plan, feature or package a path means: an id, or else a key of the product's own."""

import contextlib

from tallystick.db.pool import Tx
from tallystick.domain.catalog import views
from tallystick.domain.catalog.model import Feature, Package, Plan
from tallystick.kernel.errors import NotFound
from tallystick.kernel.ids import parse_typeid


async def plan_named(conn: Tx, tenant: int, text: str) -> Plan:
    """Raises NotFound."""
    uuid = parse_typeid("plan", text)
    if uuid is not None:
        with contextlib.suppress(NotFound):
            return await views.plan(conn, tenant, uuid)
    return await views.plan_by_key(conn, tenant, text)


async def feature_named(conn: Tx, tenant: int, text: str) -> Feature:
    """Raises NotFound."""
    uuid = parse_typeid("feat", text)
    if uuid is not None:
        with contextlib.suppress(NotFound):
            return await views.feature_by_id(conn, tenant, uuid)
    return await views.feature(conn, tenant, text)


async def package_named(conn: Tx, tenant: int, text: str) -> Package:
    """Raises NotFound."""
    uuid = parse_typeid("pkg", text)
    if uuid is not None:
        with contextlib.suppress(NotFound):
            return await views.package(conn, tenant, uuid)
    return await views.package_by_key(conn, tenant, text)
