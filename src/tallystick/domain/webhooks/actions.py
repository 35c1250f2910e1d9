"""What may be changed: webhook endpoints; each in the caller's transaction, and audited.

Locks: the endpoint, then its deliveries.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Unpack
from uuid import UUID

from tallystick.db.pool import Tx, all_rows, run, value
from tallystick.domain.identity import actions as identity
from tallystick.domain.identity.model import check_text
from tallystick.domain.identity.request_keys import hold_name
from tallystick.domain.identity.vault import Vault
from tallystick.kernel.errors import Conflict, Invalid, NotFound
from tallystick.kernel.ids import uuid7

from . import signing, views
from .model import (
    MAX_DESCRIPTION,
    MAX_ENDPOINTS,
    MAX_OVERLAP,
    Endpoint,
    EndpointChanges,
    check_types,
    check_url,
)
from .views import q


class Issued(NamedTuple):
    """An endpoint with its new secret, which is shown now and never again."""

    endpoint: Endpoint
    secret: str


@dataclass(slots=True)
class _Account:
    account: int | None


async def create_endpoint(
    tx: Tx,
    vault: Vault,
    tenant: int,
    *,
    url: str,
    types: Sequence[str],
    description: str = "",
    ordered: bool = False,
    enabled: bool = True,
    allow_private: bool,
    derive_from: str | None = None,
    by: str,
) -> Issued:
    """Tell the receiver at ``url`` of what happens from now on.

    ``derive_from`` is the request's key: `signing.new_secret` makes the same secret for it again. Audited. Raises
    Invalid, and Conflict("too_many_endpoints").
    """
    id = uuid7()
    fields = _checked(
        {"url": url, "description": description, "types": types, "ordered": ordered, "enabled": enabled},
        allow_private,
    )
    await hold_name(tx, tenant, "webhook endpoints")
    if await value(tx, q.count_endpoints, {"tenant": tenant}) >= MAX_ENDPOINTS:
        raise Conflict("too_many_endpoints", f"There are {MAX_ENDPOINTS} webhook endpoints already.")
    secret = signing.new_secret(vault, id, derive_from)
    sealed = signing.seal(vault, id, secret)
    await run(tx, q.insert_endpoint, fields | {"tenant": tenant, "id": id, "secret": sealed})
    await _audit(tx, tenant, by, "webhook_endpoint.create", id, {"url": url, "types": fields["types"]})
    return Issued(await views.endpoint(tx, tenant, id), secret)


async def update_endpoint(
    tx: Tx, tenant: int, id: UUID, *, allow_private: bool, by: str, **changes: Unpack[EndpointChanges]
) -> Endpoint:
    """Change what is given, for what is sent from now on; ``types`` for events from now on.

    Enabled again it is sent what was pending when it was disabled. Nothing new leaves no trace. Audited. Raises
    Invalid and NotFound.
    """
    before = await _locked(tx, tenant, id)
    changed: dict[str, Any] = {name: new for name, new in changes.items() if new != getattr(before, name)}
    if not changed:
        return before
    fields = {name: getattr(before, name) for name in EndpointChanges.__annotations__} | changed
    # what was taken once is not judged again: only what is new
    checked = _checked(fields, allow_private or "url" not in changed)
    await run(tx, q.update_endpoint, checked | {"tenant": tenant, "id": id})
    if "ordered" in changed:
        values = {"tenant": tenant, "id": id, "ordered": checked["ordered"]}
        rows = await all_rows(tx, _Account, q.order_deliveries, values)
        await release(tx, [(id, row.account) for row in rows])
    await _audit(tx, tenant, by, "webhook_endpoint.update", id, changed)
    return await views.endpoint(tx, tenant, id)


async def rotate_secret(
    tx: Tx, vault: Vault, tenant: int, id: UUID, *, overlap: int, derive_from: str | None = None, by: str
) -> Issued:
    """Give an endpoint a new secret; for ``overlap`` seconds the one before signs as well. Audited.

    Raises Invalid and NotFound.
    """
    if not 0 <= overlap <= MAX_OVERLAP:
        raise Invalid("overlap_seconds", f"must be from 0 to {MAX_OVERLAP}")
    await _locked(tx, tenant, id)
    secret = signing.new_secret(vault, id, derive_from)
    values = {"tenant": tenant, "id": id, "overlap": overlap, "secret": signing.seal(vault, id, secret)}
    await run(tx, q.rotate_secret, values)
    await _audit(tx, tenant, by, "webhook_endpoint.rotate_secret", id, {"overlap_seconds": overlap})
    return Issued(await views.endpoint(tx, tenant, id), secret)


async def delete_endpoint(tx: Tx, tenant: int, id: UUID, *, by: str) -> Endpoint:
    """Tell it nothing any more: what was on its way is cancelled, its secrets are gone. Audited. Raises NotFound."""
    found = await _locked(tx, tenant, id)
    await run(tx, q.delete_endpoint, {"tenant": tenant, "id": id})
    await run(tx, q.cancel_deliveries, {"tenant": tenant, "id": id})
    await _audit(tx, tenant, by, "webhook_endpoint.delete", id, {"url": found.url})
    return found


async def release(tx: Tx, queues: Sequence[tuple[UUID, int | None]]) -> None:
    """Let the first of each (ordered endpoint, account) go where nothing of it is on its way.

    The endpoints are locked, so that none ends or is added meanwhile.
    """
    known = sorted({(endpoint, account) for endpoint, account in queues if account is not None})
    if known:
        values = {"endpoints": [endpoint for endpoint, _ in known], "accounts": [one for _, one in known]}
        await run(tx, q.release, values)


async def _locked(tx: Tx, tenant: int, id: UUID) -> Endpoint:
    if await value(tx, q.lock_endpoint, {"tenant": tenant, "id": id}) is None:
        raise NotFound("webhook endpoint")
    return await views.endpoint(tx, tenant, id)


def _checked(fields: dict[str, Any], allow_private: bool) -> dict[str, Any]:
    """An endpoint's fields as they are stored. Raises Invalid."""
    return fields | {
        "url": check_url(fields["url"], allow_private=allow_private),
        "description": check_text("description", fields["description"], MAX_DESCRIPTION),
        "types": check_types(fields["types"]),
    }


async def _audit(tx: Tx, tenant: int, by: str, action: str, id: UUID, details: dict[str, Any]) -> None:
    await identity.audit(tx, tenant, actor=by, action=action, target=f"we:{id}", details=details)
