"""Features and packages."""

from typing import Annotated, Any

from fastapi import Query, Request, Response

from tallystick.db.pool import Tx
from tallystick.dialects.native.auth import Here, Reader, Writer
from tallystick.dialects.native.once import Key, answered, write_once
from tallystick.domain.catalog import actions, views
from tallystick.http.paging import page_body

from . import forms, reading, shapes
from .naming import feature_named, package_named


async def list_features(
    native: Here, actor: Reader, query: Annotated[forms.FeaturesQuery, Query()]
) -> Response:
    """List features, the newest first."""
    async with native.system.db.connection() as conn:
        page = await views.features(
            conn, actor.tenant, type=query.type, category=query.category, credit_type=query.credit_type,
            name=query.q, before=query.after, limit=query.limit,
        )  # fmt: skip
    return answered(page_body(page.map(shapes.feature)))


async def create_feature(
    native: Here, actor: Writer, request: Request, key: Key, body: forms.NewFeature
) -> Response:
    """Define a feature.

    A BOOLEAN is on or off, a HARD_LIMIT counts what is used at once, and a CREDIT_BASED one is paid for in credits
    of a type, by default the app's.
    """
    given = body.model_dump(exclude_none=True)
    if body.type == "CREDIT_BASED":
        given.setdefault("credit_type", await native.system.credit_types.resolve(actor.tenant, None))

    async def act(tx: Tx) -> tuple[int, Any]:
        made = await actions.create_feature(tx, actor.tenant, **given, by=actor.name)
        return 201, shapes.feature(made)

    return await write_once(native, actor, request, key, body, act)


async def read_feature(native: Here, actor: Reader, feature: str) -> Response:
    """Read a feature, by its id or key."""
    async with native.system.db.connection() as conn:
        return answered(shapes.feature(await feature_named(conn, actor.tenant, feature)))


async def patch_feature(native: Here, actor: Writer, feature: str, body: forms.FeaturePatch) -> Response:
    """Change a feature.

    What is absent stays; key and type always stay.
    """
    changes: Any = body.model_dump(include=body.model_fields_set)
    async with native.system.db.tx() as tx:
        found = await feature_named(tx, actor.tenant, feature)
        changed = await actions.update_feature(tx, actor.tenant, found.id, by=actor.name, **changes)
    return answered(shapes.feature(changed))


async def delete_feature(native: Here, actor: Writer, feature: str) -> Response:
    """Delete a feature that no plan names.

    Earlier versions of a plan count: somebody may hold them. The key is free again.
    """
    async with native.system.db.tx() as tx:
        found = await feature_named(tx, actor.tenant, feature)
        deleted = await actions.delete_feature(tx, actor.tenant, found.id, by=actor.name)
    return answered(shapes.feature(deleted))


async def list_packages(
    native: Here, actor: Reader, query: Annotated[forms.PackagesQuery, Query()]
) -> Response:
    """List packages, the newest first."""
    active = None if query.active is None else query.active == "true"
    async with native.system.db.connection() as conn:
        page = await views.packages(
            conn, actor.tenant, active=active, currency=query.currency, credit_type=query.credit_type,
            name=query.q, before=query.after, limit=query.limit,
        )  # fmt: skip
    return answered(page_body(page.map(shapes.package)))


async def create_package(
    native: Here, actor: Writer, request: Request, key: Key, body: forms.NewPackage
) -> Response:
    """Offer a package of credits."""
    given = _package_fields(body) | {"key": body.key}
    given["credit_type"] = body.credit_type or await native.system.credit_types.resolve(actor.tenant, None)

    async def act(tx: Tx) -> tuple[int, Any]:
        made = await actions.create_package(tx, actor.tenant, **given, by=actor.name)
        return 201, shapes.package(made)

    return await write_once(native, actor, request, key, body, act)


async def read_package(native: Here, actor: Reader, package: str) -> Response:
    """Read a package, by its id or key."""
    async with native.system.db.connection() as conn:
        return answered(shapes.package(await package_named(conn, actor.tenant, package)))


async def patch_package(native: Here, actor: Writer, package: str, body: forms.PackagePatch) -> Response:
    """Change a package, for those who buy it from now on.

    What is absent stays.
    """
    changes: Any = _package_fields(body)
    async with native.system.db.tx() as tx:
        found = await package_named(tx, actor.tenant, package)
        changed = await actions.update_package(tx, actor.tenant, found.id, by=actor.name, **changes)
    return answered(shapes.package(changed))


async def delete_package(native: Here, actor: Writer, package: str) -> Response:
    """Delete a package.

    It is sold no more, and its key is free again; what was bought stays.
    """
    async with native.system.db.tx() as tx:
        found = await package_named(tx, actor.tenant, package)
        deleted = await actions.delete_package(tx, actor.tenant, found.id, by=actor.name)
    return answered(shapes.package(deleted))


def _package_fields(body: forms.NewPackage | forms.PackagePatch) -> dict[str, Any]:
    """The fields that were given."""
    given = body.model_dump(include=body.model_fields_set - {"price"})
    if "price" in body.model_fields_set:
        currency = body.price.currency
        given |= {"price": reading.minor("price.amount", body.price.amount, currency), "currency": currency}
    return given
