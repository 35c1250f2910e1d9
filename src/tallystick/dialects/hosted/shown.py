"""What stands on the pages, in the words and forms of the seller's locale. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from tallystick.domain.catalog.model import Plan
from tallystick.domain.catalog.terms import Interval, Terms
from tallystick.domain.invoicing.documents import invoice_document
from tallystick.domain.invoicing.model import Invoice, Settings
from tallystick.domain.invoicing.wording import day, locale_of, money, quantity
from tallystick.domain.payments.model import Checkout, DisputeStatus, Method, Payment
from tallystick.domain.payments.sessions import filled
from tallystick.domain.reloads.model import AutoReload
from tallystick.domain.subscriptions.model import Subscription
from tallystick.kernel.ids import typeid

_EVERY: Final[dict[Interval, str]] = {
    "monthly": "a month",
    "quarterly": "a quarter",
    "yearly": "a year",
    "one_time": "once",
}

_EACH: Final[dict[Interval, str]] = {
    "monthly": "each month",
    "quarterly": "each quarter",
    "yearly": "each year",
}


@dataclass(frozen=True, slots=True)
class Line:
    text: str
    under: str
    amount: str


@dataclass(frozen=True, slots=True)
class Sum:
    name: str
    amount: str
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Bill:
    """What is bought, line by line, and what it comes to."""

    title: str
    lines: Sequence[Line]
    sums: Sequence[Sum]


@dataclass(frozen=True, slots=True)
class Words:
    """Says amounts and days as the tenant's billing settings want them."""

    settings: Settings

    def money(self, minor: int, currency: str) -> str:
        return money(minor, currency, locale_of(self.settings.locale))

    def day(self, moment: datetime) -> str:
        return day(moment, self.settings.time_zone, locale_of(self.settings.locale))

    def credits(self, micro: int) -> str:
        return quantity(micro, locale_of(self.settings.locale))

    def invoice(self, invoice: Invoice) -> Bill:
        """An invoice as its own document says it."""
        said = invoice_document(invoice, self.settings)
        lines = [Line(row["text"], row["under"], row["cells"][-1]) for row in said["rows"]]
        sums = [Sum(name, amount, strong) for name, amount, strong in said["totals"]]
        if len(sums) > 1 and sums[-2].strong and sums[-2].amount == sums[-1].amount:
            del sums[-1]  # all of it is due
        return Bill(f"Invoice {invoice.number}" if invoice.number else "Your plan", lines, sums)

    def plan(self, plan: Plan, checkout: Checkout) -> Bill:
        """A plan that is taken when its checkout completes; where nothing is due now, with what it costs later."""
        total, under = self.money(checkout.amount, checkout.currency), ""
        if not checkout.amount:
            terms = plan.terms
            later = f"{self.money(terms.base_amount, terms.currency)} {_EVERY[terms.interval]}, tax aside"
            under = f"{terms.trial_days} days free, then {later}" if terms.trial_days else later
            under += ", and what you use" if terms.usages else ""
        return Bill("Your plan", [Line(plan.name, under, total)], [Sum("Due now", total, strong=True)])

    def kept(self, terms: Terms, begins: datetime | None) -> str:
        """What a card is kept for that a plan is taken with; '' for a plan that is paid once.

        ``begins``: the end of a trial, from when on it is charged.
        """
        each = _EACH.get(terms.interval)
        if each is None:
            return ""
        what = self.money(terms.base_amount, terms.currency) if terms.base_amount else "what you used"
        if terms.base_amount:
            what += ", plus tax and what you use," if terms.usages else ", plus tax,"
        first = "Your card is kept and charged"
        if begins is not None:
            first = f"Your card is kept. After the trial, from {self.day(begins)}, it is charged"
        return f"{first} {what} {each} until you cancel."


@dataclass(frozen=True, slots=True)
class ShownSubscription:
    name: str
    status: str
    tone: str
    text: str
    cancel: str | None
    keep: str | None


@dataclass(frozen=True, slots=True)
class ShownCredits:
    name: str
    available: str
    reload: str


@dataclass(frozen=True, slots=True)
class ShownMethod:
    name: str
    standard: bool
    expires: str
    address: str


@dataclass(frozen=True, slots=True)
class ShownInvoice:
    number: str
    day: str
    status: str
    tone: str
    amount: str
    pdf: str
    pay: str | None


@dataclass(frozen=True, slots=True)
class ShownPayment:
    day: str
    text: str
    status: str
    tone: str
    amount: str
    step: str | None


_TONES: Final = {
    "active": "good",
    "trialing": "good",
    "paid": "good",
    "succeeded": "good",
    "past_due": "bad",
    "uncollectible": "bad",
    "failed": "bad",
    "requires_action": "bad",
}
_SAID: Final = {
    "trialing": "Trial",
    "past_due": "Past due",
    "uncollectible": "Unpaid",
    "requires_action": "Needs you",
    "pending": "Under way",
    "processing": "Under way",
}


_DISPUTED: Final[dict[DisputeStatus, str]] = {
    "open": "disputed with the bank",
    "won": "dispute ended, the payment stands",
    "lost": "disputed, the bank gave it back",
}


def said(status: str) -> str:
    return _SAID.get(status, status.capitalize())


def subscription(row: Subscription, words: Words, here: str) -> ShownSubscription:
    """``here`` is the portal's address."""
    address = f"{here}/subscriptions/{typeid('sub', row.id)}"
    text = ""
    if row.cancel_at_period_end and row.period_end is not None:
        text = f"Ends on {words.day(row.period_end)}."
    elif row.status == "trialing" and row.trial_end is not None:
        text = f"The trial ends on {words.day(row.trial_end)}."
    elif row.period_end is not None and row.status in ("active", "past_due"):
        text = f"Renews on {words.day(row.period_end)}."
    running = row.recurring and row.status in ("active", "trialing", "past_due")
    return ShownSubscription(
        row.plan_name,
        said(row.status),
        _TONES.get(row.status, ""),
        text,
        f"{address}/cancel" if running and not row.cancel_at_period_end else None,
        f"{address}/keep" if running and row.cancel_at_period_end else None,
    )


def reload(row: AutoReload | None, words: Words) -> str:
    """How a wallet buys by itself, '' where it does not."""
    if row is None or not row.enabled:
        return ""
    if row.stop_reason is not None:
        return "Automatic top-up has stopped: " + (row.stop_message or "it was declined.")
    what = "a package" if row.amount is None else f"{words.credits(row.amount)} more"
    return f"Automatic top-up: buys {what} when fewer than {words.credits(row.threshold)} are left"


def method(row: Method, here: str) -> ShownMethod:
    """``here`` is the portal's address."""
    expires = ""
    if row.exp_month is not None and row.exp_year is not None:
        expires = f"Expires {row.exp_month:02d}/{row.exp_year}"
    address = f"{here}/methods/{typeid('pm', row.id)}"
    return ShownMethod(known_as(row), row.standard, expires, address)


def known_as(row: Method) -> str:
    """What a person knows a way to pay by."""
    name = (row.brand or row.kind).replace("_", " ")
    name = name[:1].upper() + name[1:]
    return f"{name} ···· {row.last4}" if row.last4 else name


def invoice(row: Invoice, words: Words, here: str) -> ShownInvoice:
    """``here`` is the portal's address."""
    named = typeid("inv", row.id)
    payable = row.status == "open" and row.remaining > 0
    return ShownInvoice(
        row.number or "Invoice",
        words.day(row.issued_at or row.created_at),
        said(row.status),
        _TONES.get(row.status, ""),
        words.money(row.total, row.currency),
        f"{here}/invoices/{named}/pdf",
        f"{here}/invoices/{named}/pay" if payable else None,
    )


def payment(row: Payment, words: Words, number: str | None) -> ShownPayment:
    """``number`` is its invoice's."""
    text = f"Invoice {number}" if number else ""
    if row.status == "failed" and row.failure_message:
        text = f"{text}: {row.failure_message}" if text else row.failure_message
    if row.refunded:
        text = f"{text} ({words.money(row.refunded, row.currency)} sent back)".strip()
    if row.dispute is not None:
        text = f"{text} ({_DISPUTED[row.dispute]})".strip()
    return ShownPayment(
        words.day(row.ended_at or row.created_at),
        text,
        said(row.status),
        _TONES.get(row.status, ""),
        words.money(row.amount, row.currency),
        web(row.action_url) if row.status == "requires_action" else None,
    )


def success_url(row: Checkout) -> str:
    """Where the customer goes after paying, with the checkout's id where the shop wants it."""
    return web(filled(row.success_url, typeid("co", row.id)))


def web(address: str | None) -> str:
    """The address if a browser may be sent there, else ''."""
    if not address:
        return ""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    return address if parts.scheme in ("http", "https") and parts.netloc else ""
