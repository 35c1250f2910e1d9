"""How the gateways' settings, the payment policy and the provider's own pages are shown."""

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from tallystick.dialects.native.answers import Money, Time
from tallystick.domain.payments import model, policy
from tallystick.domain.payments.port import Feature, Past
from tallystick.domain.payments.port import Gateway as Taker
from tallystick.kernel.clock import iso


class GatewaySecret(msgspec.Struct):
    """A secret is never shown: ``hint`` is its last characters, where it is long enough to have some to spare."""

    name: str
    set: bool
    hint: str | None


class Gateway(msgspec.Struct):
    """``features``: what it can do. ``webhook_url``: where the provider is to send its events, if it does."""

    name: str
    title: str
    enabled: bool
    standard: bool
    features: list[Feature]
    options: dict[str, Any]
    secrets: list[GatewaySecret]
    webhook_url: str | None


class PaymentPolicy(msgspec.Struct):
    duplicates: Literal["refund", "credit"]
    refunds: model.Take
    disputes: Literal["freeze", "claw_back", "none"]
    retry_days: list[int]
    reminder_days: list[int]


class PortalSession(msgspec.Struct):
    """``url`` is a credential by itself, for a while: send the customer there, and nobody else."""

    account: str
    url: str


class PastPayment(msgspec.Struct):
    id: str
    amount: Money
    status: str
    paid: bool
    description: str
    invoice_pdf: str | None
    hosted_url: str | None
    created_at: Time


class PaymentHistory(msgspec.Struct):
    """What the provider itself knows, the newest first."""

    account: str
    gateway: str
    data: list[PastPayment]
    has_more: bool


def gateway(row: model.GatewaySetting, taker: Taker, webhook_url: str) -> Gateway:
    return Gateway(
        name=row.gateway,
        title=taker.title,
        enabled=row.enabled,
        standard=row.standard,
        features=sorted(taker.features),
        options=row.options,
        secrets=[
            GatewaySecret(name, name in row.hints, row.hints.get(name) or None)
            for name in sorted(taker.secret_names)
        ],
        webhook_url=webhook_url if has_notices(taker) else None,
    )


def has_notices(taker: Taker) -> bool:
    """Whether a provider tells by itself what happened."""
    return "webhook_secret" in taker.secret_names


def payment_policy(row: policy.Policy) -> PaymentPolicy:
    return PaymentPolicy(
        row.duplicates, row.refunds, row.disputes, list(row.retry_days), list(row.reminder_days)
    )


def past_payments(account: str, gateway: str, rows: Sequence[Past], more: bool) -> PaymentHistory:
    return PaymentHistory(account, gateway, [_past(row) for row in rows], more)


def _past(row: Past) -> PastPayment:
    return PastPayment(
        row.ref,
        Money(row.amount, row.currency),
        row.status,
        row.paid,
        row.description,
        row.invoice_pdf,
        row.hosted_url,
        iso(row.at),
    )
