"""Ids: the native TypeIDs, which to this contract's clients are opaque strings."""

from functools import lru_cache
from uuid import UUID

from tallystick.kernel.errors import NotFound
from tallystick.kernel.ids import parse_typeid, typeid


def organization_id(app: UUID) -> str:
    return typeid("org", app)


def app_id(app: UUID) -> str:
    return typeid("app", app)


def customer_id(uuid: UUID) -> str:
    return typeid("acct", uuid)


def plan_id(uuid: UUID) -> str:
    return typeid("plan", uuid)


def subscription_id(uuid: UUID) -> str:
    return typeid("sub", uuid)


def invoice_id(uuid: UUID) -> str:
    return typeid("inv", uuid)


def event_id(uuid: UUID) -> str:
    return typeid("usage", uuid)


def parse_customer(text: str) -> UUID:
    """Raises NotFound, as all of these do."""
    return _parse("acct", text, "customer")


def parse_plan(text: str) -> UUID:
    return _parse("plan", text, "plan")


@lru_cache(20_000)  # each event names one
def parse_subscription(text: str) -> UUID:
    return _parse("sub", text, "subscription")


def parse_invoice(text: str) -> UUID:
    return _parse("inv", text, "invoice")


def _parse(prefix: str, text: str, what: str) -> UUID:
    uuid = parse_typeid(prefix, text)
    if uuid is None:
        raise NotFound(what)
    return uuid
