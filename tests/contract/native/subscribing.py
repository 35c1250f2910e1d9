"""What the tests of subscriptions and entitlements share: plans, subscriptions, and paying for them."""

from itertools import count
from typing import Any

from tests.contract.served import Api

_numbers = count(1)


def feature(api: Api, key: str, kind: str = "HARD_LIMIT", **fields: Any) -> str:
    """Defines a feature, unless it is; gives its key."""
    made = api.post("/v2/features", {"key": key, "name": key.title(), "type": kind, **fields})
    assert made.status_code in (201, 409), made.text
    return key


def plan(api: Api, price: str | None = None, **fields: Any) -> str:
    """A new monthly plan's id; without a price it is free, so that a subscription is active at once."""
    components = [] if price is None else [{"key": "base", "kind": "flat", "amount": price}]
    body = {
        "name": f"Plan {next(_numbers)}",
        "interval": "monthly",
        "currency": "USD",
        "components": components,
    }
    made = api.post("/v2/plans", body | fields)
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


def subscribe(api: Api, plan: str, account: str | None = None, **fields: Any) -> dict[str, Any]:
    """A subscription of an account (a new one's)."""
    made = api.post("/v2/subscriptions", {"account": account or api.account(), "plan": plan, **fields})
    assert made.status_code == 201, made.text
    return dict(made.json())


def paid(api: Api, made: dict[str, Any]) -> dict[str, Any]:
    """The subscription once the invoice that came with it is paid."""
    done = api.post(f"/v2/invoices/{made['invoice']['id']}/pay", {})
    assert (done.status_code, done.json()["status"]) == (200, "paid"), done.text
    return read(api, made["id"])


def read(api: Api, subscription: str) -> dict[str, Any]:
    found = api.get(f"/v2/subscriptions/{subscription}")
    assert found.status_code == 200, found.text
    return dict(found.json())


def kinds(api: Api, subscription: str) -> list[str]:
    """What happened to it, the oldest first."""
    rows = api.get(f"/v2/subscriptions/{subscription}/changes", limit=100).json()["data"]
    return [row["kind"] for row in reversed(rows)]
