"""Credit packages, and buying one."""

from typing import Any, Final, TypedDict
from uuid import UUID

import msgspec

from tallystick.db.pool import Tx
from tallystick.dialects.igny8 import errors, shown
from tallystick.dialects.igny8.desk import System, asker
from tallystick.dialects.igny8.errors import encode
from tallystick.dialects.igny8.paging import bare, paging
from tallystick.domain.catalog import views as catalog
from tallystick.domain.identity.asking import Asker
from tallystick.domain.identity.request_keys import Inner, in_steps, key_of
from tallystick.domain.payments import settings, views
from tallystick.domain.payments.buying import Bought, buy_package
from tallystick.http.contract import Ask
from tallystick.http.drf.fields import Char, Choice, read
from tallystick.http.drf.parsing import parsed
from tallystick.http.drf.validation import ValidationFailed
from tallystick.http.hot import Reply
from tallystick.http.idempotency import check_key, headers_of
from tallystick.http.urls import check_url
from tallystick.kernel.actor import Role
from tallystick.kernel.credits import floor_credits
from tallystick.kernel.errors import Conflict, NotFound
from tallystick.kernel.money import Money

from .payments import by_hand

_ADDRESS: Final = Char(required=False, null=True, blank=True, max_length=2000)
_DECLINED: Final = 402
_LONGEST_ID: Final = 19
_OFF: Final = ("gateway_disabled", "gateway_not_set_up")
"""Why a gateway is none of the payment-methods list."""


class _Wanted(TypedDict):
    """What `buy_package` is told of a request."""

    gateway: str | None
    success_url: str
    cancel_url: str


async def list_packages(system: System, ask: Ask) -> Reply:
    """List the credit packages, those that are not sold at the moment too."""
    who = await asker(system, ask)
    at = paging(ask)
    credit_type = await system.credit_types.resolve(who.tenant, None)
    async with system.db.connection() as conn:
        found = await catalog.packages_by_offset(
            conn, who.tenant, credit_type, limit=at.limit, offset=at.offset
        )
    rows = [shown.package(row) for row in found.rows]
    return Reply(200, encode(bare(system, ask, at, rows, found.total)))


async def purchase_package(system: System, ask: Ask) -> Reply:
    """Buy a credit package: charge the saved way to pay, or say where the customer pays."""
    who = await asker(system, ask)
    who.must_be(Role.ADMIN)
    key = key_of("igny8", who.account, check_key(ask.key))
    wanted = _wanted(system, who, ask)

    async def act(inner: Inner) -> tuple[int, Any]:
        # looked up for a purchase that is new: one that was made stays, whatever is sold and taken since
        package = await _package(system, who, ask.params["id"])
        return await _answer(system, who, await _bought(system, who, package, wanted, inner))

    done = await in_steps(system.db, who.tenant, key, ask.digest(wanted), act, lambda answer: answer)
    body = done.body if done.status == _DECLINED else {"success": True, "data": done.body}
    return Reply(done.status, encode(body), headers_of(done.replayed))


async def _package(system: System, who: Asker, text: str) -> UUID:
    """Raises NotFound, also for credits of another type than this contract speaks of."""
    if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST_ID):
        raise NotFound("package")
    credit_type = await system.credit_types.resolve(who.tenant, None)
    async with system.db.connection() as conn:
        row = await catalog.package_by_number(conn, who.tenant, int(text))
    if row.credit_type != credit_type:
        raise NotFound("package")
    return row.id


async def _bought(system: System, who: Asker, package: UUID, wanted: _Wanted, key: Inner) -> Bought:
    """Raises what `buy_package` does, and ValidationFailed where it is the named gateway that is off."""
    try:
        return await buy_package(
            system.till, who.tenant, who.account, package, method=None, by=who.actor.name, key=key, **wanted
        )
    except Conflict as fact:
        name = wanted["gateway"]
        if name is None or fact.code not in _OFF:
            raise
        raise ValidationFailed({"payment_method": [f'"{name}" is not a valid choice.']}) from None


def _wanted(system: System, who: Asker, ask: Ask) -> _Wanted:
    """Raises ValidationFailed, Refused, Invalid."""
    names = [name for name, gateway in system.till.gateways.items() if "checkout" in gateway.features]
    fields = {
        "payment_method": Choice(choices=names, required=False, null=True),
        "success_url": _ADDRESS,
        "cancel_url": _ADDRESS,
    }
    said = read(fields, parsed(ask.content_type, ask.body))
    mode, own = who.actor.mode, system.settings.public_url
    return {
        "gateway": said.get("payment_method"),
        "success_url": check_url("success_url", said.get("success_url") or None, mode, own),
        "cancel_url": check_url("cancel_url", said.get("cancel_url") or None, mode, own),
    }


async def _answer(system: System, who: Asker, bought: Bought) -> tuple[int, Any]:
    """The status and what is kept under the key: the data of the answer, or the error of a payment declined."""
    bill, payment = bought.invoice, bought.payment
    if bought.status == "failed":
        said = None if payment is None else payment.failure_message
        return _DECLINED, msgspec.to_builtins(errors.body(said or "The payment did not go through."))
    async with system.db.connection() as conn:
        sold = await views.purchase_of(conn, who.account, bill.id)
        assert sold is not None
        data = shown.Purchase(
            bill.place,
            bill.number or "",
            floor_credits(sold.credits + sold.bonus),
            str(Money(bill.total, bill.currency)),
            bought.status,
            None if payment is None else payment.number,
            await _next(conn, system, bought),
        )
    return 201, msgspec.to_builtins(data)


async def _next(conn: Tx, system: System, bought: Bought) -> shown.NextAction | None:
    """What the customer has to do, if anything: pay on a page, send money, or confirm the payment."""
    page, payment = bought.checkout, bought.payment
    if bought.status == "paid":
        return None
    if page is None:
        url = None if payment is None else payment.action_url
        return None if url is None else shown.NextAction("redirect", url=url)
    if not by_hand(system, page.gateway):
        return shown.NextAction("redirect", url=page.url or "")
    site = await settings.site(conn, system.till, page.tenant, page.gateway, even_disabled=True)
    total = f"{Money(bought.invoice.total, bought.invoice.currency)} {bought.invoice.currency}"
    how = f"Transfer {total} and give {bought.invoice.number} as the reference."
    told = site.options.get("instructions", "")
    return shown.NextAction("manual", instructions=f"{told}\n\n{how}" if told else how)
