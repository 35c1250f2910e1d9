"""What a customer may want of a checkout, and what is made for it: an invoice, or a plan that begins with its money."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from tallystick.db.pool import Tx
from tallystick.domain.identity import views as identity
from tallystick.domain.invoicing import views as invoices
from tallystick.domain.invoicing.model import Invoice, state_conflict
from tallystick.domain.ledger.port import Rates
from tallystick.domain.subscriptions import views as subscriptions
from tallystick.domain.subscriptions.changes import offered
from tallystick.domain.subscriptions.model import Billing
from tallystick.kernel.errors import NotFound

from . import purchases
from .charging import payable
from .completing import Intent, begin_plan
from .model import CheckoutKind


@dataclass(frozen=True, slots=True)
class ForInvoice:
    invoice: UUID


@dataclass(frozen=True, slots=True)
class ForPackage:
    package: UUID


@dataclass(frozen=True, slots=True)
class ForAmount:
    """A free amount of credits, in microcredits."""

    credit_type: str
    credits: int


@dataclass(frozen=True, slots=True)
class ForPlan:
    """``trial``: the plan's, unless the customer ever had one."""

    plan: UUID
    version: int | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)
    billing: Billing = "anniversary"
    trial: bool = True
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ForMethod:
    """Nothing is paid: a way to pay is saved."""


Wanted = ForInvoice | ForPackage | ForAmount | ForPlan | ForMethod


@dataclass(slots=True)
class Basket:
    """What is to be paid on a page. ``done``: nothing is left to pay, and what was wanted is done.

    ``recurring``: a plan that is paid again each period.
    """

    kind: CheckoutKind
    currency: str
    amount: int = 0
    invoice: UUID | None = None
    intent: Intent | None = None
    own_invoice: bool = False
    done: bool = False
    recurring: bool = False


async def basket_of(
    tx: Tx, rates: Rates, tenant: int, account: int, wanted: Wanted, *, by_hand: bool, by: str
) -> Basket:
    """What is wanted, with what is made for it: an invoice, or a subscription that waits for its money."""
    match wanted:
        case ForMethod():
            who = await identity.account(tx, tenant, account)
            return Basket("method", who.currency)
        case ForInvoice(id):
            bill = await invoices.invoice(tx, tenant, id)
            if bill.account != account:
                raise NotFound("invoice")
            if not payable(bill):
                raise state_conflict(bill.status)
            return _of_invoice(bill, own=False)
        case ForPlan():
            return await _plan_basket(tx, rates, tenant, account, wanted, by_hand=by_hand, by=by)
        case ForPackage(package):
            offer = await purchases.offer_of_package(tx, tenant, package)
        case ForAmount(credit_type, credits):
            offer = await purchases.offer_of_amount(tx, tenant, credit_type, credits)
    at = await identity.now(tx, tenant)
    bill, _ = await purchases.issue(
        tx, tenant, account, offer, cause="checkout", at=at, by=by, rates=rates
    )  # fmt: skip
    return _of_invoice(bill, own=True)


def _of_invoice(bill: Invoice, *, own: bool) -> Basket:
    done = bill.status == "paid"
    return Basket("invoice", bill.currency, 0 if done else bill.remaining, bill.id, None, own, done)


async def _plan_basket(
    tx: Tx, rates: Rates, tenant: int, account: int, wanted: ForPlan, *, by_hand: bool, by: str
) -> Basket:
    """A plan: an invoice where one is there to be paid, or people say whether it was; else it begins with the money.

    What it costs is found by beginning it, and undoing that.
    """
    found, terms = await offered(
        tx, tenant, wanted.plan, wanted.version, dict(wanted.overrides) or None, keep=True
    )
    intent = Intent(
        plan=wanted.plan, version=found.version, overrides=dict(wanted.overrides), billing=wanted.billing,
        trial=wanted.trial, metadata=dict(wanted.metadata),
    )  # fmt: skip
    waiting = await _unpaid_first(tx, tenant, account, intent)
    if waiting is not None:
        return replace(_of_invoice(waiting, own=False), recurring=terms.interval != "one_time")
    if by_hand:
        made = await begin_plan(tx, tenant, account, intent, rates=rates, by=by)
        if made.invoice is None or made.invoice.status == "paid":
            return Basket("invoice", terms.currency, done=True)
        # an upgrade holds at once, and is collected like any invoice; a first one waits for its money
        return _of_invoice(made.invoice, own=made.subscription.status == "incomplete")
    async with tx.transaction(force_rollback=True):
        made = await begin_plan(tx, tenant, account, intent, rates=rates, by=by)
    amount = 0 if made.invoice is None or made.invoice.status == "paid" else made.invoice.remaining
    recurring = terms.interval != "one_time"
    return Basket("plan", terms.currency, amount, intent=intent, recurring=recurring)


async def _unpaid_first(tx: Tx, tenant: int, account: int, intent: Intent) -> Invoice | None:
    """The open first invoice of a subscription to this very plan."""
    row = await subscriptions.current(tx, tenant, account)
    if row is None or row.status != "incomplete":
        return None
    if (row.plan, row.version, row.overrides) != (intent.plan, intent.version, intent.overrides):
        return None
    unpaid = await invoices.unpaid(tx, account, row.id)
    return unpaid[0] if len(unpaid) == 1 else None
