"""The sandbox behind the port: each call commits on its own, as a provider's would, under our ids."""

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from tallystick.db.pool import Database, Tx, all_rows, one_row, run
from tallystick.domain.identity import views as identity
from tallystick.domain.identity.vault import Vault
from tallystick.domain.payments.port import (
    BadSignature,
    ChargeAsked,
    CheckoutAsked,
    CheckoutOpened,
    Customer,
    Feature,
    GatewayDown,
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
from tallystick.kernel.errors import Invalid, NotFound, Unavailable
from tallystick.kernel.ids import typeid

from . import model, trying
from .cards import BY_LAST4, CARDS, Card, card_of
from .trying import q

_REFUND_FAILS: Final = "The card takes no money back."


class Sandbox:
    """A provider that moves no money. Its pages are those of `dialects.hosted`."""

    name: Final = "sandbox"
    title: Final = "Test card"
    features: Final[frozenset[Feature]] = frozenset({"checkout", "charge", "refund", "portal", "history"})
    secret_names: Final[frozenset[str]] = frozenset()
    cards: Final[Sequence[Card]] = CARDS

    def __init__(self, db: Database, vault: Vault) -> None:
        self._db = db
        self._vault = vault

    def check_options(self, options: Mapping[str, Any]) -> dict[str, Any]:
        if options:
            raise Invalid("options", "must be empty: the sandbox has none")
        return {}

    def check_secret(self, name: str, text: str, mode: Mode) -> None:
        """There are none."""

    async def customer(self, site: Site, who: Customer) -> str:
        return typeid(model.CUSTOMER, who.uuid)

    async def open_checkout(self, site: Site, asked: CheckoutAsked) -> CheckoutOpened:
        async with self._tx(site) as (tx, now):
            values = {
                "tenant": site.tenant,
                "checkout": asked.checkout,
                "payment": asked.payment,
                "customer": typeid(model.CUSTOMER, asked.customer.uuid),
                "amount": asked.amount,
                "currency": asked.currency,
                "description": asked.description,
                "save_method": asked.save_method,
                "now": now,
                "expires_at": asked.expires_at,
            }
            await run(tx, q.insert_checkout, values)
        url = f"{site.public_url}/pay/{typeid('co', asked.checkout)}/{asked.token}"
        return CheckoutOpened(typeid(model.CHECKOUT, asked.checkout), url)

    async def close_checkout(self, site: Site, ref: str) -> Sequence[Seen]:
        async with self._tx(site) as (tx, now):
            page = await trying.lock_page(tx, site.tenant, _id(model.CHECKOUT, ref), now)
            if page is None:
                raise GatewayRefused("The sandbox knows no such page.")
            if page.status in ("open", "step"):
                await trying.expire(tx, page, now)
            return await self._seen(tx, site, page, now)

    async def look_checkout(self, site: Site, ref: str) -> Sequence[Seen]:
        async with self._tx(site) as (tx, now):
            page = await trying.lock_page(tx, site.tenant, _id(model.CHECKOUT, ref), now)
            return [] if page is None else await self._seen(tx, site, page, now)

    async def charge(self, site: Site, asked: ChargeAsked) -> PaymentSeen:
        async with self._tx(site) as (tx, now):
            row = await trying.lock_charge(tx, site.tenant, asked.payment, now)
            if row is None:
                row = await self._charge(tx, site, asked, now)
            return model.payment_seen(row, self._step_url(site, row.payment_id))

    async def look_payment(self, site: Site, payment: UUID, ref: str | None) -> Sequence[Seen]:
        async with self._tx(site) as (tx, now):
            row = await trying.lock_charge(tx, site.tenant, payment, now)
            return [] if row is None else await trying.whole(tx, row, self._step_url(site, payment))

    async def cancel_payment(self, site: Site, payment: UUID, ref: str) -> PaymentSeen:
        async with self._tx(site) as (tx, now):
            row = await trying.lock_charge(tx, site.tenant, payment, now)
            if row is None:
                raise GatewayRefused("The sandbox knows no such payment.")
            if row.status == "requires_action":
                row.status, row.final, row.updated_at = "cancelled", True, now
                await trying.save_charge(tx, row, now)
            return model.payment_seen(row)

    async def refund(self, site: Site, asked: RefundAsked) -> RefundSeen:
        async with self._tx(site) as (tx, now):
            # locked: two refunds at once must not send back more than came
            paid = await trying.lock_charge(tx, site.tenant, _id(model.PAYMENT, asked.payment_ref), now)
            if paid is None or paid.status != "succeeded":
                raise GatewayRefused("The sandbox has no such money.")
            values = {"tenant": site.tenant, "payment": paid.payment_id}
            given = await all_rows(tx, model.Refund, q.refunds_of, values)
            for row in given:
                if row.refund_id == asked.refund:
                    return model.refund_seen(row)
            if asked.amount > paid.amount - sum(row.amount for row in given if row.status == "succeeded"):
                raise GatewayRefused("More than is left of the payment.")
            made = model.Refund(
                refund_id=asked.refund,
                payment_id=paid.payment_id,
                amount=asked.amount,
                currency=paid.currency,
                status="succeeded" if card_of(paid.card).refunds else "failed",
                failure=None if card_of(paid.card).refunds else _REFUND_FAILS,
                created_at=now,
            )
            values |= {"refund": made.refund_id, "amount": made.amount, "currency": made.currency, "now": now}
            await run(tx, q.insert_refund, {**values, "status": made.status, "failure": made.failure})
            return model.refund_seen(made)

    async def look_refund(self, site: Site, refund: UUID, ref: str | None) -> RefundSeen | None:
        async with self._tx(site) as (tx, _):
            row = await one_row(tx, model.Refund, q.refund, {"tenant": site.tenant, "refund": refund})
            return None if row is None else model.refund_seen(row)

    async def forget_method(self, site: Site, ref: str) -> None:
        async with self._tx(site) as (tx, now):
            values = {"tenant": site.tenant, "method": _id(model.METHOD, ref), "now": now}
            await run(tx, q.remove_method, values)

    async def portal(self, site: Site, who: Customer, return_url: str, token: str) -> str:
        return f"{site.public_url}/portal/{typeid('acct', who.uuid)}/{token}"

    async def history(self, site: Site, who: Customer, limit: int) -> tuple[list[Past], bool]:
        async with self._tx(site) as (tx, _):
            values = {"tenant": site.tenant, "customer": typeid(model.CUSTOMER, who.uuid), "limit": limit + 1}
            rows = await all_rows(tx, model.Charge, q.payments_of, values)
        past = [
            Past(
                typeid(model.PAYMENT, row.payment_id), row.amount, row.currency, row.status,
                row.status == "succeeded", row.created_at, row.description, row.payment_id,
            )
            for row in rows[:limit]
        ]  # fmt: skip
        return past, len(rows) > limit

    def read(self, site: Site, headers: Mapping[str, str], body: bytes, now: datetime) -> Notice:
        raise BadSignature("The sandbox sends no notices.")

    # What its pages do

    async def page(self, site: Site, checkout: UUID) -> model.Page:
        """A page as it stands. Raises NotFound."""
        async with self._tx(site) as (tx, now):
            return _found(await trying.lock_page(tx, site.tenant, checkout, now))

    async def pay(self, site: Site, checkout: UUID, last4: str, keep: bool) -> Sequence[Seen]:
        """Pay with a card, or save it where nothing is paid; give what is seen then. Once: what was tried on a page
        that waits or is over changes nothing. ``keep`` counts where the page offers it.

        Raises NotFound, Invalid for a card that the sandbox does not know.
        """
        card = BY_LAST4.get(last4)
        if card is None:
            raise Invalid("card", "must be one of the test cards")
        async with self._tx(site) as (tx, now):
            page = _found(await trying.lock_page(tx, site.tenant, checkout, now))
            if page.status == "open":
                await trying.try_page(tx, page, card, keep and page.save_method, now)
            return await self._seen(tx, site, page, now)

    async def present(self, site: Site, checkout: UUID, last4: str) -> Sequence[Seen]:
        async with self._tx(site) as (tx, now):
            page = await trying.lock_page(tx, site.tenant, checkout, now)
            if page is None:
                raise GatewayRefused("The sandbox knows no such page.")
            if page.status == "open" and page.card is None:
                await trying.try_page(tx, page, card_of(last4), False, now)
                if page.failure_code is not None:  # nobody is there to try another
                    await trying.expire(tx, page, now)
            return await self._seen(tx, site, page, now)

    async def answer(self, site: Site, checkout: UUID, approve: bool) -> Sequence[Seen]:
        """The customer's answer to the further step of a page; one that does not wait for it stays as it is.

        Raises NotFound.
        """
        async with self._tx(site) as (tx, now):
            page = _found(await trying.lock_page(tx, site.tenant, checkout, now))
            if page.status == "step":
                await trying.answer_page(tx, page, approve, now)
            return await self._seen(tx, site, page, now)

    async def confirm(self, site: Site, payment: UUID, approve: bool) -> Sequence[Seen]:
        """The customer's answer to the further step of a charge of a saved card. Raises NotFound."""
        async with self._tx(site) as (tx, now):
            row = await trying.lock_charge(tx, site.tenant, payment, now)
            if row is None:
                raise NotFound("payment")
            if row.status == "requires_action":
                await trying.answer_charge(tx, row, approve, now)
            return [model.payment_seen(row, self._step_url(site, payment))]

    def _step_url(self, site: Site, payment: UUID) -> str:
        named = typeid("pay", payment)
        return f"{site.public_url}/pay/confirm/{named}/{self._vault.token('confirm', named)}"

    async def _charge(self, tx: Tx, site: Site, asked: ChargeAsked, now: datetime) -> model.Charge:
        values = {"tenant": site.tenant, "method": _id(model.METHOD, asked.method_ref)}
        saved = await one_row(tx, model.SavedCard, q.method, values)
        if saved is None or saved.removed_at is not None:
            raise GatewayRefused("The card is not saved any more.")
        if saved.customer_ref != typeid(model.CUSTOMER, asked.customer.uuid):
            raise GatewayRefused("The card is another customer's.")
        row = model.Charge(
            tenant_id=site.tenant,
            payment_id=asked.payment,
            customer_ref=saved.customer_ref,
            checkout_id=None,
            method_id=saved.method_id,
            card=saved.card,
            amount=asked.amount,
            currency=asked.currency,
            description=asked.description,
            status="failed",
            final=True,
            failure_code=None,
            failure_message=None,
            succeeds_at=None,
            created_at=now,
            updated_at=now,
        )
        if not await trying.charge(tx, row, card_of(saved.card), now):
            # the same charge at the same time: the other was first, and holds good
            again = await trying.lock_charge(tx, site.tenant, asked.payment, now)
            assert again is not None
            return again
        return row

    async def _seen(self, tx: Tx, site: Site, page: model.Page, now: datetime) -> list[Seen]:
        """What a page came to; the try itself while it is open."""
        row = None
        if page.payment_id is not None:
            row = await trying.lock_charge(tx, site.tenant, page.payment_id, now)
        # the further step is on the page itself
        payment = None if row is None else model.payment_seen(row)
        if page.status in ("open", "step"):
            return [] if payment is None else [payment]
        later = [] if row is None else await trying.after(tx, row)
        return [model.checkout_seen(page, payment), *later]

    @contextlib.asynccontextmanager
    async def _tx(self, site: Site) -> AsyncIterator[tuple[Tx, datetime]]:
        """A transaction and the tenant's time. Raises GatewayDown when the database is away."""
        try:
            async with self._db.tx() as tx:
                yield tx, await identity.now(tx, site.tenant)
        except Unavailable as fact:
            raise GatewayDown("the sandbox's database is away") from fact


def _id(kind: str, ref: str) -> UUID:
    found = model.id_of(kind, ref)
    if found is None:
        raise GatewayRefused("The sandbox has no such object.")
    return found


def _found(page: model.Page | None) -> model.Page:
    if page is None:
        raise NotFound("page")
    return page
