"""Bank transfer: the customer is told where to send the money, and staff say when it came."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from tallystick.domain.payments.port import (
    BadSignature,
    ChargeAsked,
    CheckoutAsked,
    CheckoutOpened,
    Customer,
    Feature,
    GatewayRefused,
    Notice,
    Past,
    PaymentSeen,
    RefundAsked,
    RefundSeen,
    Seen,
    Site,
)
from tallystick.kernel.actor import Mode
from tallystick.kernel.errors import Invalid
from tallystick.kernel.ids import typeid

_OPTIONS: Final[Mapping[str, int]] = {"title": 100, "instructions": 2000}
"""Each option's greatest length."""


class Manual:
    """Money outside of any provider. Everything here is known beforehand: nothing is called, nothing fails."""

    name: Final = "manual"
    title: Final = "Bank transfer"
    features: Final[frozenset[Feature]] = frozenset({"checkout", "refund", "portal", "staff"})
    secret_names: Final[frozenset[str]] = frozenset()

    def check_options(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """``title``: what the customer reads over the page; ``instructions``: where to send the money."""
        for name, given in options.items():
            if name not in _OPTIONS:
                raise Invalid(f"options.{name}", "is not an option of this gateway")
            if not isinstance(given, str) or len(given) > _OPTIONS[name] or "\0" in given:
                raise Invalid(f"options.{name}", f"must be a text of at most {_OPTIONS[name]} characters")
        return dict(options)

    def check_secret(self, name: str, text: str, mode: Mode) -> None:
        """There are none."""

    async def customer(self, site: Site, who: Customer) -> str:
        return typeid("acct", who.uuid)

    async def open_checkout(self, site: Site, asked: CheckoutAsked) -> CheckoutOpened:
        if not asked.amount:
            raise GatewayRefused("A bank transfer cannot be saved as a way to pay.")
        named = typeid("co", asked.checkout)
        return CheckoutOpened(f"transfer_{named}", f"{site.public_url}/pay/{named}/{asked.token}")

    async def close_checkout(self, site: Site, ref: str) -> Sequence[Seen]:
        return []

    async def look_checkout(self, site: Site, ref: str) -> Sequence[Seen]:
        return []

    async def charge(self, site: Site, asked: ChargeAsked) -> PaymentSeen:
        raise GatewayRefused("A bank transfer cannot be charged.")

    async def look_payment(self, site: Site, payment: UUID, ref: str | None) -> Sequence[Seen]:
        return []

    async def cancel_payment(self, site: Site, payment: UUID, ref: str) -> PaymentSeen:
        raise GatewayRefused("A bank transfer waits for staff alone.")

    async def refund(self, site: Site, asked: RefundAsked) -> RefundSeen:
        """Waits until staff say that they have sent it."""
        return RefundSeen(
            ref=f"transfer_{typeid('re', asked.refund)}",
            payment_ref=asked.payment_ref,
            status="pending",
            amount=asked.amount,
            currency=asked.currency,
            refund=asked.refund,
        )

    async def look_refund(self, site: Site, refund: UUID, ref: str | None) -> RefundSeen | None:
        """Nobody outside knows anything of it."""
        return None

    async def forget_method(self, site: Site, ref: str) -> None:
        return None

    async def portal(self, site: Site, who: Customer, return_url: str, token: str) -> str:
        return f"{site.public_url}/portal/{typeid('acct', who.uuid)}/{token}"

    async def history(self, site: Site, who: Customer, limit: int) -> tuple[list[Past], bool]:
        return [], False

    def read(self, site: Site, headers: Mapping[str, str], body: bytes, now: datetime) -> Notice:
        raise BadSignature("A bank transfer sends no notices.")
