"""POST /v2/usage and /v2/usage/batch: on the hot path, since they carry the load."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import DecodeError
from pydantic import ValidationError

from tallystick.dialects.native import errors, fields
from tallystick.dialects.native.auth import must_write
from tallystick.dialects.native.names import entry_id, usage_id
from tallystick.dialects.native.native import Native
from tallystick.domain.metering.model import NewEvent, Recorded
from tallystick.http.hot import Reply, Request
from tallystick.http.idempotency import check_key, headers_of
from tallystick.http.problem import FieldError
from tallystick.http.strict import NotJson, loads
from tallystick.kernel.actor import Actor
from tallystick.kernel.errors import (
    Conflict,
    Fact,
    Invalid,
    KeyReused,
    NotFound,
    Renamed,
    Unavailable,
)
from tallystick.kernel.ids import parse_typeid

from . import cloudevents, forms
from .shapes import UsageRecorded, UsageResult, UsageResults

_encode: Final = msgspec.json.Encoder().encode
_MALFORMED: Final = (DecodeError, UnicodeDecodeError, RecursionError)
SLICE: Final = 250  # events read between two looks at who else wants the processor

Refused = list[FieldError] | Fact
"""Why an event never reached the intake."""
Prepared = NewEvent | Refused


async def create_usage(native: Native, request: Request) -> Reply:
    """Record a usage event.

    Sent again under its ``event_id`` it counts once, and answers 200 with ``duplicate`` true. Where the account's
    subscription says so, credits are debited in the same commit; too few of them: 402, and nothing is recorded. Also
    takes a CloudEvent (``application/cloudevents+json``): ``subject`` is the account, ``type`` the metric, ``data`` has
    ``quantity`` (an event without it counts as 1) and metadata; a list of them
    (``application/cloudevents-batch+json``) is answered as a batch.
    """
    actor, key = await _caller(native, request)
    media = cloudevents.media_of(request.content_type)
    if media == cloudevents.BATCH:
        return await _batch(native, request, actor, key, media)
    cloud = media == cloudevents.SINGLE
    given: Any = None
    try:
        given = cloudevents.read(loads(request.body)) if cloud else forms.decode_event(request.body)
    except NotJson:
        return errors.invalid_json()
    except _MALFORMED:
        return errors.explain(request.body, forms.UsageEvent)
    if isinstance(given, list):
        return errors.faults(given)
    [prepared] = await _prepare_all(native, actor, [given], [key], cloud)
    [(result, event)] = await _record(native, actor, [given], [prepared], [key], cloud)
    if isinstance(result, list):
        return errors.faults(result)
    if isinstance(result, Invalid) and not cloud:
        return errors.explain(request.body, forms.UsageEvent, result)
    if isinstance(result, Fact):
        return errors.reply(_told(result, event, cloud))
    assert event is not None
    request.counted = (event.account,)
    status, body = _recorded(result, event)
    return Reply(status, _encode(body), headers_of(result.duplicate and event.event_id is None))


async def create_usage_batch(native: Native, request: Request) -> Reply:
    """Record up to 10,000 usage events.

    Each result is what its own request would have answered, in the events' order; one that fails does not stop the
    others. Also takes CloudEvents (``application/cloudevents-batch+json``).
    """
    actor, key = await _caller(native, request)
    return await _batch(native, request, actor, key, cloudevents.media_of(request.content_type))


async def _caller(native: Native, request: Request) -> tuple[Actor, str | None]:
    credentials = native.system.credentials
    actor = credentials.cached(request.authorization) or await credentials.actor(request.authorization)
    must_write(actor)
    return actor, check_key(request.idempotency_key)


async def _batch(native: Native, request: Request, actor: Actor, key: str | None, media: bytes) -> Reply:
    cloud = media in (cloudevents.BATCH, cloudevents.SINGLE)
    try:
        given = _read_cloud(request.body, media) if cloud else _read(request.body)
    except _MALFORMED:
        return errors.explain(request.body, forms.Envelope)
    except Invalid as fact:
        return errors.reply(fact)
    except NotJson:
        return errors.invalid_json()
    keys = [None if key is None else f"{key}:{at}" for at in range(len(given))]
    prepared = await _prepare_all(native, actor, given, keys, cloud)
    outcomes = await _record(native, actor, given, prepared, keys, cloud)
    away = [result for result, _ in outcomes if isinstance(result, Unavailable)]
    if away and len(away) == len(outcomes):
        # then it is the whole request that should come again, and 503 is what clients wait upon
        raise away[0]
    results = []
    counted = set()
    for place, (result, event) in enumerate(outcomes):
        if isinstance(result, Recorded):
            assert event is not None
            counted.add(event.account)
            results.append(UsageResult(*_recorded(result, event)))
        elif isinstance(result, list):
            results.append(UsageResult(422, errors.faults_body(result)))
        else:
            results.append(UsageResult(*errors.body(_told(result, event, cloud))))
        if place % SLICE == SLICE - 1:
            await asyncio.sleep(0)
    request.counted = counted
    return Reply(200, _encode(UsageResults(results)))


def _read(raw: bytes) -> Sequence[Any]:
    """The events: all decoded at once, or else each as it came. Raises DecodeError."""
    try:
        return forms.decode_whole(raw).events
    except _MALFORMED:
        pass
    try:
        return [_one(one) for one in forms.decode_raw(raw).events]
    except _MALFORMED:
        pass
    try:
        # one has text that is no Unicode: it fails alone
        form = forms.Envelope.model_validate(loads(raw))
    except (NotJson, ValidationError) as error:
        raise DecodeError(str(error)) from None
    return [_one(msgspec.Raw(json.dumps(one).encode())) for one in form.events]


def _one(raw: msgspec.Raw) -> forms.Event | list[FieldError]:
    try:
        return forms.decode_event(raw)
    except _MALFORMED:
        return _faults(raw)


def _faults(raw: msgspec.Raw | bytes, fact: Invalid | None = None) -> list[FieldError]:
    try:
        return errors.faults_of(loads(bytes(raw)), forms.UsageEvent, fact)
    except NotJson:
        return [FieldError("", "is not valid JSON")]


def _read_cloud(raw: bytes, media: bytes) -> Sequence[Any]:
    """Raises NotJson, Invalid."""
    value = loads(raw)
    if media == cloudevents.SINGLE:
        value = [value]
    if not isinstance(value, list):
        raise Invalid("", "must be a list of CloudEvents")
    if len(value) > forms.MOST:
        raise Invalid("", f"must have at most {forms.MOST} events")
    return [cloudevents.read(one) for one in value]


async def _prepare_all(
    native: Native, actor: Actor, given: Sequence[Any], keys: Sequence[str | None], cloud: bool
) -> list[Prepared]:
    prepared: list[Prepared] = []
    for place, (one, key) in enumerate(zip(given, keys, strict=True)):
        prepared.append(await _prepare(native, actor, one, key, cloud))
        if place % SLICE == SLICE - 1:
            await asyncio.sleep(0)
    return prepared


async def _prepare(native: Native, actor: Actor, given: Any, key: str | None, cloud: bool) -> Prepared:
    """The event of a body, or why there is none."""
    if isinstance(given, list):
        return given
    name = given.account
    field = "quantity"
    try:
        quantity = fields.parse_credits_or_zero(given.quantity)
        field = "timestamp"
        at = None if given.timestamp is None else fields.moment(given.timestamp)
        field = "metadata"
        metadata = None if given.metadata is None else fields.check_metadata(given.metadata)
        account = native.accounts.cached(actor.tenant, name)
        if account is None:
            account = await native.accounts.resolve(actor.tenant, name)
    except ValueError as error:
        if cloud:
            return [FieldError(cloudevents.name_of(field), str(error))]
        return _faults(_encode_safely(given))
    except Fact as fact:
        return fact
    subscription = None
    if given.subscription is not None:
        subscription = parse_typeid("sub", given.subscription)
        if subscription is None:
            return NotFound("subscription")
    return NewEvent(
        account=account,
        metric=given.metric,
        quantity=quantity,
        at=at,
        event_id=given.event_id,
        metadata=metadata,
        subscription=subscription,
        key=key,
        external_id=name[4:] if name.startswith("ext:") else None,
    )


def _encode_safely(given: forms.Event) -> bytes:
    """The body as JSON again: also with text that is no Unicode, which is what is wrong with it."""
    return json.dumps(msgspec.to_builtins(given)).encode()


async def _record(
    native: Native, actor: Actor, given: Sequence[Any], prepared: list[Prepared],
    keys: Sequence[str | None], cloud: bool,
) -> list[tuple[Recorded | Refused, NewEvent | None]]:  # fmt: skip
    """What became of each, with the event that it was."""
    outcomes = await _carry_out(native, actor, prepared, range(len(prepared)))
    moved = [place for place, one in outcomes.items() if isinstance(one, Renamed)]
    if moved:
        # an external id was thought to mean another account; of these nothing was recorded
        native.accounts.forget_external()
        for place in moved:
            prepared[place] = await _prepare(native, actor, given[place], keys[place], cloud)
        outcomes |= await _carry_out(native, actor, prepared, moved)
    whole: list[tuple[Recorded | Refused, NewEvent | None]] = []
    for place, one in enumerate(prepared):
        if isinstance(one, NewEvent):
            whole.append((outcomes[place], one))
        else:
            whole.append((one, None))
    return whole


async def _carry_out(
    native: Native, actor: Actor, prepared: Sequence[Prepared], places: Sequence[int]
) -> dict[int, Recorded | Fact]:
    ready = {place: one for place in places if isinstance(one := prepared[place], NewEvent)}
    results = await native.system.usage.record(actor.tenant, actor.name, list(ready.values()))
    return dict(zip(ready, results, strict=True))


def _told(fact: Fact, event: NewEvent | None, cloud: bool) -> Fact:
    """The fact in the words of the request."""
    if isinstance(fact, Conflict) and fact.code == "event_id_reused" and event and event.event_id is None:
        return KeyReused()
    if isinstance(fact, Invalid) and cloud:
        return Invalid(cloudevents.name_of(fact.field), fact.problem)
    return fact


def _recorded(result: Recorded, event: NewEvent) -> tuple[int, UsageRecorded]:
    entry = None if result.entry is None else entry_id(event.account, result.entry)
    return 200 if result.duplicate else 201, UsageRecorded(usage_id(result.id), result.duplicate, entry)
