"""The contract's objects as they are sent: what its document elides, in full.

Every field stands in every object of its kind, null where there is nothing; ``metadata`` is an object always.
"""

from typing import Any, Final

import msgspec

from .numbers import Number

encode: Final = msgspec.json.Encoder().encode


class Object(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    rename={
        "id": "_id",
        "creation_time": "_creationTime",
        "organization_id": "organizationId",
        "app_id": "appId",
    },
):
    """What begins every stored object. Times are milliseconds."""

    id: str
    creation_time: int
    organization_id: str
    app_id: str


class Plan(Object, frozen=True, kw_only=True, rename="camel"):
    name: str
    description: str | None
    pricing_model: str
    base_amount: int | None
    currency: str
    interval: str
    trial_days: int
    usage_metric: str | None
    unit_price: Number | None
    free_units: Number | None
    status: str
    mode: str


class Customer(
    Object,
    frozen=True,
    kw_only=True,
    rename={
        "external_customer_id": "externalCustomerId",
        "has_used_trial": "hasUsedTrial",
        "first_trial_date": "firstTrialDate",
    },
):
    email: str | None
    first_name: str | None
    last_name: str | None
    phone: str | None
    external_customer_id: str | None
    type: str | None
    status: str
    metadata: dict[str, Any]
    has_used_trial: bool
    first_trial_date: int | None


class UsageEvent(Object, frozen=True, kw_only=True, rename="camel"):
    customer_id: str
    subscription_id: str | None
    quantity: Number
    metric: str
    timestamp: int
    event_id: str | None
    metadata: dict[str, Any]


class LineItem(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """``unit_amount`` is null where an amount was no quantity times a price."""

    description: str
    quantity: Number
    unit_amount: Number | None
    total_amount: int
    type: str


class Invoice(Object, frozen=True, kw_only=True, rename="camel"):
    customer_id: str
    subscription_id: str | None
    invoice_number: str | None
    currency: str
    amount_due: int
    amount_paid: int
    status: str
    period_start: int | None
    period_end: int | None
    due_date: int | None
    metadata: dict[str, Any]
    line_items: list[LineItem]


class Subscription(Object, frozen=True, kw_only=True, rename="camel"):
    customer_id: str
    plan_id: str
    plan_snapshot: Plan
    status: str
    start_date: int
    current_period_start: int | None
    current_period_end: int | None
    cancel_at_period_end: bool
    usage_quantity: Number
    usage_amount: int
    trial_ends_at: int | None
    last_payment_date: int | None
    failed_payment_attempts: int


# The same with what they belong to ------------------------------------------------------------------------


class ListedInvoice(Invoice, frozen=True, kw_only=True):
    customer: Customer
    subscription: Subscription | None


class CustomersSubscription(Subscription, frozen=True, kw_only=True):
    """As it stands in its customer."""

    plan: Plan


class ListedSubscription(Subscription, frozen=True, kw_only=True):
    customer: Customer
    plan: Plan


class WholeSubscription(ListedSubscription, frozen=True, kw_only=True, rename="camel"):
    invoices: list[Invoice]
    usage_events: list[UsageEvent]


class WholeCustomer(Customer, frozen=True, kw_only=True):
    subscriptions: list[CustomersSubscription]
    invoices: list[Invoice]


# Answers to writes ----------------------------------------------------------------------------------------


class UsageRecorded(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    success: bool = True
    usage_event_id: str
    duplicate: bool
