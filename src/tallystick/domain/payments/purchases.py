"""Credits that are bought: an invoice is issued first; paying it, in whatever way, gives them in the same commit."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

from tallystick.db.pool import Tx, run
from tallystick.domain.catalog import views as catalog
from tallystick.domain.catalog.components import MAX_PRICE
from tallystick.domain.catalog.model import UNIT_PRICE
from tallystick.domain.catalog.views import rates_in_force
from tallystick.domain.identity import views as identity
from tallystick.domain.identity.actions import audit
from tallystick.domain.invoicing import actions as invoicing
from tallystick.domain.invoicing.model import ONE, Draft, Invoice, NewLine
from tallystick.domain.ledger import actions as ledger
from tallystick.domain.ledger.commands import Grant, Labels, Order, Source, order
from tallystick.domain.ledger.port import Rates
from tallystick.domain.subscriptions.subscribing import may_buy
from tallystick.kernel.actor import SYSTEM
from tallystick.kernel.credits import MAX_AMOUNT, MICRO, format_credits, share
from tallystick.kernel.errors import Conflict, Fact, Invalid, NotFound
from tallystick.kernel.ids import typeid
from tallystick.kernel.money import Money

from . import methods, views
from .model import Purchase
from .views import q

Cause = Literal["checkout", "reload", "request"]
"""Paid on a page, by itself, or with a saved way to pay that was charged at once."""

UNIT: Final = 1_000_000
"""A minor unit in millionths."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """Credits for a price: microcredits, and minor units of ``currency`` without tax."""

    credit_type: str
    credits: int
    bonus: int
    price: int
    currency: str
    expires_after_days: int | None
    package: UUID | None
    name: str


async def offer_of_package(conn: Tx, tenant: int, package: UUID) -> Offer:
    """What a package sells now. Raises NotFound, Conflict("package_inactive")."""
    row = await catalog.package(conn, tenant, package)
    if not row.active:
        raise Conflict("package_inactive", "The package is not sold at the moment.")
    return Offer(
        credit_type=row.credit_type, credits=row.credits, bonus=row.bonus, price=row.price,
        currency=row.currency, expires_after_days=row.expires_after_days, package=row.id, name=row.name,
    )  # fmt: skip


async def offer_of_amount(conn: Tx, tenant: int, credit_type: str, microcredits: int) -> Offer:
    """A free amount of credits at the type's unit price, in the tenant's currency; rounded once, half to even.

    They never expire. Raises Invalid: naming ``amount`` where it costs less than a minor unit, or too much.
    """
    try:
        found = await catalog.credit_type(conn, tenant, credit_type)
    except NotFound:
        raise catalog.undefined("credit_type", credit_type) from None
    if not 1 <= microcredits <= MAX_AMOUNT:
        raise Invalid("amount", "must be greater than 0 and at most 9007199254.740991")
    each = UNIT_PRICE if found.unit_price is None else found.unit_price
    price = share(each, microcredits, UNIT * MICRO)
    if price < 1:
        raise Invalid("amount", "is too small: it must cost at least one minor unit")
    if price > MAX_PRICE:
        raise Invalid("amount", f"is too large: it must cost at most {MAX_PRICE} minor units")
    currency = (await identity.tenant(conn, tenant)).currency
    return Offer(
        credit_type=credit_type, credits=microcredits, bonus=0, price=price, currency=currency,
        expires_after_days=None, package=None, name=f"{format_credits(microcredits)} {found.name}",
    )  # fmt: skip


async def issue(
    tx: Tx,
    tenant: int,
    account: int,
    offer: Offer,
    *,
    cause: Cause,
    at: datetime,
    by: str,
    rates: Rates = rates_in_force,
) -> tuple[Invoice, Purchase]:
    """Issue the invoice that buys an offer, due at once. Where nothing is to pay its credits are given here.

    Locks the account's head. Its number is given: commit soon. Raises NotFound, Conflict("account_closed"),
    Conflict("account_blocked"), Invalid.
    """
    may_buy(await methods.lock(tx, tenant, account))
    line = NewLine(
        kind="one_time",
        description=_description(offer),
        amount=offer.price,
        quantity=ONE,
        unit_price=offer.price * UNIT,
        details={
            "package": None if offer.package is None else typeid("pkg", offer.package),
            "credit_type": offer.credit_type,
            "credits": format_credits(offer.credits),
            "bonus": format_credits(offer.bonus),
        },
    )
    draft = Draft(account=account, currency=offer.currency, lines=[line], reason="purchase", due_at=at)
    made = await invoicing.issue(tx, tenant, draft, at=at)
    values = {
        "account": account,
        "invoice": made.id,
        "tenant": tenant,
        "package": offer.package,
        "cause": cause,
        "credit_type": offer.credit_type,
        "credits": offer.credits,
        "bonus": offer.bonus,
        "expires_after_days": offer.expires_after_days,
        "at": at,
    }
    await run(tx, q.insert_purchase, values)
    await audit(
        tx, tenant, actor=by, action="purchase.issue", target=typeid("inv", made.id),
        details={"amount": str(Money(made.total, made.currency)), "currency": made.currency},
    )  # fmt: skip
    if made.status == "paid":
        await fulfil(tx, tenant, made, at=at, rates=rates)
    bought = await views.purchase_of(tx, account, made.id)
    assert bought is not None
    return made, bought


async def fulfil(
    tx: Tx, tenant: int, invoice: Invoice, *, at: datetime, rates: Rates = rates_in_force
) -> Purchase | None:
    """Give the credits that a paid invoice bought, once; None where it bought none.

    Under the account's head. They are given as of ``at``, and expire so many days after it. Raises
    Conflict("account_closed").
    """
    row = await views.purchase_of(tx, invoice.account, invoice.id)
    if row is None or row.fulfilled_at is not None:
        return row
    assert invoice.status == "paid", invoice.status
    heads = await ledger.lock(tx, [invoice.account])
    orders = _orders(row, invoice, at)
    answers = []
    for result in await ledger.apply(tx, heads, orders, rates, atomic=True):
        if isinstance(result, Fact):
            raise result
        assert result.entry is not None
        answers.append(result.entry.seq)
    row.grant_id = answers[0]
    row.bonus_grant_id = answers[1] if row.bonus else None
    row.fulfilled_at = at
    values = {"account": row.account, "invoice": row.invoice, "at": at}
    await run(tx, q.fulfil, values | {"grant": row.grant_id, "bonus_grant": row.bonus_grant_id})
    return row


def _orders(row: Purchase, invoice: Invoice, at: datetime) -> list[Order]:
    """What was paid for them is without tax; what is a bonus was given."""
    days = row.expires_after_days
    expires = None if days is None else at + timedelta(days=days)
    labels = Labels(reference=typeid("inv", invoice.id), description=f"Invoice {invoice.number}")

    def give(amount: int, source: Source, paid: int | None, key: str) -> Order:
        asked = Grant(
            account=row.account, credit_type=row.credit_type, amount=amount, source=source, expires_at=expires,
            paid_minor=paid, currency=None if paid is None else invoice.currency, effective_at=at, labels=labels,
        )  # fmt: skip
        return order(asked, tenant=row.tenant, actor=SYSTEM, server_key=f"buy:{invoice.id}{key}")

    given = [give(row.credits, "purchase", invoice.subtotal, "")]
    return [*given, give(row.bonus, "bonus", None, ":bonus")] if row.bonus else given


def _description(offer: Offer) -> str:
    if offer.package is None:
        return offer.name
    bonus = f" + {format_credits(offer.bonus)}" if offer.bonus else ""
    what = f"{format_credits(offer.credits)}{bonus} {offer.credit_type}"
    return what if offer.name == what else f"{offer.name}: {what}"
