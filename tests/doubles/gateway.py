"""A gateway that lives in a test: a provider with books of its own, which does once what has one key.

bench = BenchGateway()                      # named sandbox: needs no settings
card = bench.card(account_ref, "decline")   # a saved way to pay, by what it does when it is charged
seen = bench.pay(checkout)                  # the customer pays on the page: what a notice would tell
bench.trouble("down", "lost", "killed")     # the next calls: not reached, done but unanswered, died before
"""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count
from typing import Any, Literal
from uuid import UUID

from tallystick.domain.payments.port import (
    BadSignature,
    ChargeAsked,
    CheckoutAsked,
    CheckoutOpened,
    CheckoutSeen,
    Customer,
    Feature,
    GatewayDown,
    GatewayRefused,
    MethodSeen,
    Notice,
    Past,
    PaymentSeen,
    RefundAsked,
    RefundSeen,
    Seen,
    Site,
)
from tallystick.kernel.actor import Mode

Card = Literal["ok", "decline", "stolen", "action", "later", "no_refunds"]
"""What comes of charging it: money; card_declined; stolen_card; a further step; processing, then money; money that
cannot go back."""

Trouble = Literal["down", "lost", "refused", "killed", "died"]
"""down: not reached. lost: done, but nobody hears of it. refused: the call itself. killed: the process dies before the
call; died: after it was done."""


class Killed(BaseException):
    """The process is gone: nothing that catches an Exception runs."""


@dataclass
class Page:
    asked: CheckoutAsked
    ref: str
    status: Literal["open", "completed", "expired"] = "open"
    method: str | None = None


@dataclass
class Charge:
    ref: str
    payment: UUID | None
    customer_ref: str | None
    amount: int
    currency: str
    card: Card
    status: Literal["requires_action", "processing", "succeeded", "failed", "cancelled"]
    code: str | None = None
    method: str | None = None
    refunded: int = 0


@dataclass
class BenchGateway:
    """``calls`` are (what, our id) of every call that reached it. ``name`` is what settings call it."""

    name: str = "sandbox"
    title: str = "Test bench"
    features: frozenset[Feature] = frozenset({"checkout", "charge", "refund", "portal", "history"})
    secret_names: frozenset[str] = frozenset()
    troubles: deque[Trouble | None] = field(default_factory=deque)
    calls: list[tuple[str, UUID | None]] = field(default_factory=list)
    customers: dict[UUID, str] = field(default_factory=dict)
    pages: dict[UUID, Page] = field(default_factory=dict)
    charges: dict[str, Charge] = field(default_factory=dict)
    methods: dict[str, tuple[str, Card]] = field(default_factory=dict)
    refunds: dict[UUID, RefundSeen] = field(default_factory=dict)
    sites: list[Site] = field(default_factory=list)
    _by_payment: dict[UUID, str] = field(default_factory=dict)
    _numbers: Any = field(default_factory=lambda: count(1))

    # What a test does at the provider

    def trouble(self, *troubles: Trouble | None) -> None:
        """What befalls the next calls, one each; None: nothing."""
        self.troubles.extend(troubles)

    def card(self, customer_ref: str, card: Card = "ok") -> MethodSeen:
        """Save a card at the provider; `settling.take` of what this gives saves it with us."""
        ref = f"card_{next(self._numbers)}"
        self.methods[ref] = (customer_ref, card)
        return self._method(ref)

    def customer_of(self, account: UUID) -> str:
        """The provider's id of an account, by its UUID."""
        return self.customers.setdefault(account, f"cus_{account.hex}")

    def pay(self, checkout: UUID, card: Card = "ok", *, save: bool | None = None) -> list[Seen]:
        """The customer pays on the page; what the provider would tell of it. A page that is over is not paid."""
        page = self.pages[checkout]
        assert page.status == "open", page.status
        asked = page.asked
        save = asked.save_method if save is None else save
        method = self.card(str(asked.customer.ref), card) if save else None
        made = None
        if asked.payment is not None:
            made = self._charged(asked.payment, asked.customer, asked.amount, asked.currency, card, method)
            if made.status == "failed":
                return [replace(self._seen(made), final=False)]
        page.status, page.method = "completed", None if method is None else method.ref
        return self._page(page)

    def pay_twice(self, checkout: UUID) -> list[Seen]:
        """Money that comes for a page beside its own payment, as two tabs might bring about."""
        asked = self.pages[checkout].asked
        ref = f"ch_{next(self._numbers)}"
        assert asked.payment is not None
        made = Charge(ref, asked.payment, asked.customer.ref, asked.amount, asked.currency, "ok", "succeeded")
        self.charges[ref] = made
        return [self._seen(made)]

    def finish(self, payment: UUID, *, succeeded: bool = True) -> list[Seen]:
        """What was processing or needed a step comes to an end."""
        made = self.charges[self._by_payment[payment]]
        made.status, made.code = ("succeeded", None) if succeeded else ("failed", "card_declined")
        return [self._seen(made)]

    @property
    def taken(self) -> int:
        """Minor units that succeeded, less what went back."""
        return sum(one.amount - one.refunded for one in self.charges.values() if one.status == "succeeded")

    def count(self, what: str) -> int:
        return sum(1 for name, _ in self.calls if name == what)

    # The port

    def check_options(self, options: Mapping[str, Any]) -> dict[str, Any]:
        return dict(options)

    def check_secret(self, name: str, text: str, mode: Mode) -> None:
        """Any will do."""

    async def customer(self, site: Site, who: Customer) -> str:
        with self._call("customer", who.uuid, site):
            return self.customer_of(who.uuid)

    async def open_checkout(self, site: Site, asked: CheckoutAsked) -> CheckoutOpened:
        with self._call("open_checkout", asked.checkout, site):
            page = self.pages.setdefault(asked.checkout, Page(asked, f"cs_{asked.checkout.hex}"))
            return CheckoutOpened(page.ref, f"https://pay.example/{page.ref}")

    async def close_checkout(self, site: Site, ref: str) -> Sequence[Seen]:
        page = self._page_of(ref)
        with self._call("close_checkout", page.asked.checkout, site):
            if page.status == "open":
                page.status = "expired"
            return self._page(page)

    async def look_checkout(self, site: Site, ref: str) -> Sequence[Seen]:
        page = self._page_of(ref)
        with self._call("look_checkout", page.asked.checkout, site):
            return self._page(page) if page.status != "open" else []

    async def charge(self, site: Site, asked: ChargeAsked) -> PaymentSeen:
        with self._call("charge", asked.payment, site):
            if asked.method_ref not in self.methods:
                raise GatewayRefused("No such card.")
            _, card = self.methods[asked.method_ref]
            method = self._method(asked.method_ref)
            made = self._charged(asked.payment, asked.customer, asked.amount, asked.currency, card, method)
            return self._seen(made)

    async def look_payment(self, site: Site, payment: UUID, ref: str | None) -> Sequence[Seen]:
        with self._call("look_payment", payment, site):
            found = self._by_payment.get(payment) or ref
            return [self._seen(self.charges[found])] if found in self.charges else []

    async def cancel_payment(self, site: Site, payment: UUID, ref: str) -> PaymentSeen:
        with self._call("cancel_payment", payment, site):
            made = self.charges[ref]
            if made.status in ("requires_action", "failed"):
                made.status = "cancelled"
            return self._seen(made)

    async def refund(self, site: Site, asked: RefundAsked) -> RefundSeen:
        with self._call("refund", asked.refund, site):
            made = self.charges[asked.payment_ref]
            if asked.refund not in self.refunds:
                if made.status != "succeeded" or made.refunded + asked.amount > made.amount:
                    raise GatewayRefused("More than is left of the payment.")
                failed = made.card == "no_refunds"
                self.refunds[asked.refund] = RefundSeen(
                    f"re_{asked.refund.hex}",
                    made.ref,
                    "failed" if failed else "succeeded",
                    asked.amount,
                    asked.currency,
                    asked.refund,
                    datetime.now(UTC),
                    "expired_or_canceled_card" if failed else None,
                )
                made.refunded += 0 if failed else asked.amount
            return self.refunds[asked.refund]

    async def look_refund(self, site: Site, refund: UUID, ref: str | None) -> RefundSeen | None:
        with self._call("look_refund", refund, site):
            return self.refunds.get(refund)

    async def forget_method(self, site: Site, ref: str) -> None:
        with self._call("forget_method", None, site):
            self.methods.pop(ref, None)

    async def portal(self, site: Site, who: Customer, return_url: str, token: str) -> str:
        with self._call("portal", who.uuid, site):
            return f"https://pay.example/portal/{who.ref}/{token}"

    async def history(self, site: Site, who: Customer, limit: int) -> tuple[list[Past], bool]:
        with self._call("history", who.uuid, site):
            own = [one for one in self.charges.values() if one.customer_ref == who.ref]
            past = [
                Past(
                    one.ref,
                    one.amount,
                    one.currency,
                    one.status,
                    one.status == "succeeded",
                    datetime.now(UTC),
                    "",
                )
                for one in reversed(own)
            ]
            return past[:limit], len(past) > limit

    def read(self, site: Site, headers: Mapping[str, str], body: bytes, now: datetime) -> Notice:
        raise BadSignature

    # Its books

    def _call(self, what: str, id: UUID | None, site: Site) -> "_Call":
        self.sites.append(site)
        return _Call(self, what, id, self.troubles.popleft() if self.troubles else None)

    def _page_of(self, ref: str) -> Page:
        return next(page for page in self.pages.values() if page.ref == ref)

    def _charged(
        self, payment: UUID, who: Customer, amount: int, currency: str, card: Card, method: MethodSeen | None
    ) -> Charge:
        """Once for a payment's id; a page on which a card was declined may be paid by another."""
        known = self._by_payment.get(payment)
        made = None if known is None else self.charges[known]
        if made is not None and (
            made.status != "failed" or (method is not None and made.method == method.ref)
        ):
            return made
        ref = made.ref if made is not None else f"ch_{next(self._numbers)}"
        status, code = _COMES[card]
        made = Charge(ref, payment, who.ref, amount, currency, card, status, code)
        made.method = None if method is None else method.ref
        self.charges[ref] = made
        self._by_payment[payment] = ref
        return made

    def _seen(self, made: Charge) -> PaymentSeen:
        return PaymentSeen(
            made.ref,
            made.status,
            made.amount,
            made.currency,
            made.payment,
            at=None,
            failure_code=made.code,
            failure_message=None if made.code is None else "The card was declined.",
            url=f"https://pay.example/step/{made.ref}" if made.status == "requires_action" else None,
            method=None if made.method is None else self._method(made.method),
            customer_ref=made.customer_ref,
        )

    def _method(self, ref: str) -> MethodSeen:
        customer, _ = self.methods.get(ref, (None, "ok"))
        return MethodSeen(ref, "card", "visa", "4242", 12, 2030, customer_ref=customer)

    def _page(self, page: Page) -> list[Seen]:
        if page.status == "open":
            return []
        asked = page.asked
        ref = None if asked.payment is None else self._by_payment.get(asked.payment)
        paid = None if ref is None else self._seen(self.charges[ref])
        method = None if page.method is None else self._method(page.method)
        return [CheckoutSeen(page.ref, page.status, asked.checkout, paid, method, asked.customer.ref)]


_COMES: Mapping[Card, tuple[Any, str | None]] = {
    "ok": ("succeeded", None),
    "decline": ("failed", "card_declined"),
    "stolen": ("failed", "stolen_card"),
    "action": ("requires_action", None),
    "later": ("processing", None),
    "no_refunds": ("succeeded", None),
}


@dataclass
class _Call:
    """One call, with what befalls it."""

    gateway: BenchGateway
    what: str
    id: UUID | None
    trouble: Trouble | None

    def __enter__(self) -> None:
        if self.trouble == "down":
            raise GatewayDown("The bench is down.")
        if self.trouble == "killed":
            raise Killed
        self.gateway.calls.append((self.what, self.id))
        if self.trouble == "refused":
            raise GatewayRefused("The bench refuses.")

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if kind is None and self.trouble == "lost":
            raise GatewayDown("The answer was lost.")
        if kind is None and self.trouble == "died":
            raise Killed


class SlowGateway(BenchGateway):
    """One whose charges wait until they are let go."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.go = asyncio.Event(), asyncio.Event()

    async def charge(self, site: Site, asked: ChargeAsked) -> PaymentSeen:
        self.asked.set()
        await self.go.wait()
        return await super().charge(site, asked)
