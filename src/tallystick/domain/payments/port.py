"""What a payment gateway does for the domain. Each gateway is one module of `tallystick.gateways`.

Calls go over the network: never inside a transaction. Every call that moves money carries the id of our own row as its
idempotency key, so it can be made again after a crash and happens once. A gateway *sees* things at the provider and
tells what it saw; `settling.take` works that into our rows, in any order and any number of times.

Seen
├── PaymentSeen    money that moves, or a decline
├── CheckoutSeen   a page that was completed or expired
├── MethodSeen     a saved way to pay, or that it is gone
├── RefundSeen
└── DisputeSeen
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol, runtime_checkable
from uuid import UUID

from tallystick.kernel.actor import Mode

Feature = Literal["checkout", "charge", "refund", "portal", "history", "staff", "sessions"]
"""What a gateway can do. ``staff``: people of the tenant's say by hand whether money came. ``sessions``: its pages have
ids of its own, which it fills into the address that the customer goes back to."""


class GatewayDown(Exception):
    """Not reached, or it failed: whether the call happened is not known. It is made again with the same key."""


class GatewayRefused(Exception):
    """The provider refuses the call itself (a wrong key, an unknown object): trying again does not help.

    ``str()`` of it may be shown to the tenant's staff. A declined payment is no refusal: it is seen as failed.
    """


class BadSignature(Exception):
    """A notice that the provider did not sign, or too long ago."""


@dataclass(frozen=True, slots=True)
class Site:
    """A tenant's account at a gateway. ``secrets`` are opened: never log it."""

    tenant: int
    app: UUID
    mode: Mode
    public_url: str
    options: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Customer:
    """Whose money it is. ``ref`` is the provider's id of them, None until `Gateway.customer` made one."""

    account: int
    uuid: UUID
    name: str
    email: str
    ref: str | None = None


@dataclass(frozen=True, slots=True)
class CheckoutAsked:
    """A page to open. ``amount`` in minor units; 0: nothing is paid, a way to pay is saved.

    ``payment`` is our id of the payment that the page makes (None when nothing is paid). ``token`` makes an address
    of our own unguessable. The URLs are where the customer goes afterwards, '' for a page of the gateway's own.
    """

    checkout: UUID
    payment: UUID | None
    customer: Customer
    amount: int
    currency: str
    description: str
    save_method: bool
    success_url: str
    cancel_url: str
    expires_at: datetime
    token: str


@dataclass(frozen=True, slots=True)
class CheckoutOpened:
    ref: str
    url: str


@dataclass(frozen=True, slots=True)
class ChargeAsked:
    """A charge of a saved way to pay, without the customer being there. ``payment`` is its idempotency key."""

    payment: UUID
    customer: Customer
    method_ref: str
    amount: int
    currency: str
    description: str


@dataclass(frozen=True, slots=True)
class RefundAsked:
    """``refund`` is its idempotency key; ``payment_ref`` the provider's id of the payment."""

    refund: UUID
    payment: UUID
    payment_ref: str
    amount: int
    currency: str
    reason: str


@dataclass(frozen=True, slots=True)
class MethodSeen:
    """``ref`` is the provider's id. ``account`` is ours where the provider tells it, else known by ``customer_ref``."""

    ref: str
    kind: str = "card"
    brand: str = ""
    last4: str = ""
    exp_month: int | None = None
    exp_year: int | None = None
    customer_ref: str | None = None
    removed: bool = False


PaymentStatus = Literal["requires_action", "processing", "succeeded", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class PaymentSeen:
    """A payment as the provider has it. ``payment`` is our id as the provider keeps it, None where it has none.

    ``failed`` is a decline of one try: where the page lets the customer try again, the payment may still succeed.
    ``final``: nothing more comes of it. ``url`` is where the customer takes a further step.
    """

    ref: str
    status: PaymentStatus
    amount: int
    currency: str
    payment: UUID | None = None
    at: datetime | None = None
    final: bool = True
    failure_code: str | None = None
    failure_message: str | None = None
    url: str | None = None
    method: MethodSeen | None = None
    customer_ref: str | None = None


@dataclass(frozen=True, slots=True)
class CheckoutSeen:
    ref: str
    status: Literal["completed", "expired"]
    checkout: UUID | None = None
    payment: PaymentSeen | None = None
    method: MethodSeen | None = None
    customer_ref: str | None = None


@dataclass(frozen=True, slots=True)
class RefundSeen:
    """``refund`` is our id; None for one that was made at the provider's own dashboard."""

    ref: str
    payment_ref: str
    status: Literal["pending", "succeeded", "failed"]
    amount: int
    currency: str
    refund: UUID | None = None
    at: datetime | None = None
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class DisputeSeen:
    ref: str
    payment_ref: str
    status: Literal["open", "won", "lost"]
    amount: int
    currency: str
    reason: str = ""
    at: datetime | None = None
    evidence_due_at: datetime | None = None


Seen = PaymentSeen | CheckoutSeen | MethodSeen | RefundSeen | DisputeSeen


@dataclass(frozen=True, slots=True)
class Notice:
    """A provider's event whose signature was verified."""

    id: str
    type: str
    at: datetime
    seen: Sequence[Seen]


@dataclass(frozen=True, slots=True)
class Past:
    """A payment in the provider's own history, for contracts that show it."""

    ref: str
    amount: int
    currency: str
    status: str
    paid: bool
    at: datetime
    description: str
    payment: UUID | None = None
    """Our id of it as the provider keeps it, None where it has none."""
    invoice_pdf: str | None = None
    hosted_url: str | None = None


class Gateway(Protocol):
    """A payment gateway. All of it raises GatewayDown and GatewayRefused."""

    @property
    def name(self) -> str: ...

    @property
    def title(self) -> str:
        """What customers read, such as Credit or debit card."""
        ...

    @property
    def features(self) -> frozenset[Feature]: ...

    @property
    def secret_names(self) -> frozenset[str]:
        """The names of the secrets it needs in a tenant's settings."""
        ...

    def check_options(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """The options as they are stored. Raises kernel Invalid naming the field."""
        ...

    def check_secret(self, name: str, text: str, mode: Mode) -> None:
        """See that a secret may be one. Raises kernel Invalid naming it, never showing it."""
        ...

    async def customer(self, site: Site, who: Customer) -> str:
        """The provider's id of a customer, made when there is none; the same each time."""
        ...

    async def open_checkout(self, site: Site, asked: CheckoutAsked) -> CheckoutOpened: ...

    async def close_checkout(self, site: Site, ref: str) -> Sequence[Seen]:
        """Take a page away, so that nothing is paid on it any more; give what it came to if it was too late."""
        ...

    async def look_checkout(self, site: Site, ref: str) -> Sequence[Seen]:
        """What became of a page, for those of which no notice came."""
        ...

    async def charge(self, site: Site, asked: ChargeAsked) -> PaymentSeen: ...

    async def look_payment(self, site: Site, payment: UUID, ref: str | None) -> Sequence[Seen]:
        """What became of a payment (and its refunds and disputes); empty when the provider never heard of it."""
        ...

    async def cancel_payment(self, site: Site, payment: UUID, ref: str) -> PaymentSeen:
        """Give up a payment that waits for the customer; what it is after that."""
        ...

    async def refund(self, site: Site, asked: RefundAsked) -> RefundSeen: ...

    async def look_refund(self, site: Site, refund: UUID, ref: str | None) -> RefundSeen | None: ...

    async def forget_method(self, site: Site, ref: str) -> None:
        """Take back the permission to charge it. One that is gone already is no error."""
        ...

    async def portal(self, site: Site, who: Customer, return_url: str, token: str) -> str:
        """The address of a page where the customer sees payments and keeps ways to pay."""
        ...

    async def history(self, site: Site, who: Customer, limit: int) -> tuple[list[Past], bool]:
        """The newest payments the provider knows of, and whether there are more."""
        ...

    def read(self, site: Site, headers: Mapping[str, str], body: bytes, now: datetime) -> Notice:
        """An incoming webhook. Raises BadSignature. ``headers`` by lower-case name."""
        ...


@runtime_checkable
class TakesDigits(Protocol):
    """An optional feature: a gateway on which a customer may pay by the last four digits of a card alone. It can only
    be one that moves no money."""

    async def present(self, site: Site, checkout: UUID, last4: str) -> Sequence[Seen]:
        """Pay with that card on an open page, where something is to pay. A decline ends the page; what was tried on
        one that waits or is over changes nothing, and gives what it came to. Raises GatewayDown, GatewayRefused.
        """
        ...
