"""Operations of payments, webhooks, alerts and reloads, by every credential that may not do them: nothing changes."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from tallystick.kernel.actor import Role
from tests.contract.conformance.state import state
from tests.contract.native.furnishing import furnished
from tests.contract.native.payments.paying import (
    CREDITS,
    invoice,
    member,
    method_of,
)
from tests.contract.served import Api, House

pytestmark = pytest.mark.holds(
    "native",
    "POST /v2/portal-sessions",
    "POST /v2/accounts/{account}/payment-methods/{method}/default",
    "GET /v2/accounts/{account}/payment-history",
    "GET /v2/event-types",
)

AREAS = (
    "/v2/checkouts", "/v2/payment", "/v2/refunds", "/v2/disputes", "/v2/gateways", "/v2/portal-sessions",
    "/v2/webhook-", "/v2/event", "/v2/emails",
)  # fmt: skip
OF_ACCOUNTS = ("/alerts", "/auto-reload", "/payment-")

NOT_OURS = 404
SPAN = {"from": "2020-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z"}


@dataclass(frozen=True)
class Operation:
    """``scope`` is the least that a key needs; ``role`` what a member of the account needs, None: no member may."""

    method: str
    path: str
    scope: str
    role: Role | None = None
    body: Any = None

    @property
    def names(self) -> bool:
        """Whether it names something that is somebody's."""
        return "{" in self.path.replace("{gateway}", "") or "'{" in str(self.body)


V, A = Role.VIEWER, Role.ADMIN
OPERATIONS = [
    Operation("GET", "/v2/checkouts", "read", V),
    Operation("GET", "/v2/checkouts/{checkout}", "read", V),
    Operation("POST", "/v2/checkouts", "write", A, {"account": "{account}", "credits": CREDITS}),
    Operation("POST", "/v2/checkouts/{checkout}/expire", "write", A),
    Operation("POST", "/v2/portal-sessions", "write", A, {"account": "{account}"}),
    Operation("GET", "/v2/accounts/{account}/payment-history", "read", V),
    Operation("GET", "/v2/payments", "read", V),
    Operation("GET", "/v2/payments/{payment}", "read", V),
    Operation("POST", "/v2/payments", "write", None, {"invoice": "{invoice}"}),
    Operation("POST", "/v2/payments/{transfer}/approve", "admin"),
    Operation("POST", "/v2/payments/{other_transfer}/reject", "admin", None, {"reason": "never came"}),
    Operation("GET", "/v2/accounts/{account}/payment-methods", "read", V),
    Operation("POST", "/v2/accounts/{account}/payment-methods/{method}/default", "write", A),
    Operation("DELETE", "/v2/accounts/{account}/payment-methods/{method}", "write", A),
    Operation("GET", "/v2/refunds", "read", V),
    Operation("GET", "/v2/refunds/{refund}", "read", V),
    Operation("POST", "/v2/refunds", "admin", None, {"payment": "{payment}", "amount": "0.01"}),
    Operation("POST", "/v2/refunds/{refund}/retry", "admin"),
    Operation("POST", "/v2/refunds/{refund}/complete", "admin"),
    Operation("GET", "/v2/disputes", "read", V),
    Operation("GET", "/v2/disputes/{dispute}", "read", V),
    Operation("POST", "/v2/disputes/{dispute}/close", "admin", None, {"outcome": "won"}),
    Operation("GET", "/v2/gateways", "admin"),
    Operation("GET", "/v2/gateways/{gateway}", "admin"),
    Operation("PUT", "/v2/gateways/{gateway}", "admin", None, {"options": {"instructions": "To us"}}),
    Operation("GET", "/v2/payment-policy", "read"),
    Operation("PUT", "/v2/payment-policy", "admin", None, {"refunds": "wallet"}),
    Operation("GET", "/v2/accounts/{account}/alerts", "read", V),
    Operation("POST", "/v2/accounts/{account}/alerts", "write", A, {"threshold": 7}),
    Operation("DELETE", "/v2/accounts/{account}/alerts/{alert}", "write", A),
    Operation("GET", "/v2/accounts/{account}/auto-reload", "read", V),
    Operation("GET", "/v2/accounts/{account}/auto-reload/credits", "read", V),
    Operation(
        "PUT", "/v2/accounts/{account}/auto-reload/credits", "write", A, {"threshold": 2, "amount": 100}
    ),
    Operation("DELETE", "/v2/accounts/{account}/auto-reload/credits", "write", A),
    Operation("GET", "/v2/webhook-endpoints", "read"),
    Operation("GET", "/v2/webhook-endpoints/{endpoint}", "read"),
    Operation("POST", "/v2/webhook-endpoints", "admin", None, {"url": "https://example.com/new"}),
    Operation("PATCH", "/v2/webhook-endpoints/{endpoint}", "admin", None, {"description": "mine now"}),
    Operation("POST", "/v2/webhook-endpoints/{endpoint}/rotate-secret", "admin"),
    Operation("POST", "/v2/webhook-endpoints/{endpoint}/test", "admin"),
    Operation("POST", "/v2/webhook-endpoints/{endpoint}/replay", "admin", None, SPAN),
    Operation("GET", "/v2/webhook-deliveries", "read"),
    Operation("GET", "/v2/webhook-deliveries/{delivery}", "read"),
    Operation("POST", "/v2/webhook-deliveries/{delivery}/replay", "admin"),
    Operation("DELETE", "/v2/webhook-endpoints/{endpoint}", "admin"),
    Operation("GET", "/v2/events", "read"),
    Operation("GET", "/v2/events/{event}", "read"),
    Operation("GET", "/v2/event-types", "read"),
    Operation("GET", "/v2/emails", "read"),
    Operation("GET", "/v2/emails/{email}", "read"),
]


@pytest.fixture(scope="module")
def known(house: House) -> dict[str, str]:
    """What there is of one account: something for every path."""
    with house.client("admin") as api:
        return furnished(house, api)


@pytest.fixture(scope="module")
def cast(house: House, known: dict[str, str]) -> Iterator[dict[str, Api]]:
    """Clients by what they hold: keys, nothing, and members of the account and of another one."""
    with house.client("admin") as api:
        other = api.account()
    tokens = {f"{role.value} here": member(house, known["account"], role) for role in Role}
    tokens["owner elsewhere"] = member(house, other, Role.OWNER)
    with ExitStack() as stack:
        clients = {name: stack.enter_context(house.client(key)) for name, key in tokens.items()}
        for name in ("admin", "write", "read", "test", "stranger"):
            clients[name] = stack.enter_context(house.client(name))
        clients["nobody"] = stack.enter_context(house.client(None))
        clients["liar"] = stack.enter_context(house.client("cb_live_" + "0" * 72))
        yield clients


def served(document: dict[str, Any]) -> set[tuple[str, str]]:
    """The operations of these areas."""
    return {
        (method.upper(), path)
        for path, rows in document["paths"].items()
        for method in rows
        if path.startswith(AREAS)
        or (path.startswith("/v2/accounts/") and any(one in path for one in OF_ACCOUNTS))
    }


def test_the_table_has_every_operation(api: Api) -> None:
    known = {"transfer": "payment", "other_transfer": "payment"}
    tried = set()
    for one in OPERATIONS:
        path = one.path.replace("auto-reload/credits", "auto-reload/{credit_type}")
        for name, shown in known.items():
            path = path.replace("{" + name + "}", "{" + shown + "}")
        tried.add((one.method, path))
    assert tried == served(api.get("/v2/openapi.json").json())


def test_who_may_not_changes_nothing(house: House, cast: dict[str, Api], known: dict[str, str]) -> None:
    before = state(house)
    for operation in OPERATIONS:
        for name, client in cast.items():
            wanted = _refusal(operation, name)
            if wanted is None:
                continue
            got = _send(client, operation, known)
            assert got.status_code == wanted, (operation, name, got.text)
            assert got.headers["content-type"] == "application/problem+json"
            assert got.json()["status"] == wanted
    assert state(house) == before


def test_ids_of_one_account_are_of_no_use_with_another(house: House, known: dict[str, str], api: Api) -> None:
    other = api.funded(10)
    theirs = invoice(api, other)
    method_of(api, other)
    before = state(house)
    refused = [
        ("POST", "/v2/checkouts", {"account": other, "invoice": known["invoice"]}),
        ("POST", "/v2/payments", {"invoice": theirs, "method": known["method"]}),
        ("DELETE", f"/v2/accounts/{other}/payment-methods/{known['method']}", None),
        ("POST", f"/v2/accounts/{other}/payment-methods/{known['method']}/default", None),
        ("DELETE", f"/v2/accounts/{other}/alerts/{known['alert']}", None),
        (
            "PUT",
            f"/v2/accounts/{other}/auto-reload/credits",
            {"threshold": 1, "amount": 100, "payment_method": known["method"]},
        ),
    ]
    for method, path, body in refused:
        got = api.send(method, path, body)
        assert got.status_code == 404, (path, got.text)
    assert state(house) == before


def test_lists_show_members_and_strangers_nothing_of_it(cast: dict[str, Api], known: dict[str, str]) -> None:
    lists = [
        ("/v2/checkouts", {"invoice": known["invoice"]}),
        ("/v2/payments", {"invoice": known["invoice"]}),
        ("/v2/payments", {"checkout": known["checkout"]}),
        ("/v2/refunds", {"payment": known["payment"]}),
        ("/v2/disputes", {"payment": known["payment"]}),
        ("/v2/webhook-deliveries", {"endpoint": known["endpoint"]}),
        ("/v2/webhook-deliveries", {"event": known["event"]}),
        ("/v2/checkouts", {"cursor": known["checkout"]}),
        ("/v2/refunds", {"cursor": known["refund"]}),
        ("/v2/events", {}),
        ("/v2/emails", {}),
        ("/v2/webhook-endpoints", {}),
    ]
    for path, query in lists:
        for name in ("stranger", "test", "owner elsewhere"):
            got = cast[name].get(path, **query)
            if name == "owner elsewhere" and got.status_code == 403:
                continue
            assert got.status_code == 200, (path, name, got.text)
            assert got.json()["data"] == [], (path, name)
    for path in ("/v2/checkouts", "/v2/payments", "/v2/refunds", "/v2/disputes"):
        for name in ("stranger", "test", "owner elsewhere"):
            assert cast[name].get(path, account=known["account"]).status_code == 404


def test_who_may_is_let_in(cast: dict[str, Api], known: dict[str, str]) -> None:
    """Else the refusals above would say nothing."""
    for operation in OPERATIONS:
        for name in _least(operation):
            got = _send(cast[name], operation, known)
            assert got.status_code in (200, 201, 409), (operation, name, got.text)
            if got.status_code == 200 and operation.method == "DELETE":
                break


def _least(operation: Operation) -> list[str]:
    members = [] if operation.role is None else [f"{operation.role.value} here"]
    return [*members, operation.scope]


def _refusal(operation: Operation, name: str) -> int | None:
    """The status by which this one is refused; None where they may."""
    if name in ("nobody", "liar"):
        return 401
    if name in ("test", "stranger"):
        return NOT_OURS if operation.names else None
    if name == "owner elsewhere":
        if operation.role is None:
            return 403
        return NOT_OURS if operation.names else None
    if name.endswith(" here"):
        role = Role(name.removesuffix(" here"))
        return 403 if operation.role is None or not role.includes(operation.role) else None
    order = ("read", "write", "admin")
    return 403 if order.index(name) < order.index(operation.scope) else None


def _send(client: Api, operation: Operation, known: dict[str, str]) -> Any:
    body = operation.body
    if body is not None:
        body = {key: text.format_map(known) if isinstance(text, str) else text for key, text in body.items()}
    return client.send(operation.method, operation.path.format_map(known), body)
