"""Defining meters. Each in the caller's transaction, and audited.

What a meter measures never changes, since plans bill by it; its name and what queries may group by do.
"""

import re
from collections.abc import Sequence
from typing import Any, Final, get_args
from uuid import UUID

import msgspec

from tallystick.db.pool import Tx, run
from tallystick.domain.identity import actions as identity
from tallystick.domain.identity.model import check_text
from tallystick.kernel.errors import Conflict, Invalid
from tallystick.kernel.ids import uuid7

from . import views
from .items import USAGE, check_metric
from .model import MAX_NAME, Aggregation, Meter

MAX_FIELDS: Final = 10
MAX_VALUES: Final = 100
_KEY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}", re.ASCII)


async def create_meter(
    tx: Tx,
    tenant: int,
    *,
    key: str,
    metric: str,
    aggregation: Aggregation,
    by: str,
    name: str = "",
    field: str | None = None,
    filters: Sequence[dict[str, Any]] = (),
    group_by: Sequence[str] = (),
) -> Meter:
    """Define a meter. Raises Invalid that names the field; Conflict ``meter_key_taken``, by a deleted one too."""
    if _KEY.fullmatch(key) is None:
        raise Invalid("key", "must be 1 to 100 of A-Z, a-z, 0-9, _ . : -, a letter or digit first")
    check_metric("metric", metric)
    if aggregation not in get_args(Aggregation):
        raise Invalid("aggregation", f"must be one of {', '.join(get_args(Aggregation))}")
    _check_name(name or key)
    if field is not None:
        _check_field("field", field)
    if aggregation == "unique" and field is None:
        raise Invalid("field", "is required: the metadata field whose values are told apart")
    if aggregation == "count" and field is not None:
        raise Invalid("field", "must not be given: count counts events")
    _check_filters(filters)
    _check_groups(group_by)
    made = uuid7()
    if not await _insert(
        tx, tenant, made, key, name or key, metric, aggregation, field, list(filters), list(group_by)
    ):
        raise Conflict("meter_key_taken", "Another meter has this key, or had it.")
    await identity.audit(tx, tenant, actor=by, action="meter.create", target=f"meter:{key}")
    return await views.meter(tx, tenant, made)


async def ensure_meter(tx: Tx, tenant: int, metric: str, *, by: str) -> Meter:
    """The meter whose key is ``metric``; a sum of the metric is made when there is none. Raises Invalid."""
    check_metric("metric", metric)
    made = await _insert(tx, tenant, uuid7(), metric, metric, metric, "sum", None, [], [])
    [found] = await views.meters_by_key(tx, tenant, [metric])
    if made:
        await identity.audit(tx, tenant, actor=by, action="meter.create", target=f"meter:{metric}")
    elif found.deleted_at is not None:
        await run(tx, USAGE.restore_meter, {"tenant": tenant, "id": found.id})
        await identity.audit(tx, tenant, actor=by, action="meter.restore", target=f"meter:{metric}")
        found.deleted_at = None
    return found


async def update_meter(
    tx: Tx,
    tenant: int,
    meter: UUID,
    *,
    by: str,
    name: str | None = None,
    group_by: Sequence[str] | None = None,
) -> Meter:
    """Rename a meter, or let queries group by other fields. Raises NotFound, Invalid."""
    found = await views.meter(tx, tenant, meter)
    wanted = (
        found.name if name is None else _check_name(name),
        found.group_by if group_by is None else _check_groups(group_by),
    )
    if wanted == (found.name, found.group_by):
        return found
    params = {"tenant": tenant, "id": meter, "name": wanted[0], "group_by": wanted[1]}
    await run(tx, USAGE.change_meter, params)
    details = {"name": wanted[0], "group_by": wanted[1]}
    target = f"meter:{found.key}"
    await identity.audit(tx, tenant, actor=by, action="meter.update", target=target, details=details)
    return await views.meter(tx, tenant, meter)


async def delete_meter(tx: Tx, tenant: int, meter: UUID, *, by: str) -> Meter:
    """Hide a meter; plans that name it are billed by it as before, and its key stays taken. Raises NotFound."""
    found = await views.meter(tx, tenant, meter)
    await run(tx, USAGE.delete_meter, {"tenant": tenant, "id": meter})
    await identity.audit(tx, tenant, actor=by, action="meter.delete", target=f"meter:{found.key}")
    return found


async def _insert(
    tx: Tx, tenant: int, id: UUID, key: str, name: str, metric: str, aggregation: str, field: str | None,
    filters: list[dict[str, Any]], group_by: list[str],
) -> bool:  # fmt: skip
    params = {
        "tenant": tenant,
        "id": id,
        "key": key,
        "name": name,
        "metric": metric,
        "aggregation": aggregation,
        "field": field,
        "filters": msgspec.json.encode(filters).decode(),
        "group_by": group_by,
    }
    return bool(await run(tx, USAGE.insert_meter, params))


def _check_name(name: str) -> str:
    return check_text("name", name, MAX_NAME, shortest=1)


def _check_field(where: str, field: str) -> str:
    return check_text(where, field, MAX_NAME, shortest=1)


def _check_groups(fields: Sequence[str]) -> list[str]:
    if len(fields) > MAX_FIELDS or len(set(fields)) < len(fields):
        raise Invalid("group_by", f"must be at most {MAX_FIELDS} fields, each once")
    return [_check_field(f"group_by.{n}", field) for n, field in enumerate(fields)]


def _check_filters(filters: Sequence[dict[str, Any]]) -> None:
    if len(filters) > MAX_FIELDS:
        raise Invalid("filters", f"must be at most {MAX_FIELDS}")
    for n, one in enumerate(filters):
        _check_field(f"filters.{n}.field", one["field"])
        if not 1 <= len(one["in"]) <= MAX_VALUES:
            raise Invalid(f"filters.{n}.in", f"must have 1 to {MAX_VALUES} values")
        for place, text in enumerate(one["in"]):
            check_text(f"filters.{n}.in.{place}", text, 1000)
