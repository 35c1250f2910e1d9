"""The Idempotency-Key header (draft-ietf-httpapi-idempotency-key-header)."""

from tallystick.kernel.errors import Invalid

from .cards import has_card
from .hot import Headers

REPLAYED: Headers = ((b"idempotent-replayed", b"true"),)
MAX_KEY = 255


def check_key(key: str | None, field: str = "Idempotency-Key") -> str | None:
    """Give the key back. Raises Invalid that names the header (or field)."""
    if key is None:
        return None
    if not 1 <= len(key) <= MAX_KEY or not key.isascii() or not key.isprintable():
        raise Invalid(field, f"must be 1 to {MAX_KEY} printable ASCII characters")
    if has_card(key):  # it is kept
        raise Invalid(field, "must not have a card number")
    return key


def headers_of(replayed: bool) -> Headers:
    return REPLAYED if replayed else ()
