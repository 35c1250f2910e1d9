"""Usage events: on the hot path, straight from the server."""

from tallystick.dialects.credibill import bodies, names, numbers
from tallystick.dialects.credibill.auth import System, caller
from tallystick.dialects.credibill.fields import metadata
from tallystick.dialects.credibill.shapes import UsageRecorded, encode
from tallystick.domain.metering.model import NewEvent
from tallystick.http.hot import Reply, Request
from tallystick.http.idempotency import REPLAYED, check_key
from tallystick.kernel.errors import Conflict, Fact, KeyReused, NotFound
from tallystick.kernel.ids import owner_of


async def record_usage(system: System, request: Request) -> Reply:
    """Record Usage Event."""
    actor = await caller(system, request.authorization, write=True)
    key = check_key(request.idempotency_key)
    body = bodies.read(bodies.Usage, request.body)
    event = NewEvent(
        account=owner_of(subscription := names.parse_subscription(body.subscription_id)),
        subscription=subscription,
        metric=body.metric,
        quantity=numbers.millionths("quantity", body.quantity, least=1),
        event_id=body.event_id,
        key=key if body.event_id is None else None,
        metadata=None if body.metadata is None else metadata(body.metadata),
    )
    [said] = await system.usage.record(actor.tenant, actor.name, [event])
    if isinstance(said, Fact):
        raise _told(said, event)
    request.counted = (event.account,)
    replayed = said.duplicate and event.key is not None
    answer = UsageRecorded(
        usage_event_id=names.event_id(said.id), duplicate=said.duplicate and event.key is None
    )
    return Reply(200 if answer.duplicate else 201, encode(answer), REPLAYED if replayed else ())


def _told(fact: Fact, event: NewEvent) -> Fact:
    """The fact as it is said here: the request named a subscription, and no account."""
    if isinstance(fact, NotFound):
        return NotFound("subscription")
    if event.key is not None and isinstance(fact, Conflict) and fact.code == "event_id_reused":
        return KeyReused()
    return fact
