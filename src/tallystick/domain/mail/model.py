"""E-mail as data, and when one that did not go through is tried again."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

Status = Literal["queued", "sent", "failed"]

LETS_IN: Final = frozenset(("invitation", "password_reset"))
"""Kinds whose text has a link that lets its reader in: it is shown to nobody else, and kept until it is sent only."""
_HIDDEN: Final = "This message has a link that lets its reader in. It is shown to its recipient alone.\n"

_PAUSES: Final = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 120, 240, 480, 720, 1242))


@dataclass(slots=True)
class Mail:
    """A message of the outbox. ``error`` is what the last attempt failed with. Times are the machine's.

    ``sender`` empty: the gateway's own. ``account`` is the internal number, None for what is of no account.
    """

    id: UUID
    place: int
    kind: str
    account: int | None
    account_uuid: UUID | None
    sender: str
    recipient: str
    subject: str
    body: str
    status: Status
    attempts: int
    error: str | None
    due_at: datetime | None
    created_at: datetime
    sent_at: datetime | None

    def __post_init__(self) -> None:
        if self.kind in LETS_IN:
            self.body = _HIDDEN


def pause(attempts: int) -> timedelta | None:
    """How long to wait after so many attempts (1 and more); None after two days: it is given up."""
    return _PAUSES[attempts - 1] if attempts <= len(_PAUSES) else None
