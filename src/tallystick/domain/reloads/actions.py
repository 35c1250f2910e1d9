"""Setting up automatic purchases and alerts, each in the caller's transaction. Locks the account's head."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from tallystick.db.pool import Tx, all_rows, run
from tallystick.domain.catalog import views as catalog
from tallystick.domain.identity import actions as identity
from tallystick.domain.identity import views as identities
from tallystick.domain.ledger import actions as ledger
from tallystick.domain.ledger import watching
from tallystick.domain.ledger.model import Head
from tallystick.domain.payments import purchases
from tallystick.domain.payments import views as payments
from tallystick.domain.payments.purchases import Offer
from tallystick.kernel.credits import MAX_AMOUNT, format_credits
from tallystick.kernel.errors import Conflict, Invalid, NotFound
from tallystick.kernel.ids import owned_uuid, owner_of
from tallystick.kernel.money import MAX_MINOR, Money

from . import views
from .model import COOLDOWN, MAX_COOLDOWN, MOST_ALERTS, Alert, AutoReload
from .views import q


async def put_auto_reload(
    tx: Tx,
    tenant: int,
    account: int,
    credit_type: str,
    *,
    threshold: int,
    amount: int | None = None,
    package: UUID | None = None,
    method: UUID | None = None,
    cooldown: int = COOLDOWN,
    monthly_cap: int | None = None,
    enabled: bool = True,
    by: str,
) -> AutoReload:
    """Set what is bought when a wallet falls below ``threshold`` microcredits: so many credits, or a package.

    What had stopped it is forgotten; a wallet that is below already buys at once. Audited. Raises Invalid,
    NotFound, Conflict("package_inactive"), and Conflict("no_payment_method") where it is switched on and nothing
    is there to charge.
    """
    head = await _locked(tx, tenant, account)
    _between("threshold", threshold)
    if not 0 <= cooldown <= MAX_COOLDOWN:
        raise Invalid("cooldown", f"must be from 0 to {MAX_COOLDOWN} seconds")
    offer = await offered(tx, tenant, credit_type, amount, package)
    if monthly_cap is not None and not offer.price <= monthly_cap <= MAX_MINOR:
        least = Money(offer.price, offer.currency)
        raise Invalid("monthly_cap", f"must allow for one reload at least: {least} {offer.currency}, and tax")
    await _check_method(tx, tenant, account, method, enabled=enabled)
    now = await identities.now(tx, tenant)
    values: dict[str, Any] = {
        "account": account, "credit_type": credit_type, "tenant": tenant, "enabled": enabled, "threshold": threshold,
        "amount": amount, "package": package, "method": method, "cooldown": cooldown, "monthly_cap": monthly_cap,
        "currency": offer.currency, "due_at": now if enabled else None, "now": now,
    }  # fmt: skip
    await run(tx, q.put_auto_reload, values)
    await rewatch(tx, tenant, account, credit_type, now)
    said = {"credit_type": credit_type, "enabled": enabled, "threshold": format_credits(threshold)}
    said |= {"buys": offer.name, "monthly_cap": monthly_cap, "currency": offer.currency, "cooldown": cooldown}
    await _audit(tx, tenant, head, by, "auto_reload.put", said)
    return await views.auto_reload(tx, tenant, account, credit_type)


async def remove_auto_reload(tx: Tx, tenant: int, account: int, credit_type: str, *, by: str) -> AutoReload:
    """Buy nothing more automatically; what is in flight is carried through. Audited. Raises NotFound."""
    head = await _locked(tx, tenant, account)
    row = await views.auto_reload(tx, tenant, account, credit_type)
    await run(tx, q.delete_auto_reload, {"account": account, "credit_type": credit_type})
    await rewatch(tx, tenant, account, credit_type, await identities.now(tx, tenant))
    await _audit(tx, tenant, head, by, "auto_reload.delete", {"credit_type": credit_type})
    return row


async def add_alert(
    tx: Tx, tenant: int, account: int, credit_type: str, *, threshold: int, email: bool = False, by: str
) -> Alert:
    """Tell of each fall of a wallet below ``threshold`` microcredits; at once where it is below already. Audited.

    Raises Invalid, NotFound, Conflict("alert_exists"), Conflict("too_many_alerts").
    """
    head = await _locked(tx, tenant, account)
    _between("threshold", threshold)
    if not await catalog.defined(tx, tenant, [credit_type]):
        raise catalog.undefined("credit_type", credit_type)
    if len(await views.alerts(tx, tenant, account, credit_type=credit_type)) >= MOST_ALERTS:
        raise Conflict("too_many_alerts", f"A wallet has at most {MOST_ALERTS} alerts.")
    now = await identities.now(tx, tenant)
    id = owned_uuid(account)
    values: dict[str, Any] = {"account": account, "id": id, "tenant": tenant, "credit_type": credit_type}
    if not await run(tx, q.insert_alert, values | {"threshold": threshold, "email": email, "now": now}):
        raise Conflict("alert_exists", "There is an alert at this threshold.")
    await rewatch(tx, tenant, account, credit_type, now, first=threshold)
    said = {"credit_type": credit_type, "threshold": format_credits(threshold), "email": email}
    await _audit(tx, tenant, head, by, "alert.create", said)
    return await views.alert(tx, tenant, id)


async def remove_alert(tx: Tx, tenant: int, alert: UUID, *, by: str) -> Alert:
    """Audited. Raises NotFound."""
    account = owner_of(alert)
    try:
        head = await _locked(tx, tenant, account)
    except NotFound:
        raise NotFound("alert") from None
    row = await views.alert(tx, tenant, alert)
    await run(tx, q.delete_alert, {"account": account, "id": alert})
    await rewatch(tx, tenant, account, row.credit_type, await identities.now(tx, tenant))
    said = {"credit_type": row.credit_type, "threshold": format_credits(row.threshold)}
    await _audit(tx, tenant, head, by, "alert.delete", said)
    return row


async def offered(tx: Tx, tenant: int, credit_type: str, amount: int | None, package: UUID | None) -> Offer:
    """What a reload would buy now. Raises Invalid, NotFound, Conflict("package_inactive")."""
    if (amount is None) == (package is None):
        said = "or package must be given" if package is None else "and package must not both be given"
        raise Invalid("amount", said)
    if package is None:
        assert amount is not None
        return await purchases.offer_of_amount(tx, tenant, credit_type, amount)
    offer = await purchases.offer_of_package(tx, tenant, package)
    if offer.credit_type != credit_type:
        raise Invalid("package", f"sells {offer.credit_type}, not {credit_type}")
    if offer.price < 1:
        raise Invalid("package", "costs nothing: it would be given without end")
    return offer


@dataclass(slots=True)
class _Threshold:
    threshold: int


async def rewatch(
    tx: Tx, tenant: int, account: int, credit_type: str, at: datetime, *, first: int | None = None
) -> None:
    """Have the ledger watch what the settings and alerts of a wallet need. Under the account's head.

    ``first``: a threshold that is new, and is told of at once even where another setting watched it already.
    """
    values = {"account": account, "credit_type": credit_type}
    rows = await all_rows(tx, _Threshold, q.thresholds, values)
    wanted = [row.threshold for row in rows]
    if first is not None:
        others = [one for one in wanted if one != first]
        await watching.watch(tx, tenant, account, credit_type, others, at=at)
    await watching.watch(tx, tenant, account, credit_type, wanted, at=at)


async def _check_method(tx: Tx, tenant: int, account: int, method: UUID | None, *, enabled: bool) -> None:
    if method is not None:
        row = await payments.method(tx, tenant, method)
        if row.account != account or row.removed_at is not None:
            raise NotFound("payment method")
    elif enabled and await payments.standard_of(tx, account) is None:
        raise Conflict("no_payment_method", "The account has no way to pay; save one first.")


def _between(field: str, micro: int) -> None:
    if not 1 <= micro <= MAX_AMOUNT:
        raise Invalid(field, "must be greater than 0 and at most 9007199254.740991")


async def _locked(tx: Tx, tenant: int, account: int) -> Head:
    head = (await ledger.lock(tx, [account])).get(account)
    if head is None or head.tenant != tenant:
        raise NotFound("account")
    return head


async def _audit(tx: Tx, tenant: int, head: Head, by: str, action: str, said: dict[str, Any]) -> None:
    await identity.audit(tx, tenant, actor=by, action=action, target=f"acct:{head.uuid}", details=said)
