"""The contract's error body, ``{"error": "..."}``, and which status each fact has."""

from typing import Final

import msgspec

from tallystick.http.hot import Headers, Reply
from tallystick.http.problem import CARD_REFUSED, crash
from tallystick.kernel.credits import format_credits
from tallystick.kernel.errors import (
    Conflict,
    Fact,
    Forbidden,
    InsufficientCredits,
    Invalid,
    KeyReused,
    NotFound,
    Unauthenticated,
    Unavailable,
)

UNAUTHORIZED: Final = "Missing or invalid Authorization header"
READ_ONLY: Final = "API key lacks write permissions"

# what the domains call a field that this contract calls otherwise
_FIELDS: Final = {
    "account": "customerId",
    "at": "paidDate",
    "event_id": "eventId",
    "external_id": "externalCustomerId",
    "kind": "type",
    "paid_at": "paidDate",
    "start": "startDate",
    "amount": "amountPaid",
    "trial_days": "trialDays",
    "usage_metric": "usageMetric",
}
_OBJECTS: Final = {"account": "customer"}
_CONFLICTS: Final = {
    "account_blocked": "The customer is blocked",
    "account_closed": "The customer's account is closed",
    "event_id_reused": "The eventId was already used for another event",
    "external_id_taken": "A customer with this externalCustomerId exists",
}


class ErrorBody(msgspec.Struct, frozen=True):
    error: str


class BadRequest(Fact):
    """The request cannot be read; the message is the whole of what is said."""

    code = "bad_request"


def missing(*fields: str) -> BadRequest:
    return BadRequest("Missing required fields: " + ", ".join(fields))


def reply(fact: Fact) -> Reply:
    match fact:
        case Invalid():
            return error(400, f"{_FIELDS.get(fact.field, fact.field)} {fact.problem}".strip())
        case BadRequest():
            return error(400, fact.message)
        case Unauthenticated():
            return error(401, UNAUTHORIZED, ((b"www-authenticate", b"Bearer"),))
        case InsufficientCredits():
            needed, available = format_credits(fact.needed), format_credits(fact.available)
            return error(402, f"Insufficient credits: {needed} needed, {available} available")
        case Forbidden():
            return error(403, fact.message)
        case NotFound():
            what = _OBJECTS.get(fact.what, fact.what)
            return error(404, f"{what[:1].upper()}{what[1:]} not found")
        case Conflict():
            return error(409, _CONFLICTS.get(fact.code, fact.message))
        case KeyReused():
            return error(422, fact.message)
        case Unavailable():
            return error(503, fact.message, ((b"retry-after", b"%d" % fact.retry_after),))
        case _:
            return internal(fact)


def error(status: int, message: str, headers: Headers = ()) -> Reply:
    return Reply(status, msgspec.json.encode(ErrorBody(message.removesuffix("."))), headers)


def nothing_here() -> Reply:
    return error(404, "There is nothing at this address")


def not_allowed(allow: list[str]) -> Reply:
    """405 with the methods that are there."""
    header = ", ".join(allow)
    return error(405, f"This address answers {header}", ((b"allow", header.encode()),))


def too_large(limit: int) -> Reply:
    return error(413, f"A body here is at most {limit} bytes")


def card_refused() -> Reply:
    return error(400, CARD_REFUSED)


def internal(fault: Exception) -> Reply:
    """A 500, which is a bug. The log has the rest under the id."""
    return error(500, f"The server failed; its log has the reason as {crash(fault)}")
