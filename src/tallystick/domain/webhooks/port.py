"""What sends webhooks over the network: a port, implemented by `gateways.deliver`."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

Headers = Sequence[tuple[str, str]]

Fault = Literal[
    "address_refused", "not_resolved", "not_connected", "tls_failed", "timed_out", "broken_off", "not_signed", "fault"
]  # fmt: skip
"""Why there is no answer. ``address_refused``: the receiver's name leads where webhooks must not go."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one try: an answer, or why there is none (``error``, and ``detail`` in words).

    ``body`` is the beginning of the answer's. An answer whose body was cut or broken off is an answer.
    """

    status: int | None
    headers: Headers = ()
    body: bytes = field(default=b"", repr=False)
    error: Fault | None = None
    detail: str = ""
    seconds: float = 0.0


class Sender(Protocol):
    """Sends any number of requests at once."""

    async def send(self, url: str, headers: Headers, body: bytes) -> Outcome:
        """POST the body; follow no redirect, go to no private address, take a bounded time and memory. Never raises."""
        ...
