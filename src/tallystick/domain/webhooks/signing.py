"""What a delivery consists of, as Standard Webhooks says (https://www.standardwebhooks.com): secret, body, headers.

Pure but for the random bytes of a secret.
"""

import base64
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from standardwebhooks import Webhook

from tallystick.domain.identity.vault import Vault
from tallystick.kernel.clock import iso
from tallystick.kernel.ids import typeid

USER_AGENT: Final = "Tallystick-Webhooks/1"
SIGNATURE: Final = "webhook-signature"
_PREFIX: Final = "whsec_"
_BYTES: Final = 24


def new_secret(vault: Vault, endpoint: UUID, derive_from: str | None) -> str:
    """A secret of 24 bytes, at random or, where the request has a key, the same for each repeat of the request."""
    if derive_from is None:
        raw = secrets.token_bytes(_BYTES)
    else:
        raw = base64.urlsafe_b64decode(vault.token("endpoint secret", f"{endpoint}\n{derive_from}"))
    return _PREFIX + base64.b64encode(raw).decode()


def seal(vault: Vault, endpoint: UUID, secret: str) -> bytes:
    return vault.seal(secret, f"endpoint:{endpoint}")


def signer(vault: Vault, endpoint: UUID, sealed: bytes) -> Webhook:
    """Raises Conflict("sealed_elsewhere")."""
    return Webhook(vault.open(sealed, f"endpoint:{endpoint}"))


def body(type: str, at: datetime, data: str, app: UUID) -> bytes:
    """The body: the same bytes for an event each time. ``data`` is JSON."""
    said: dict[str, Any] = {"event": type, "data": msgspec.Raw(data.encode())}
    return msgspec.json.encode(said | {"timestamp": iso(at), "app_id": typeid("app", app)})


def headers(
    event: UUID, type: str, attempt: int, body: bytes, signers: Sequence[Webhook], now: datetime
) -> list[tuple[str, str]]:
    """The headers of a try. Each signer adds a signature: one that the receiver knows is enough."""
    name = typeid("evt", event)
    text = body.decode()
    signatures = [one.sign(msg_id=name, timestamp=now, data=text) for one in signers]
    return [
        ("content-type", "application/json"),
        ("user-agent", USER_AGENT),
        ("webhook-id", name),
        ("webhook-timestamp", str(int(now.astimezone(UTC).timestamp()))),
        (SIGNATURE, " ".join(signatures)),
        ("x-webhook-event", type),
        ("x-delivery-attempt", str(attempt)),
    ]
