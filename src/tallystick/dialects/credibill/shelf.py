"""What a request shows, each thing read once: rows of the domains become the contract's objects."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from tallystick.db.pool import Tx
from tallystick.domain.catalog import pricing
from tallystick.domain.catalog import views as catalog
from tallystick.domain.catalog.model import Plan
from tallystick.domain.catalog.terms import Component, Terms
from tallystick.domain.identity import views as identity
from tallystick.domain.identity.model import Account
from tallystick.domain.invoicing import views as invoicing
from tallystick.domain.invoicing.model import Invoice, Line
from tallystick.domain.invoicing.views import Standing
from tallystick.domain.metering import views as metering
from tallystick.domain.metering.model import Event, Meter
from tallystick.domain.subscriptions import views as subscriptions
from tallystick.domain.subscriptions.model import Subscription
from tallystick.kernel.actor import Actor
from tallystick.kernel.credits import MICRO

from . import names, shapes
from .numbers import decimal, milliseconds, milliseconds_or_null

INTERVALS: Final = {
    "monthly": "monthly",
    "quarterly": "quarterly",
    "yearly": "yearly",
    "one_time": "one-time",
}
SUBSCRIPTION: Final = {
    "incomplete": "pending_payment",
    "trialing": "trialing",
    "active": "active",
    "past_due": "past_due",
    "paused": "paused",
    "cancelled": "cancelled",
    "ended": "cancelled",
}
INVOICE: Final = {
    "draft": "draft",
    "open": "pending",
    "paid": "paid",
    "void": "void",
    "uncollectible": "failed",
}
_CUSTOMER: Final = {"active": "active", "inactive": "inactive", "blocked": "blocked", "closed": "inactive"}
_LINE: Final = {
    "plan": "plan",
    "usage": "usage",
    "one_time": "one_time",
    "proration": "plan",
    "correction": "usage",
}


class Shelf:
    """Reads with ``conn`` what belongs to the rows that it is given. They are the tenant's: views gave them."""

    def __init__(self, conn: Tx, actor: Actor) -> None:
        self._conn = conn
        self._actor = actor
        self._accounts: dict[int, Account] = {}
        self._held: dict[int, list[Subscription]] = {}
        self._standing: dict[UUID, Standing] = {}
        self._plans: dict[UUID, Plan] = {}
        self._meters: dict[str, Meter | None] = {}
        self._now: datetime | None = None

    async def _expect(
        self,
        *,
        accounts: Iterable[int] = (),
        held: Iterable[Subscription] = (),
        plans: Iterable[Plan] = (),
    ) -> None:
        """Read in a few statements what is about to be shown beside these rows."""
        held, tenant = list(held), self._actor.tenant
        numbers = {one.account for one in held}.union(accounts) - self._held.keys()
        if numbers:
            wanted = sorted(numbers)
            missing = [number for number in wanted if number not in self._accounts]
            self._accounts |= await identity.accounts_of(self._conn, tenant, missing)
            self._held |= await subscriptions.subscriptions_of(self._conn, tenant, wanted)
            self._standing |= await invoicing.standing(self._conn, tenant, wanted)
        missing_plans = sorted({one.plan for one in held} - self._plans.keys())
        self._plans |= await catalog.plans_of(self._conn, tenant, missing_plans)
        terms = [one.terms for one in held] + [plan.terms for plan in (*plans, *self._plans.values())]
        keys = {key for one in terms for key in one.meters()} - self._meters.keys()
        if keys:
            self._meters |= dict.fromkeys(keys)
            found = await metering.meters_by_key(self._conn, tenant, sorted(keys))
            self._meters |= {meter.key: meter for meter in found}

    # Customers

    async def customers(self, accounts: Sequence[Account]) -> list[shapes.Customer]:
        self._accounts |= {account.account_id: account for account in accounts}
        await self._expect(accounts=[account.account_id for account in accounts])
        return [self._customer(account.account_id) for account in accounts]

    async def whole_customer(
        self, account: Account, held: Sequence[Subscription], invoices: Sequence[Invoice]
    ) -> shapes.WholeCustomer:
        self._accounts[account.account_id] = account
        await self._expect(accounts=[account.account_id], held=held)
        return shapes.WholeCustomer(
            **self._customer_fields(account.account_id),
            subscriptions=[
                shapes.CustomersSubscription(**await self._subscription(one), plan=self._plan(one.plan))
                for one in held
            ],
            invoices=[shapes.Invoice(**self._invoice(one)) for one in invoices],
        )

    def _customer(self, account: int) -> shapes.Customer:
        return shapes.Customer(**self._customer_fields(account))

    def _customer_fields(self, number: int) -> dict[str, Any]:
        account = self._accounts[number]
        trials = [one.started_at for one in self._held[number] if one.trial_end is not None]
        return self._common(names.customer_id(account.uuid), account.created_at) | {
            "email": account.email or None,
            "first_name": account.first_name or None,
            "last_name": account.last_name or None,
            "phone": account.phone or None,
            "external_customer_id": account.external_id,
            "type": account.kind,
            "status": _CUSTOMER[account.status],
            "metadata": account.metadata,
            "has_used_trial": bool(trials),
            "first_trial_date": milliseconds(min(trials)) if trials else None,
        }

    # Plans

    async def plans(self, rows: Sequence[Plan]) -> list[shapes.Plan]:
        await self._expect(plans=rows)
        return [self._plan_of(plan, plan.terms, plan.name) for plan in rows]

    def _plan(self, plan: UUID) -> shapes.Plan:
        """As it stands, deleted or not."""
        found = self._plans[plan]
        return self._plan_of(found, found.terms, found.name)

    def _plan_of(self, plan: Plan, terms: Terms, name: str) -> shapes.Plan:
        """A plan with these terms, in the contract's few fields: the first of several usage components."""
        usage = next(iter(terms.usages), None)
        return shapes.Plan(
            **self._common(names.plan_id(plan.id), plan.created_at),
            name=name,
            description=plan.description or None,
            pricing_model=terms.pricing_model,
            base_amount=None if terms.pricing_model == "usage" else terms.base_amount,
            currency=terms.currency,
            interval=INTERVALS[terms.interval],
            trial_days=terms.trial_days,
            usage_metric=None if usage is None else self._metric(usage),
            unit_price=decimal(usage.unit_price) if usage is not None and usage.kind == "per_unit" else None,
            free_units=None if usage is None else decimal(usage.free_units),
            status=plan.status,
            mode=self._actor.mode.value,
        )

    def _metric(self, component: Component) -> str:
        """The metric of the component's meter: what is reported, where a meter's key is its name."""
        key = component.meter or ""
        meter = self._meters[key]
        return key if meter is None else meter.metric

    # Subscriptions

    async def listed_subscriptions(self, rows: Sequence[Subscription]) -> list[shapes.ListedSubscription]:
        await self._expect(held=rows)
        return [
            shapes.ListedSubscription(
                **await self._subscription(one),
                customer=self._customer(one.account),
                plan=self._plan(one.plan),
            )
            for one in rows
        ]

    async def whole_subscription(
        self, one: Subscription, invoices: Sequence[Invoice], events: Sequence[Event]
    ) -> shapes.WholeSubscription:
        await self._expect(held=[one])
        return shapes.WholeSubscription(
            **await self._subscription(one),
            customer=self._customer(one.account),
            plan=self._plan(one.plan),
            invoices=[shapes.Invoice(**self._invoice(invoice)) for invoice in invoices],
            usage_events=[self._usage_event(event) for event in events],
        )

    async def _subscription(self, one: Subscription) -> dict[str, Any]:
        quantity, amount = await self._usage(one)
        standing = self._standing.get(one.id)
        return self._common(names.subscription_id(one.id), one.created_at) | {
            "customer_id": names.customer_id(self._accounts[one.account].uuid),
            "plan_id": names.plan_id(one.plan),
            "plan_snapshot": self._plan_of(self._plans[one.plan], one.terms, one.plan_name),
            "status": SUBSCRIPTION[one.status],
            "start_date": milliseconds(one.started_at),
            "current_period_start": None if one.waiting else milliseconds(one.period_start),
            "current_period_end": None if one.waiting else milliseconds_or_null(one.period_end),
            "cancel_at_period_end": one.cancel_at_period_end,
            "usage_quantity": decimal(quantity),
            "usage_amount": amount,
            "trial_ends_at": milliseconds_or_null(one.trial_end),
            "last_payment_date": None if standing is None else milliseconds_or_null(standing.last_paid),
            "failed_payment_attempts": 0 if standing is None else standing.uncollectible,
        }

    async def _usage(self, one: Subscription) -> tuple[int, int]:
        """What this period has used so far of the plan's first metric, in millionths, and what all its usage costs."""
        if one.waiting or not one.terms.usages:
            return 0, 0
        start, end = one.period_start, one.period_end or await self._present()
        keys = sorted(key for key in one.terms.meters() if self._meters[key] is not None)
        found = await metering.quantities(self._conn, one.tenant, one.account, keys, start, end)
        amount = sum(
            pricing.total(pricing.charges(part, found.get(part.meter or "", 0))) for part in one.terms.usages
        )
        return found.get(one.terms.usages[0].meter or "", 0), amount

    # Invoices

    async def listed_invoices(self, rows: Sequence[Invoice]) -> list[shapes.ListedInvoice]:
        await self._expect(accounts=[one.account for one in rows])
        of = {held.id: held for mine in self._held.values() for held in mine}
        await self._expect(held=[of[one.subscription] for one in rows if one.subscription is not None])
        shown = {
            id: shapes.Subscription(**await self._subscription(of[id]))
            for id in {one.subscription for one in rows}
            if id is not None
        }
        return [
            shapes.ListedInvoice(
                **self._invoice(one),
                customer=self._customer(one.account),
                subscription=None if one.subscription is None else shown[one.subscription],
            )
            for one in rows
        ]

    def _invoice(self, one: Invoice) -> dict[str, Any]:
        return self._common(names.invoice_id(one.id), one.created_at) | {
            "customer_id": names.customer_id(one.account_uuid),
            "subscription_id": None if one.subscription is None else names.subscription_id(one.subscription),
            "invoice_number": one.number,
            "currency": one.currency,
            "amount_due": one.amount_due,
            "amount_paid": one.amount_paid,
            "status": INVOICE[one.status],
            "period_start": milliseconds_or_null(one.period_start),
            "period_end": milliseconds_or_null(one.period_end),
            "due_date": milliseconds_or_null(one.due_at),
            "metadata": one.metadata,
            "line_items": [line_item(line) for line in one.lines],
        }

    # Usage

    def _usage_event(self, event: Event) -> shapes.UsageEvent:
        of = event.subscription
        return shapes.UsageEvent(
            **self._common(names.event_id(event.id), event.received_at),
            customer_id=names.customer_id(self._accounts[event.account].uuid),
            subscription_id=None if of is None else names.subscription_id(of),
            quantity=decimal(event.quantity),
            metric=event.metric,
            timestamp=milliseconds(event.at),
            event_id=event.event_id,
            metadata=event.metadata or {},
        )

    async def _present(self) -> datetime:
        if self._now is None:
            self._now = await identity.now(self._conn, self._actor.tenant)
        return self._now

    def _common(self, id: str, created_at: datetime) -> dict[str, Any]:
        app = self._actor.app
        return {
            "id": id,
            "creation_time": milliseconds(created_at),
            "organization_id": names.organization_id(app),
            "app_id": names.app_id(app),
        }


def line_item(line: Line) -> shapes.LineItem:
    price = line.unit_price
    if price is None and line.quantity == MICRO:
        price = line.amount * MICRO
    return shapes.LineItem(
        description=line.description,
        quantity=decimal(line.quantity),
        unit_amount=None if price is None else decimal(price),
        total_amount=line.amount,
        type=_LINE[line.kind],
    )
