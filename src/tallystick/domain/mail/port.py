"""What sends e-mail: a port, implemented under `gateways`."""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Message:
    """A message to send. The same ``id`` comes again when it is not known whether it was sent.

    ``sender`` is an address, perhaps with a name before it; empty: the mailer's own.
    """

    id: UUID
    sender: str
    recipient: str
    subject: str
    body: str


class MailRefused(Exception):
    """It will never be taken so: there is no use in trying again. Its text says why, without a secret."""


class MailDown(Exception):
    """Not now: it may be taken later. Its text says why, without a secret."""


class Mailer(Protocol):
    """Sends one message at a time; any number of calls may be under way at once."""

    async def send(self, message: Message) -> None:
        """Hand the message over. Raises MailRefused, MailDown."""
        ...
