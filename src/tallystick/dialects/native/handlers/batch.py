"""POST /v2/batch: many commands in one request."""

import json
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import DecodeError
from pydantic import ValidationError

from tallystick.dialects.native import batches, errors
from tallystick.dialects.native.auth import must_write
from tallystick.dialects.native.batches import FORMS, KIND_OF, Result, Results
from tallystick.dialects.native.commands import Caller, Kind, names_of, said_of
from tallystick.dialects.native.native import Native
from tallystick.domain.ledger.actions import Result as Outcome
from tallystick.domain.ledger.commands import Order, order
from tallystick.http.hot import Reply, Request
from tallystick.http.idempotency import check_key, headers_of
from tallystick.http.problem import FieldError
from tallystick.http.strict import NotJson, loads
from tallystick.kernel.actor import Actor
from tallystick.kernel.errors import Conflict, Fact, Invalid, NotFound, Renamed, Unavailable

_encode: Final = msgspec.json.Encoder().encode
_MALFORMED: Final = (DecodeError, UnicodeDecodeError, RecursionError)

Prepared = tuple[Kind, Order]
Refused = list[FieldError] | Fact
"""Why a command of a batch never reached the ledger."""


async def create_batch(native: Native, request: Request) -> Reply:
    """Carry out up to 1000 commands in order.

    Each result is what its own endpoint would have answered. A command that fails does not stop the others,
    unless ``atomic``: then all are done or none. ``key`` is a command's own idempotency key; without it, command
    number ``i`` of a request with the header key ``K`` has ``K:i``.
    """
    credentials = native.system.credentials
    actor = credentials.cached(request.authorization) or await credentials.actor(request.authorization)
    must_write(actor)
    header = check_key(request.idempotency_key)
    try:
        commands, atomic = _read(request.body)
    except _MALFORMED:
        return errors.explain(request.body, batches.Envelope)
    caller = native.caller(actor.tenant)
    prepared = [await _prepare(caller, actor, one, header, at) for at, one in enumerate(commands)]
    faults = [fault for at, one in enumerate(prepared) if isinstance(one, list) for fault in _under(at, one)]
    if atomic and faults:
        return errors.faults(faults)
    if atomic and any(isinstance(one, Fact) for one in prepared):
        return Reply(200, _encode(Results(_aborted(prepared))))
    outcomes = await _carry_out(native, prepared, atomic)
    moved = [at for at, one in outcomes.items() if isinstance(one, Renamed)]
    if moved:
        # an external id was thought to mean another account; of these commands nothing was done
        native.accounts.forget_external()
        for at in moved:
            prepared[at] = await _prepare(caller, actor, commands[at], header, at)
        if atomic and any(isinstance(one, Fact) for one in prepared):
            return Reply(200, _encode(Results(_aborted(prepared))))
        again = [one if atomic or at in moved else None for at, one in enumerate(prepared)]
        outcomes |= await _carry_out(native, again, atomic)
    results = []
    counted = set()
    for at, one in enumerate(prepared):
        if isinstance(one, tuple):
            results.append(_result(one, outcomes[at]))
            if not isinstance(outcomes[at], NotFound):
                counted.add(one[1].command.account)
        else:
            results.append(_refusal(one))
    request.counted = counted
    replayed = bool(outcomes) and all(one.replayed for one in outcomes.values())
    return Reply(200, _encode(Results(results)), headers_of(replayed))


def _read(raw: bytes) -> tuple[list[Any], bool]:
    """The commands: all decoded at once, or else each as it came."""
    try:
        whole = batches.decode_whole(raw)
        return whole.commands, whole.atomic or False
    except _MALFORMED:
        pass
    try:
        apart = batches.decode_raw(raw)
        return list(apart.commands), apart.atomic or False
    except _MALFORMED:
        return _read_slowly(raw)


def _read_slowly(raw: bytes) -> tuple[list[Any], bool]:
    """The commands of a body in which one has text that is no Unicode: it fails alone. Raises DecodeError."""
    try:
        form = batches.Envelope.model_validate(loads(raw))
    except (NotJson, ValidationError) as error:
        raise DecodeError(str(error)) from None
    return [msgspec.Raw(json.dumps(one).encode()) for one in form.commands], form.atomic or False


async def _prepare(
    caller: Caller, actor: Actor, given: Any, header: str | None, at: int
) -> Prepared | Refused:
    """One command's order, or why there is none."""
    raw = given if isinstance(given, msgspec.Raw) else None
    try:
        body = given if raw is None else batches.decode_one(raw)
        kind = KIND_OF[type(body)]
        key = check_key(body.key, "key")
        if key is None and header is not None:
            key = f"{header}:{at}"
        target = "" if kind.target is None else getattr(body, kind.target)
        command = await kind.build(caller, body, target)
        names, said = names_of(kind, body, target, command), said_of(body, command)
        return kind, order(command, tenant=actor.tenant, actor=actor.name, key=key, names=names, said=said)
    except _MALFORMED:
        assert raw is not None
        return _faults(bytes(raw), None)
    except Invalid as fact:
        return _faults(_encode(given) if raw is None else bytes(raw), fact)
    except NotFound:
        return NotFound(kind.what)


def _faults(raw: bytes, fact: Invalid | None) -> list[FieldError]:
    try:
        value = loads(raw)
    except NotJson:
        return [FieldError("", "is not valid JSON")]
    name = value.get("type") if isinstance(value, dict) else None
    form = FORMS.get(name) if isinstance(name, str) else None
    if form is None:
        allowed = ", ".join(FORMS)
        return [FieldError("type" if isinstance(value, dict) else "", f"must be one of {allowed}")]
    return errors.faults_of(value, form, fact)


def _under(at: int, found: list[FieldError]) -> list[FieldError]:
    return [FieldError(f"commands.{at}.{one.field}".rstrip("."), one.message) for one in found]


def _aborted(prepared: list[Prepared | Refused]) -> list[Result]:
    """An atomic batch that one unknown id stops before anything is done."""
    aborted = Conflict("batch_aborted", "Another command of this atomic batch was declined.")
    first = next(at for at, one in enumerate(prepared) if isinstance(one, Fact))
    facts = [one if at == first and isinstance(one, Fact) else aborted for at, one in enumerate(prepared)]
    return [Result(*errors.body(fact)) for fact in facts]


async def _carry_out(
    native: Native, prepared: Sequence[Prepared | Refused | None], atomic: bool
) -> dict[int, Outcome]:
    """What became of the commands that are orders, by their places."""
    ready = {at: one[1] for at, one in enumerate(prepared) if isinstance(one, tuple)}
    outcomes = await native.system.lanes.submit_batch(list(ready.values()), atomic=atomic)
    if outcomes and all(isinstance(one, Unavailable) for one in outcomes):
        # then it is the whole request that should come again, and 503 is what clients wait upon
        assert isinstance(outcomes[0], Unavailable)
        raise outcomes[0]
    return dict(zip(ready, outcomes, strict=True))


def _result(prepared: Prepared, outcome: Outcome) -> Result:
    kind, asked = prepared
    if isinstance(outcome, NotFound):
        outcome = NotFound(kind.what)
    if isinstance(outcome, Fact):
        return Result(*errors.body(outcome, client_key=asked.client_key))
    return Result(kind.status, kind.view(outcome))


def _refusal(refused: Refused) -> Result:
    if isinstance(refused, Fact):
        return Result(*errors.body(refused))
    return Result(422, errors.faults_body(refused))
