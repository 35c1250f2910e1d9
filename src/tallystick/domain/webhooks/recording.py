"""Claiming what is to be sent, and recording what came of it: set-wise, in the caller's transaction.

A delivery that was claimed is nobody else's until its lease ends. Whoever dies in between leaves it to be sent again,
with the same id: a receiver is told at least once.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
import structlog

from tallystick.db.pool import Tx, all_rows, run
from tallystick.domain.events import actions as events
from tallystick.domain.events.model import Event
from tallystick.domain.identity import actions as identity
from tallystick.domain.identity import views as identities
from tallystick.domain.mail import actions as mail
from tallystick.kernel.actor import SYSTEM
from tallystick.kernel.clock import iso
from tallystick.kernel.ids import typeid

from .actions import release
from .model import Claimed, Endpoint, shown_body, shown_headers
from .port import Headers, Outcome
from .schedule import LEAST_FAILURES, PATIENCE, pause, retry_after
from .signing import SIGNATURE
from .views import q

log = structlog.get_logger()

LEASE: Final = 30.0
"""Seconds that a delivery may be on its way: longer than a sender ever takes."""
MAX_BODY: Final = 4096
"""Bytes of an answer that are kept."""

_HTTP_ERROR: Final = "http_error"
_GONE: Final = 410
_HIDDEN: Final = frozenset(
    (SIGNATURE, "set-cookie", "authorization", "proxy-authorization", "www-authenticate")
)


@dataclass(frozen=True, slots=True)
class Tried:
    """A delivery that was sent at ``at``, with these headers, and what came of it. ``jitter`` is from 0 to 1."""

    delivery: Claimed
    at: datetime
    headers: Headers
    outcome: Outcome
    jitter: float

    @property
    def succeeded(self) -> bool:
        status = self.outcome.status
        return status is not None and 200 <= status < 300

    @property
    def error(self) -> str | None:
        return None if self.succeeded else self.outcome.error or _HTTP_ERROR

    @property
    def wait(self) -> float | None:
        """Seconds until the next try of a failure; None: it is given up."""
        asked = next((value for name, value in self.outcome.headers if name.lower() == "retry-after"), None)
        return pause(self.delivery.failures + 1, self.jitter, retry_after(asked, self.at))


async def claim(tx: Tx, *, room: int, each: int, busy: Mapping[UUID, int]) -> list[Claimed]:
    """Up to ``room`` deliveries that are due, in turns of their endpoints, of each so many as ``each`` leaves.

    ``busy`` counts what the caller has on its way to an endpoint.
    """
    values = {"room": room, "each": each, "lease": LEASE}
    return await all_rows(tx, Claimed, q.claim, values | {"busy": list(busy), "counts": list(busy.values())})


async def record(tx: Tx, tried: Sequence[Tried]) -> None:
    """Record what came of deliveries: what is over, what is tried again when, and which endpoints are disabled."""
    if not tried:
        return
    failed = [one for one in tried if not one.succeeded]
    values: dict[str, Any] = {
        "tenants": [one.delivery.tenant for one in tried],
        "endpoints": [one.delivery.endpoint for one in tried],
    }
    await run(tx, q.lock_changed, values | {"failed": [one.delivery.endpoint for one in failed]})
    await run(tx, q.insert_attempts, {"rows": _json([_attempt(one) for one in tried])})
    await run(tx, q.record, {"rows": _json([_result(one) for one in tried])})
    await release(
        tx, [(one.delivery.endpoint, one.delivery.account) for one in tried if one.delivery.ordered]
    )
    await _judge(tx, tried, failed)


async def _judge(tx: Tx, tried: Sequence[Tried], failed: Sequence[Tried]) -> None:
    """Note how the endpoints do, and switch off those that are gone, or failed for days."""
    well = {(one.delivery.tenant, one.delivery.endpoint) for one in tried if one.succeeded}
    if well:
        values = {"tenants": [tenant for tenant, _ in well], "endpoints": [endpoint for _, endpoint in well]}
        await run(tx, q.endpoints_well, values)
    counts = Counter((one.delivery.tenant, one.delivery.endpoint) for one in failed)
    gone = {one.delivery.endpoint for one in failed if one.outcome.status == _GONE}
    rows = [
        {
            "tenant_id": tenant,
            "id": endpoint,
            "count": count,
            "since": min(one.at for one in failed if one.delivery.endpoint == endpoint),
        }
        for (tenant, endpoint), count in counts.items()
        if (tenant, endpoint) not in well
    ]
    if rows:
        await run(tx, q.endpoints_failing, {"rows": _json(rows)})
    if not failed:
        return
    values = {
        "tenants": [tenant for tenant, _ in counts],
        "endpoints": [endpoint for _, endpoint in counts],
    }
    limits = {"gone": list(gone), "least": LEAST_FAILURES, "patience": PATIENCE.total_seconds()}
    for endpoint in await all_rows(tx, Endpoint, q.disable_endpoints, values | limits):
        await _tell(tx, endpoint)


async def _tell(tx: Tx, endpoint: Endpoint) -> None:
    """Say that an endpoint was disabled: to the other endpoints, to the staff by mail, and to the audit log."""
    name, reason, at = typeid("we", endpoint.id), endpoint.disabled_reason, endpoint.disabled_at
    assert at is not None
    log.warning("a webhook endpoint was disabled", endpoint=name, reason=reason)
    now = await identities.now(tx, endpoint.tenant)
    since = None if endpoint.failing_since is None else iso(endpoint.failing_since)
    data = {"endpoint": name, "url": endpoint.url, "reason": reason, "failing_since": since}
    await events.emit(tx, endpoint.tenant, Event("webhook_endpoint.disabled", now, data))
    values = {"url": endpoint.url, "endpoint": name, "reason": reason, "failures": str(endpoint.failures)}
    for address in await identities.staff_emails(tx, endpoint.tenant):
        key = f"endpoint_disabled:{endpoint.id}:{iso(at)}:{address}"
        await mail.queue(tx, endpoint.tenant, "endpoint_disabled", address, key=key, values=values)
    await identity.audit(
        tx, endpoint.tenant, actor=SYSTEM, action="webhook_endpoint.disable", target=f"we:{endpoint.id}",
        details={"reason": reason, "failures": endpoint.failures},
    )  # fmt: skip


def _attempt(one: Tried) -> dict[str, Any]:
    outcome = one.outcome
    return {
        "tenant_id": one.delivery.tenant,
        "delivery_place": one.delivery.place,
        "number": one.delivery.attempt,
        "at": one.at,
        "url": one.delivery.url,
        "request_headers": shown_headers(one.headers, _HIDDEN),
        "status": outcome.status,
        "response_headers": shown_headers(outcome.headers, _HIDDEN),
        "response_body": shown_body(outcome.body, MAX_BODY),
        "error": one.error,
        "detail": outcome.detail.replace("\0", "")[:500],
        "duration_ms": round(outcome.seconds * 1000),
    }


def _result(one: Tried) -> dict[str, Any]:
    wait = None if one.succeeded else one.wait
    status = "succeeded" if one.succeeded else "failed" if wait is None else "pending"
    return {
        "tenant_id": one.delivery.tenant,
        "place": one.delivery.place,
        "number": one.delivery.attempt,
        "status": status,
        "wait": wait,
        "last_status": one.outcome.status,
        "last_error": one.error,
    }


def _json(rows: Sequence[Mapping[str, Any]]) -> str:
    return msgspec.json.encode(rows).decode()
