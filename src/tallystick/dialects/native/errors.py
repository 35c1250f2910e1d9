"""Facts as this contract says them: status, code, detail, and the numbers a client can act on."""

from typing import Any

import msgspec
from pydantic import BaseModel, ValidationError

from tallystick.http.hot import PROBLEM, Headers, Reply
from tallystick.http.idempotency import REPLAYED
from tallystick.http.problem import FieldError, body_of, problem
from tallystick.http.strict import NotJson, field_errors, loads
from tallystick.kernel.credits import format_credits
from tallystick.kernel.errors import (
    Conflict,
    Fact,
    Forbidden,
    InsufficientCredits,
    Invalid,
    KeyReused,
    LimitReached,
    NotFound,
    TooManyAttempts,
    Unauthenticated,
    Unavailable,
)

INVALID = "invalid_request"

# Conflicts that are not kept under the key: the same key may be tried again.
_NOT_KEPT = ("batch_aborted", "rejected", "external_id_taken")


def body(fact: Fact, *, client_key: bool = False) -> tuple[int, dict[str, Any]]:
    """The status and the problem of a fact. ``client_key``: the client gave the idempotency key itself."""
    match fact:
        case Invalid():
            errors = [FieldError(fact.field, fact.problem)]
            return 422, body_of(422, fact.code, _summary(errors), errors=errors)
        case Unauthenticated():
            return 401, body_of(401, fact.code, fact.message)
        case Forbidden():
            return 403, body_of(403, fact.code, fact.message)
        case NotFound():
            return 404, body_of(404, fact.code, fact.message)
        case KeyReused():
            return 422, body_of(422, fact.code, fact.message)
        case TooManyAttempts():
            return 429, body_of(429, fact.code, fact.message)
        case InsufficientCredits():
            more: dict[str, Any] = {
                "needed": format_credits(fact.needed),
                "available": format_credits(fact.available),
            }
            if client_key:
                more["retry_with_new_key"] = True
            return 402, body_of(402, fact.code, fact.message, **more)
        case LimitReached():
            units = {"needed": str(fact.needed), "remaining": str(fact.remaining)}
            more = {"feature": fact.feature, "reason": fact.reason, **units}
            if client_key:
                more["retry_with_new_key"] = True
            return 402, body_of(402, fact.code, fact.message, **more)
        case Conflict():
            details: dict[str, Any] = {
                # every number that the domain adds to a conflict is microcredits; a problem has a status of its own
                "state" if name == "status" else name: format_credits(value) if type(value) is int else value
                for name, value in fact.details.items()
            }
            if client_key and fact.code not in _NOT_KEPT:
                details["retry_with_new_key"] = True
            return 409, body_of(409, fact.code, fact.message, **details)
        case Unavailable():
            return 503, body_of(503, fact.code, fact.message)
        case _:
            raise AssertionError(f"{type(fact).__name__} has no status") from fact


def reply(fact: Fact, *, client_key: bool = False) -> Reply:
    status, shown = body(fact, client_key=client_key)
    return Reply(status, msgspec.json.encode(shown), _headers(fact), PROBLEM)


def _headers(fact: Fact) -> Headers:
    match fact:
        case Unauthenticated():
            return ((b"www-authenticate", b"Bearer"),)
        case TooManyAttempts() | Unavailable():
            return ((b"retry-after", b"%d" % fact.retry_after),)
        case _:
            return REPLAYED if getattr(fact, "replayed", False) else ()


def invalid_json() -> Reply:
    return problem(400, "invalid_json", "The body is not valid JSON.")


def faults(errors: list[FieldError]) -> Reply:
    return problem(422, INVALID, _summary(errors), errors=errors)


def faults_body(errors: list[FieldError]) -> dict[str, Any]:
    return body_of(422, INVALID, _summary(errors), errors=errors)


def explain(raw: bytes, form: type[BaseModel], fact: Invalid | None = None) -> Reply:
    """Why a body was refused, whole: what its form says of it, else the ``fact`` that stopped it."""
    try:
        value = loads(raw)
    except NotJson:
        return invalid_json()
    return faults(faults_of(value, form, fact))


def faults_of(value: object, form: type[BaseModel], fact: Invalid | None = None) -> list[FieldError]:
    """The faults of a JSON value; at least one, since it was refused already."""
    try:
        form.model_validate(value)
    except ValidationError as error:
        return field_errors(error.errors(include_url=False, include_input=False))
    if fact is not None:
        return [FieldError(fact.field, fact.problem)]
    return [FieldError("", "is not a request that can be read")]


def _summary(errors: list[FieldError]) -> str:
    first = errors[0]
    said = f"{first.field} {first.message}".strip()
    more = len(errors) - 1
    return said + "." if not more else f"{said} (and {more} more)."
