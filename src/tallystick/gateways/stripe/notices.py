"""Stripe's webhooks: their signatures, and what they tell."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

import stripe

from tallystick.domain.payments.port import BadSignature, Notice

from . import seeing

_TOLERANCE: Final = timedelta(seconds=300)


def read(secret: str, headers: Mapping[str, str], body: bytes, now: datetime) -> Notice:
    """A webhook that was signed with ``secret`` at most 300 seconds from ``now``. Raises BadSignature.

    The event itself may be days old: Stripe signs anew each time it sends.
    """
    signed = headers.get("stripe-signature", "")
    if not signed.isascii():  # the SDK cannot compare it
        raise BadSignature("Stripe did not sign this.")
    try:
        stripe.WebhookSignature.verify_header(body, signed, secret, None)
    except (stripe.SignatureVerificationError, UnicodeDecodeError):
        raise BadSignature("Stripe did not sign this.") from None
    if abs(now - _signed_at(signed)) > _TOLERANCE:
        raise BadSignature("Stripe did not sign this just now.")
    return _notice(body)


def _signed_at(header: str) -> datetime:
    """The moment that a verified header names."""
    named = next(part for part in header.split(",") if part.startswith("t="))
    try:
        return datetime.fromtimestamp(int(named[2:]), UTC)
    except (ValueError, OverflowError, OSError):
        raise BadSignature("Stripe did not sign this.") from None


def _notice(body: bytes) -> Notice:
    """A verified body. Raises BadSignature for what is no event of Stripe's."""
    try:
        said = json.loads(body)
        _check_text(said)
        data, type = said["data"], _name(said["type"])
        at = seeing.moment(int(said["created"]))
        seen = seeing.event(type, data["object"], data.get("previous_attributes") or {})
        return Notice(_name(said["id"]), type, at, seen)
    except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError, OSError, RecursionError):
        raise BadSignature("This is no event of Stripe's.") from None


def _check_text(said: object) -> None:
    """Raises ValueError for text that no database keeps: half a surrogate pair, or a NUL."""
    text = json.dumps(said, ensure_ascii=False)
    text.encode()
    if "\\u0000" in text:
        raise ValueError


def _name(text: object) -> str:
    if not isinstance(text, str) or not text.isascii() or not text.isprintable() or len(text) > 255:
        raise ValueError
    return text
