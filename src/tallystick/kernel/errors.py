"""Facts that stop a request. The domain raises them; each dialect chooses status and body.

Fact
├── Invalid                 a value has the wrong form; names the field
├── Unauthenticated         no credential, or one that is not valid
├── TooManyAttempts         an address is locked for a while, whatever the password
├── Forbidden               the credential may not do this
├── NotFound                no such object for this caller (another tenant's looks the same)
│   └── Renamed             the external id is no longer this account's: ask again whose it is
├── Conflict                the object's state does not allow it
├── KeyReused               an idempotency key came again with another body
├── InsufficientCredits     a shortage: the one decline that a customer can mend by paying
├── LimitReached            a feature may not be used so much: a larger plan would allow it
└── Unavailable             not now: nothing was recorded, try again
    ├── Busy                somebody else holds the account, or the queue is full
    └── GatewayUnavailable  a payment gateway does not answer
"""

from typing import Any


class Fact(Exception):
    """Base of all. ``code`` is stable: clients branch on it."""

    code = "error"
    replayed = False
    """Whether it had declined the same key before."""

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


class Invalid(Fact):
    """A value has the wrong form."""

    code = "invalid_request"

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field} {message}")
        self.field = field
        self.problem = message


class Unauthenticated(Fact):
    code = "unauthenticated"


class TooManyAttempts(Fact):
    """``retry_after`` is in seconds."""

    code = "too_many_attempts"

    def __init__(self, retry_after: int) -> None:
        super().__init__("Too many failed attempts; try again later.")
        self.retry_after = retry_after


class Forbidden(Fact):
    code = "forbidden"


class NotFound(Fact):
    code = "not_found"

    def __init__(self, what: str) -> None:
        super().__init__(f"No such {what}.")
        self.what = what


class Renamed(NotFound):
    """The account that an external id was thought to mean has another one now."""


class Conflict(Fact):
    """``code`` says which state stood in the way."""

    def __init__(self, code: str, message: str, **details: Any) -> None:
        super().__init__(message, **details)
        self.code = code


class KeyReused(Fact):
    code = "idempotency_key_reused"

    def __init__(self) -> None:
        super().__init__("This idempotency key was already used with another request.")


class InsufficientCredits(Fact):
    """``needed`` and ``available`` are microcredits."""

    code = "insufficient_credits"

    def __init__(self, needed: int, available: int) -> None:
        super().__init__("The wallet has too few credits available.")
        self.needed = needed
        self.available = available


_WITHHELD = {
    "no_subscription": "The account has no subscription, which would give this feature.",
    "not_in_plan": "The account's plan does not have this feature.",
    "incomplete": "The account's subscription is not paid yet.",
    "paused": "The account's subscription is paused.",
}


class LimitReached(Fact):
    """``needed`` and ``remaining`` are units of the feature; ``reason`` is an entitlement's."""

    code = "limit_reached"

    def __init__(self, feature: str, needed: int, remaining: int, reason: str) -> None:
        super().__init__(_WITHHELD.get(reason, "The account may not use so much of this feature."))
        self.feature = feature
        self.needed = needed
        self.remaining = remaining
        self.reason = reason


class Unavailable(Fact):
    """``retry_after`` is in seconds."""

    code = "unavailable"

    def __init__(self, message: str, retry_after: int = 1) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Busy(Unavailable):
    code = "busy"


class GatewayUnavailable(Unavailable):
    """A payment gateway cannot be reached; this server can."""
