"""The Authorization header as simplejwt reads it, and what a refused credential is told."""

from typing import Any, Final

from tallystick.kernel.errors import Unauthenticated

from .texts import BAD_HEADER, INACTIVE, INVALID_OR_EXPIRED, NO_ACTIVE_ACCOUNT, NOT_AUTHENTICATED, NOT_VALID

CHALLENGE: Final = ((b"www-authenticate", b'Bearer realm="api"'),)
"""The header of every 401."""
_MALFORMED: Final = "malformed"
_INACTIVE: Final = "inactive"


def check_header(authorization: str | None) -> str:
    """The header, ``Bearer <token>`` with one space; what the token is worth, others say.

    Another scheme counts as no credential; the scheme's letters have their case. Raises Unauthenticated whose
    ``details["reason"]`` is "missing" or "malformed".
    """
    parts = (authorization or "").encode("latin-1").split()  # at white space of ASCII alone
    if not parts or parts[0] != b"Bearer":
        raise Unauthenticated(NOT_AUTHENTICATED, reason="missing")
    if len(parts) != 2:
        raise Unauthenticated(BAD_HEADER, reason=_MALFORMED)
    return b" ".join(parts).decode("latin-1")


def refusal(fact: Unauthenticated) -> dict[str, Any]:
    """The body of a 401: whose access token is missing or does not do."""
    reason = fact.details.get("reason")
    if reason == "missing":
        return {"detail": NOT_AUTHENTICATED}
    if reason == _MALFORMED:
        return {"detail": BAD_HEADER, "code": "bad_authorization_header"}
    if reason == _INACTIVE:
        return {"detail": INACTIVE, "code": "user_inactive"}
    return {"detail": NOT_VALID, "code": "token_not_valid"}


def refresh_refusal(fact: Unauthenticated) -> dict[str, Any]:
    """The body of a 401: a refresh token that does not do."""
    if fact.details.get("reason") == _INACTIVE:
        return {"detail": NO_ACTIVE_ACCOUNT, "code": "no_active_account"}
    return {"detail": INVALID_OR_EXPIRED, "code": "token_not_valid"}
