"""Passwords: argon2id (RFC 9106), off the event loop."""

import asyncio
import secrets
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from tallystick.kernel.errors import Invalid

from .model import MIN_PASSWORD

R = TypeVar("R")

MAX_PASSWORD: Final = 1024
_HASHER: Final = PasswordHasher()
# Threads of their own, and few: each hash takes 64 MiB, and a flood of sign-ins must not starve other work.
_THREADS: Final = ThreadPoolExecutor(max_workers=4, thread_name_prefix="argon2")


def _nobodys() -> str:
    salt, hashed = (b64encode(bytes(n)).rstrip(b"=").decode() for n in (16, 32))
    h = _HASHER
    return f"$argon2id$v=19$m={h.memory_cost},t={h.time_cost},p={h.parallelism}${salt}${hashed}"


_NOBODYS: Final = _nobodys()
"""A hash that no password has: checked for an unknown address, so that it takes as long as a known one's."""


def new_password() -> str:
    """A password nobody need think up: 120 random bits."""
    return secrets.token_urlsafe(15)


async def hash_password(password: str) -> str:
    """The hash to store. Raises Invalid for less than 8 characters. Call it before the transaction."""
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise Invalid("password", f"must have {MIN_PASSWORD} to {MAX_PASSWORD} characters")
    return await _in_thread(_HASHER.hash, _bytes(password))


async def verify_password(stored: str | None, password: str) -> bool:
    """Whether the password is the stored hash's; takes as long when there is none."""
    return await _in_thread(_matches, stored or _NOBODYS, _bytes(password))


def outdated(stored: str) -> bool:
    """Whether the hash was made with other parameters than today's."""
    return _HASHER.check_needs_rehash(stored)


def _matches(stored: str, password: bytes) -> bool:
    try:
        return _HASHER.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False


def _bytes(password: str) -> bytes:
    # JSON may carry half a surrogate pair; as a password it is as good as any
    return password.encode("utf-8", "surrogatepass")


async def _in_thread(work: Callable[..., R], *values: str | bytes) -> R:
    return await asyncio.get_running_loop().run_in_executor(_THREADS, work, *values)
