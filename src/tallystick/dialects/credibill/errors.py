"""How this contract says what went wrong: ``{"error": "..."}``, in its own words."""

from typing import Final

from tallystick.http import plain
from tallystick.http.hot import Reply
from tallystick.http.plain import card_refused, error, internal, nothing_here, too_large
from tallystick.http.plain import methods as not_allowed
from tallystick.kernel.errors import Fact

__all__ = [
    "READ_ONLY",
    "BadRequest",
    "card_refused",
    "error",
    "internal",
    "missing",
    "not_allowed",
    "nothing_here",
    "reply",
    "too_large",
]

READ_ONLY: Final = "API key lacks write permissions"

_WORDS: Final = plain.Words(
    objects={"account": "customer"},
    fields={
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
    },
    conflicts={
        "account_blocked": "The customer is blocked",
        "account_closed": "The customer's account is closed",
        "event_id_reused": "The eventId was already used for another event",
        "external_id_taken": "A customer with this externalCustomerId exists",
    },
    unauthorized="Missing or invalid Authorization header",
)


class BadRequest(Fact):
    """The request cannot be read; the message is the whole of what is said."""

    code = "bad_request"


def missing(*fields: str) -> BadRequest:
    return BadRequest("Missing required fields: " + ", ".join(fields))


def reply(fact: Fact) -> Reply:
    return error(400, fact.message) if isinstance(fact, BadRequest) else plain.reply(fact, _WORDS)
