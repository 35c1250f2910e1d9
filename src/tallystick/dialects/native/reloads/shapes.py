"""How automatic purchases and alerts are shown."""

import msgspec

from tallystick.dialects.native.answers import Credits, Money, Time
from tallystick.dialects.native.names import account_id
from tallystick.domain.reloads import model
from tallystick.domain.reloads.views import Standing
from tallystick.kernel.clock import iso
from tallystick.kernel.credits import format_credits
from tallystick.kernel.ids import typeid


class Stopped(msgspec.Struct):
    """Why nothing more is bought until it is set again: a decline's code, or what stood in the way."""

    reason: str
    message: str
    at: Time


class Reload(msgspec.Struct):
    """``status`` is in_flight, succeeded or failed. ``payment`` is null where the customer's credit paid."""

    status: model.ReloadStatus
    credits: Credits
    price: Money
    invoice: str
    payment: str | None
    started_at: Time
    ended_at: Time | None
    failure_code: str | None
    failure_message: str | None


class AutoReload(msgspec.Struct):
    """``state`` is off, ready, in_flight, capped (until ``resumes_at``, a month's end) or stopped.

    ``spent_this_month`` counts with tax, and what is in flight too. ``last`` is the newest reload.
    """

    account: str
    credit_type: str
    enabled: bool
    state: model.State
    threshold: Credits
    amount: Credits | None
    package: str | None
    payment_method: str | None
    cooldown_seconds: int
    monthly_cap: Money | None
    spent_this_month: Money
    resumes_at: Time | None
    stopped: Stopped | None
    last: Reload | None
    created_at: Time
    updated_at: Time


class DeletedAutoReload(msgspec.Struct):
    account: str
    credit_type: str
    deleted: bool


class Alert(msgspec.Struct):
    """``told_at``: when the wallet fell below the threshold last."""

    id: str
    account: str
    credit_type: str
    threshold: Credits
    email: bool
    told_at: Time | None
    created_at: Time


class DeletedAlert(msgspec.Struct):
    id: str
    deleted: bool


def auto_reload(found: Standing) -> AutoReload:
    row = found.setting
    stopped = None
    if row.stop_reason is not None and row.stopped_at is not None:
        stopped = Stopped(row.stop_reason, row.stop_message or "", iso(row.stopped_at))
    capped = row.capped_until if found.state == "capped" else None
    return AutoReload(
        account=account_id(row.account_uuid),
        credit_type=row.credit_type,
        enabled=row.enabled,
        state=found.state,
        threshold=format_credits(row.threshold),
        amount=None if row.amount is None else format_credits(row.amount),
        package=None if row.package is None else typeid("pkg", row.package),
        payment_method=None if row.method is None else typeid("pm", row.method),
        cooldown_seconds=row.cooldown,
        monthly_cap=None if row.monthly_cap is None else Money(row.monthly_cap, row.currency),
        spent_this_month=Money(found.spent, row.currency),
        resumes_at=None if capped is None else iso(capped),
        stopped=stopped,
        last=None if found.last is None else reload(found.last),
        created_at=iso(row.created_at),
        updated_at=iso(row.updated_at),
    )


def reload(row: model.Reload) -> Reload:
    return Reload(
        status=row.status,
        credits=format_credits(row.credits),
        price=Money(row.amount, row.currency),
        invoice=typeid("inv", row.invoice),
        payment=None if row.payment is None else typeid("pay", row.payment),
        started_at=iso(row.wanted_at),
        ended_at=None if row.ended_at is None else iso(row.ended_at),
        failure_code=row.failure_code,
        failure_message=row.failure_message,
    )


def alert(row: model.Alert) -> Alert:
    return Alert(
        id=typeid("alert", row.id),
        account=account_id(row.account_uuid),
        credit_type=row.credit_type,
        threshold=format_credits(row.threshold),
        email=row.email,
        told_at=None if row.told_at is None else iso(row.told_at),
        created_at=iso(row.created_at),
    )
