"""What happens to the story's wallet, step by step: after each, everybody is asked."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.contract.conformance.holding import hold
from tests.doubles.stores import Stores

from .telling import Row, Wallet, told


def made(answer: Any, *statuses: int) -> dict[str, Any]:
    assert answer.status_code in (statuses or (201,)), answer.text
    return dict(answer.json())


def purchased(answer: Any) -> dict[str, Any]:
    """What the IGNY8 contract says of a purchase."""
    assert answer.status_code == 201, answer.text
    return dict(hold(answer)["data"])


@dataclass
class Story(Wallet):
    """What happens to Ann's wallet. Each step ends with everybody asked."""

    stores: Stores = field(kw_only=True)

    def since(self, before: list[Row]) -> list[tuple[str, str]]:
        """The kinds and exact amounts of the rows that came, the oldest first; all contracts agree on the whole."""
        rows = self.agree()
        assert rows[len(rows) - len(before) :] == before, "what was told once does not change"
        return [(row.igny8, str(row.entry["amount"])) for row in reversed(rows[: len(rows) - len(before)])]

    @contextlib.contextmanager
    def step(self, *expected: tuple[str, str]) -> Iterator[None]:
        """What is done here leads to these rows and no others."""
        before = self.agree()
        yield
        assert self.since(before) == list(expected)

    def package(self, name: str) -> int:
        found = {one["name"]: one["id"] for one in told(self.user, "/v1/billing/credit-packages/")["results"]}
        return int(found[name])

    def debit(self, **fields: Any) -> dict[str, Any]:
        return made(self.api.post("/v2/debits", {"account": self.account, **fields}))

    def hold(self, amount: int) -> str:
        body = {"account": self.account, "amount": amount, "expires_in": 3600}
        return str(made(self.api.post("/v2/holds", body))["id"])

    def later(self, by: str) -> None:
        made(self.api.post("/v2/test-clock/advance", {"by": by}), 200)

    def pay(self, page: str, card: str) -> None:
        """In a browser, which has no credential."""
        form = {"Content-Type": "application/x-www-form-urlencoded", "Authorization": ""}
        sent = self.api.http.post(page, content=f"card={card}", headers=form)
        assert sent.status_code in (302, 303), sent.text
