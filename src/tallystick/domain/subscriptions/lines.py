"""The lines of a subscription's invoices. Pure: quantities come in, amounts are exact minor units."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from msgspec.structs import replace

from tallystick.domain.catalog.pricing import charges, total
from tallystick.domain.catalog.terms import Component, Terms
from tallystick.domain.invoicing.model import ONE, Draft, NewLine, Reason

from .model import Subscription, UsageBilled
from .periods import Frame
from .proration import part

LATE: Final = timedelta(days=35)
"""So long after its period usage may still come: it is billed then as a correction."""


def flat_lines(name: str, terms: Terms, frame: Frame, start: datetime, end: datetime) -> list[NewLine]:
    """What is charged in advance for [start, end): the whole for the whole frame, else its share by the second."""
    return [
        _flat_line("plan", _label(name, one), one, part(one.amount, frame, start, end), start, end)
        for one in terms.flats
        if one.amount
    ]


def once_lines(name: str, terms: Terms) -> list[NewLine]:
    """What a plan costs that is paid once."""
    return [
        _flat_line("one_time", _label(name, one), one, one.amount, None, None)
        for one in terms.flats
        if one.amount
    ]


def unused_lines(name: str, terms: Terms, frame: Frame, start: datetime, end: datetime) -> list[NewLine]:
    """The credit for what was charged in advance of [start, end) and is not used."""
    return [
        _flat_line(
            "proration",
            f"Unused time of {_label(name, one)}",
            one,
            -part(one.amount, frame, start, end),
            start,
            end,
        )
        for one in terms.flats
        if one.amount
    ]


def rest_lines(name: str, terms: Terms, frame: Frame, start: datetime, end: datetime) -> list[NewLine]:
    """The charge for the rest of a running period on other terms."""
    return [
        _flat_line(
            "proration",
            f"Remaining time of {_label(name, one)}",
            one,
            part(one.amount, frame, start, end),
            start,
            end,
        )
        for one in terms.flats
        if one.amount
    ]


def _flat_line(
    kind: Any,
    description: str,
    component: Component,
    amount: int,
    start: datetime | None,
    end: datetime | None,
) -> NewLine:
    return NewLine(
        kind=kind,
        description=description,
        amount=amount,
        unit_price=amount * ONE,
        period_start=start,
        period_end=end,
        component=component.key,
    )


def _label(name: str, component: Component) -> str:
    return f"{name}: {component.name}" if component.name else name


def usage_of(
    subscription: Subscription, frame: Frame, end: datetime, quantities: Mapping[str, int]
) -> list[UsageBilled]:
    """What is to be billed of each metered component from `usage_since` on, up to ``end``.

    A minimum is for a whole period: of a part, its share by the second.
    """
    start = subscription.usage_since
    return [
        UsageBilled(
            subscription.account,
            subscription.id,
            one.key,
            start,
            end,
            replace(one, minimum=part(one.minimum, frame, start, end)),
            quantities.get(one.meter or "", 0),
        )
        for one in subscription.terms.usages
        if start < end
    ]


def usage_lines(billed: Sequence[UsageBilled]) -> list[NewLine]:
    """The charges of metered usage, in arrears."""
    return [
        NewLine(
            kind="usage",
            description=charge.description,
            amount=charge.amount,
            quantity=ONE if charge.quantity is None else charge.quantity,
            unit_price=charge.unit_price,
            period_start=row.window_start,
            period_end=row.window_end,
            component=row.component,
        )
        for row in billed
        for charge in charges(row.terms, row.quantity)
    ]


def correction_line(row: UsageBilled, quantity: int) -> NewLine | None:
    """The difference that usage makes which came after its period was billed; None when it costs the same."""
    amount = total(charges(row.terms, quantity)) - total(charges(row.terms, row.quantity))
    if not amount:
        return None
    return NewLine(
        kind="correction",
        description=f"{row.terms.label}: usage reported late",
        amount=amount,
        unit_price=amount * ONE,
        period_start=row.window_start,
        period_end=row.window_end,
        component=row.component,
        details={"billed": row.quantity, "now": quantity},
    )


def draft_of(
    subscription: Subscription,
    reason: Reason,
    lines: Sequence[NewLine],
    start: datetime | None,
    end: datetime | None,
) -> Draft | None:
    """The invoice to issue, or None when nothing is to pay and nothing is given back."""
    if not any(line.amount for line in lines):
        return None
    return Draft(
        account=subscription.account,
        currency=subscription.terms.currency,
        lines=[line for line in lines if line.amount or line.kind == "usage"],
        subscription=subscription.id,
        reason=reason,
        period_start=start,
        period_end=end,
    )
