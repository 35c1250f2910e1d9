"""API keys: ``cb_live_`` or ``cb_test_``, the key's id, 192 secret bits and a checksum, all in base 32.

    cb_live_ 06bq...(26, the key's UUID) ...(39, the secret) ...(7, CRC-32 of all before)

The fixed prefix lets secret scanners find a leaked key, and the checksum lets them (and us) tell a key from
noise and refuse a mistyped one without asking the database; a CRC-32 misses no wrong, and no two swapped,
characters. Only HMAC-SHA256 of the whole text is stored, under the server's own secret: a stolen table opens
nothing, and 192 random bits need no slow hash.
"""

import hashlib
import hmac
import re
import secrets as random
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from tallystick.db.pool import Tx, one_row, run
from tallystick.kernel.actor import Mode, Scope
from tallystick.kernel.errors import NotFound
from tallystick.kernel.ids import uuid7

from . import views
from .actions import audit
from .model import ApiKey, Secrets, check_text
from .views import q

PREFIX: Final = "cb_"
_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_VALUES: Final = {char: value for value, char in enumerate(_ALPHABET)}
_TEXT: Final = re.compile(
    rf"(cb_(?:live|test)_([0-7][{_ALPHABET}]{{25}})[{_ALPHABET}]{{39}})([{_ALPHABET}]{{7}})"
)
_SECRET_BYTES: Final = 24


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made. ``text`` is shown once and stored nowhere."""

    key: ApiKey
    text: str = field(repr=False)


def key_text(mode: Mode, key: UUID, secret: bytes) -> str:
    """The key as its holder writes it; ``secret`` has 24 bytes."""
    text = f"{PREFIX}{mode}_{_base32(key.int, 26)}{_base32(int.from_bytes(secret), 39)}"
    return text + _checksum(text)


def key_id(text: str) -> UUID | None:
    """The id a key's text names, or None when no key was ever written so."""
    match = _TEXT.fullmatch(text)
    if match is None or match[3] != _checksum(match[1]):
        return None
    bits = 0
    for char in match[2]:
        bits = bits << 5 | _VALUES[char]
    return UUID(int=bits)


def key_hash(secrets: Secrets, text: str) -> bytes:
    """What is stored of a key."""
    return hmac.digest(secrets.api_key, text.encode(), hashlib.sha256)


def derived_text(secrets: Secrets, mode: Mode, key: UUID, derive_from: bytes) -> str:
    """The text of a key made with ``derive_from``, again: for the replay of the request that made it."""
    # no key's text starts so: what is signed here is never what is stored there
    material = b"api key secret\0" + key.bytes + derive_from
    return key_text(mode, key, hmac.digest(secrets.api_key, material, hashlib.sha256)[:_SECRET_BYTES])


async def create_api_key(
    tx: Tx,
    secrets: Secrets,
    tenant: int,
    *,
    name: str,
    scope: Scope,
    created_by: str,
    expires_at: datetime | None = None,
    derive_from: bytes | None = None,
) -> NewKey:
    """Make a key for the tenant, and audit it.

    With ``derive_from`` (the material of an idempotency key) the secret follows from it, the key's id and the
    server's secret, so that `derived_text` gives it again. That the caller has the scope itself is the
    dialect's to check. Raises Invalid, and NotFound for an unknown tenant.
    """
    check_text("name", name, 100, shortest=1)
    mode = (await views.tenant(tx, tenant)).mode
    key = uuid7()
    if derive_from is None:
        text = key_text(mode, key, random.token_bytes(_SECRET_BYTES))
    else:
        text = derived_text(secrets, mode, key, derive_from)
    row = await one_row(
        tx,
        ApiKey,
        q.insert_api_key,
        {
            "id": key,
            "tenant": tenant,
            "name": name,
            "scope": scope.value,
            "hash": key_hash(secrets, text),
            "hint": text[-4:],
            "created_by": created_by,
            "expires_at": expires_at,
        },
    )
    assert row is not None
    await audit(
        tx,
        tenant,
        actor=created_by,
        action="api_key.create",
        target=f"key:{key}",
        details={"name": name, "scope": scope.value},
    )
    return NewKey(row, text)


async def revoke_api_key(tx: Tx, tenant: int, key: UUID, *, by: str, reason: str | None = None) -> ApiKey:
    """Revoke the tenant's key, and audit it; a second time changes nothing.

    Servers notice within a second. Raises NotFound.
    """
    changed = await run(tx, q.revoke_api_key, {"tenant": tenant, "id": key})
    row = await one_row(tx, ApiKey, q.api_key, {"tenant": tenant, "id": key})
    if row is None:
        raise NotFound("API key")
    if changed:
        await audit(tx, tenant, actor=by, action="api_key.revoke", target=f"key:{key}", reason=reason)
    return row


async def write_last_used(tx: Tx, seen: Mapping[UUID, datetime]) -> None:
    """Record when keys were last used; never moves a moment back."""
    if seen:
        await run(tx, q.write_last_used, {"ids": list(seen), "moments": list(seen.values())})


def _base32(bits: int, length: int) -> str:
    return "".join([_ALPHABET[bits >> shift & 31] for shift in range(5 * (length - 1), -5, -5)])


def _checksum(text: str) -> str:
    return _base32(zlib.crc32(text.encode()), 7)
