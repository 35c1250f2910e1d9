"""Receivers of webhooks without a network: they answer as a test says."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from tallystick.domain.webhooks.port import Headers, Outcome

OK = Outcome(200, [("content-type", "text/plain")], b"thanks", seconds=0.01)
LATER = ("retry-after", "21600")
"""Puts the next try off for so long that no machine is too slow for a test."""
DOWN = Outcome(None, [LATER], error="not_connected", detail="The receiver takes no connections.")


@dataclass(frozen=True)
class Sent:
    url: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def attempt(self) -> int:
        return int(self.headers["x-delivery-attempt"])

    @property
    def said(self) -> Any:
        return json.loads(self.body)["data"].get("n")


Answer = Callable[[Sent], Awaitable[Outcome] | Outcome]


class Receivers:
    """What is reached at each URL. Unless a test says otherwise everything is taken."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self.answers: dict[str, Answer] = {}

    async def send(self, url: str, headers: Headers, body: bytes) -> Outcome:
        one = Sent(url, dict(headers), body)
        self.sent.append(one)
        answer = self.answers.get(url)
        if answer is None:
            return OK
        outcome = answer(one)
        return outcome if isinstance(outcome, Outcome) else await outcome

    def said(self, url: str) -> list[Any]:
        return [one.said for one in self.sent if one.url == url]
