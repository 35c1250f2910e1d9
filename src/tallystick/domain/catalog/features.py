"""Changing features. Everyone else finds it in `actions`."""

from typing import Any, Unpack, cast
from uuid import UUID

from tallystick.db.pool import Tx, run, value
from tallystick.domain.identity import actions as identity
from tallystick.domain.identity import views as identities
from tallystick.domain.identity.model import check_text
from tallystick.kernel.errors import Conflict, Invalid, NotFound
from tallystick.kernel.ids import uuid7

from . import views
from .model import Feature, FeatureChanges, FeatureType, check_description
from .offers import q
from .terms import check_key, one_of

TYPES: tuple[FeatureType, ...] = ("BOOLEAN", "HARD_LIMIT", "CREDIT_BASED")


async def create_feature(
    tx: Tx,
    tenant: int,
    *,
    key: str,
    name: str,
    type: FeatureType,
    description: str = "",
    category: str = "",
    unit: str = "",
    credit_type: str | None = None,
    by: str,
) -> Feature:
    """Define what plans may entitle to. Audited. Raises Invalid, and Conflict("key_taken").

    A CREDIT_BASED feature names the credit type that pays for it, others none.
    """
    one_of("type", type, TYPES)
    fields = {"name": name, "description": description, "category": category, "unit": unit}
    values = await _checked(tx, tenant, type, {**fields, "credit_type": credit_type})
    values |= {"tenant": tenant, "id": uuid7(), "key": check_key("key", key), "type": type}
    values["number"] = await value(tx, q.number, {"tenant": tenant, "name": "feature"})
    values["now"] = await identities.now(tx, tenant)
    if not await run(tx, q.insert_feature, values):
        raise Conflict("key_taken", "A feature with this key exists.")
    await _audit(tx, tenant, by, "feature.create", values["id"], {"key": key, "type": type})
    return await views.feature_by_id(tx, tenant, values["id"])


async def update_feature(
    tx: Tx, tenant: int, feature: UUID, *, by: str, **changes: Unpack[FeatureChanges]
) -> Feature:
    """Change what is given; nothing new leaves no trace. Audited. Raises Invalid and NotFound."""
    before = await _locked(tx, tenant, feature)
    changed = {name: new for name, new in changes.items() if new != getattr(before, name)}
    if not changed:
        return before
    fields = {name: getattr(before, name) for name in FeatureChanges.__annotations__} | changed
    values = await _checked(tx, tenant, before.type, fields)
    values |= {"tenant": tenant, "id": feature, "now": await identities.now(tx, tenant)}
    await run(tx, q.update_feature, values)
    await _audit(tx, tenant, by, "feature.update", feature, changed)
    return await views.feature_by_id(tx, tenant, feature)


async def delete_feature(tx: Tx, tenant: int, feature: UUID, *, by: str) -> Feature:
    """Hide a feature that no version of any plan names; its key is free again. Audited.

    Raises NotFound, and Conflict("feature_in_use").
    """
    found = await _locked(tx, tenant, feature)
    if await value(tx, q.feature_in_use, {"tenant": tenant, "key": found.key}):
        raise Conflict("feature_in_use", "A plan has this feature, now or in an earlier version.")
    now = await identities.now(tx, tenant)
    await run(tx, q.delete_feature, {"tenant": tenant, "id": feature, "now": now})
    await _audit(tx, tenant, by, "feature.delete", feature, {"key": found.key})
    return found


async def _locked(tx: Tx, tenant: int, feature: UUID) -> Feature:
    if await value(tx, q.lock_feature, {"tenant": tenant, "id": feature}) is None:
        raise NotFound("feature")
    return await views.feature_by_id(tx, tenant, feature)


async def _checked(tx: Tx, tenant: int, type: FeatureType, fields: dict[str, Any]) -> dict[str, Any]:
    credit_type = cast(str | None, fields["credit_type"])
    if type != "CREDIT_BASED" and credit_type is not None:
        raise Invalid("credit_type", f"is not a field of a {type} feature")
    if type == "CREDIT_BASED":
        if credit_type is None:
            raise Invalid("credit_type", "is required for a CREDIT_BASED feature")
        if not await views.defined(tx, tenant, [credit_type]):
            raise views.undefined("credit_type", credit_type)
    return {
        "name": check_text("name", fields["name"], 255, shortest=1),
        "description": check_description(fields["description"]),
        "category": check_text("category", fields["category"], 100),
        "unit": check_text("unit", fields["unit"], 50),
        "credit_type": credit_type,
    }


async def _audit(tx: Tx, tenant: int, by: str, action: str, feature: UUID, details: dict[str, Any]) -> None:
    await identity.audit(tx, tenant, actor=by, action=action, target=f"feat:{feature}", details=details)
