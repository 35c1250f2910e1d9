"""Keeping what must not stand in the database in clear: secrets of gateways and of webhook endpoints.

The key is the server's (`config.secret_key`) and never in the database, so a stolen dump opens nothing.
"""

import base64
import hmac
import secrets
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tallystick.kernel.errors import Conflict

_NONCE: Final = 12


class Vault:
    """Seals texts with AES-256-GCM and makes tokens that only it can have made."""

    def __init__(self, key: bytes) -> None:
        """``key`` is 32 bytes."""
        assert len(key) == 32
        self._cipher = AESGCM(hmac.digest(key, b"tallystick seal 1", sha256))
        self._signing = hmac.digest(key, b"tallystick token 1", sha256)

    def seal(self, clear: str, context: str) -> bytes:
        """Seal a text. It opens only with the same ``context``, which says whose it is: no row can borrow another's."""
        nonce = secrets.token_bytes(_NONCE)
        return nonce + self._cipher.encrypt(nonce, clear.encode(), context.encode())

    def open(self, sealed: bytes, context: str) -> str:
        """The text again. Raises Conflict("sealed_elsewhere") when another key or context sealed it."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], context.encode()).decode()
        except (InvalidTag, ValueError):
            raise Conflict(
                "sealed_elsewhere", "The secret was sealed with another key than this server's."
            ) from None

    def token(self, purpose: str, about: str) -> str:
        """A token of 32 characters for links that are a credential by themselves; the same one each time."""
        made = hmac.digest(self._signing, f"{purpose}\n{about}".encode(), sha256)
        return base64.urlsafe_b64encode(made[:24]).decode()

    def is_token(self, token: str, purpose: str, about: str) -> bool:
        """Whether `token` made it, compared in constant time."""
        return hmac.compare_digest(token.encode(), self.token(purpose, about).encode())
