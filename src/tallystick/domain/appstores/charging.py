"""What a call costs: 1 ``api_calls``, and 1 ``data_scrapes`` more for the one whose call went to the store.

It is held before the store is asked, captured when the call succeeded and released when it failed. Who dies in between
leaves holds that end by themselves.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final, Literal

import structlog

from tallystick.domain.ledger.actions import Result
from tallystick.domain.ledger.commands import Capture, Debit, EndDue, Hold, Labels, Order, Release, order
from tallystick.domain.ledger.lanes import Lanes
from tallystick.kernel.credits import MICRO
from tallystick.kernel.errors import Conflict, Fact, KeyReused, Unavailable

from .port import Platform

log = structlog.get_logger()

CALL: Final = "api_calls"
SCRAPE: Final = "data_scrapes"
CreditType = Literal["api_calls", "data_scrapes"]

HELD_FOR: Final = 300
"""Seconds: minutes beyond the longest that a call may take."""

_TRIES: Final = 4
_PAUSE: Final = 0.25  # seconds before an end of holds is tried again; doubled each time
_ABORTED: Final = "batch_aborted"
_Operation = Literal["fetch", "search"]


@dataclass(frozen=True, slots=True)
class Payer:
    """The account that pays (internal number), who asks in its name, and whether the tenant is a live one: only a test
    tenant's clock may be moved at any moment."""

    tenant: int
    account: int
    actor_name: str
    live: bool


def labels(platform: Platform, kind: _Operation, country: str, language: str, **what: str) -> Labels:
    """What the entries of a call say of it, the contract's ``operation`` first: ``android_app_fetch`` for details,
    ``android_search`` for a search."""
    operation = f"{platform}_app_fetch" if kind == "fetch" else f"{platform}_search"
    metadata: dict[str, Any] = {"operation": operation, **what, "country": country, "language": language}
    return Labels(metadata=metadata)


class Purse:
    """The credits of one call: what is held for it, and how that ends.

    Under a ``key``, a name that is the account's own for this call, it is paid for once however often it comes.
    """

    def __init__(self, lanes: Lanes, payer: Payer, said: Labels, key: str | None = None) -> None:
        self._lanes = lanes
        self._payer = payer
        self._said = said
        self._key = None if key is None else "aso:" + blake2b(key.encode(), digest_size=16).hexdigest()
        self._held: dict[CreditType, int] = {}
        self._paid = False

    async def open(self) -> None:
        """Look whether the call was paid for already. Raises Unavailable."""
        if self._key is not None:
            probe = EndDue(account=self._payer.account)
            try:
                await self._lanes.submit(self._order(probe, self._key))
            except KeyReused:
                self._paid = True

    async def pay(self) -> None:
        """Pay for an answer that was kept: one debit. Raises what the ledger does."""
        if self._paid:
            return
        # no operation of the rate card: what is captured has none either, and the two are the same call
        debit = Debit(account=self._payer.account, credit_type=CALL, amount=MICRO, labels=self._said)
        try:
            await self._lanes.submit(self._order(debit, self._key))
        except KeyReused:  # the same call, twice at once: the other one paid
            self._paid = True

    async def hold(self, *credit_types: CreditType) -> None:
        """Hold one of each, unless it is held already: all or none.

        Raises what the ledger does; of two that are lacking, the first.
        """
        wanted = [credit_type for credit_type in credit_types if credit_type not in self._held]
        if self._paid or not wanted:
            return
        account = self._payer.account
        orders = [
            self._order(
                Hold(account=account, credit_type=one, amount=MICRO, expires_in=HELD_FOR, labels=self._said)
            )
            for one in wanted
        ]
        sent = asyncio.ensure_future(self._lanes.submit_batch(orders, atomic=True))
        try:
            _raise(await asyncio.shield(sent))
        finally:
            # broken off while the lane has it: it is carried out all the same, and to be known when all is released
            for credit_type, result in zip(wanted, await sent, strict=True):
                if not isinstance(result, Fact):
                    self._held[credit_type] = result.facts["hold"]

    async def settle(self) -> None:
        """Pay for an answer: capture what is held, in one transaction; where nothing is, `pay`. Raises what the
        ledger does."""
        if not self._held:
            await self.pay()
            return
        _raise(await self._end(list(self._held), []))
        self._held.clear()

    async def release(self) -> None:
        """Release all that is held; what cannot be released now expires."""
        if self._held:
            _note(await self._end([], list(self._held)))
            self._held.clear()

    async def _end(self, captured: list[CreditType], released: list[CreditType]) -> Sequence[Result]:
        """End holds, all or none. Whether a commit happened whose answer was lost, the same keys tell."""
        account = self._payer.account
        orders = [
            self._order(
                Capture(account=account, hold=self._held[one], amount=MICRO, final=True),
                self._key if one == CALL else None,
            )
            for one in captured
        ] + [self._order(Release(account=account, hold=self._held[one])) for one in released]
        results = await self._lanes.submit_batch(orders, atomic=True)
        for attempt in range(_TRIES - 1):
            if not any(isinstance(result, Unavailable) for result in results):
                break
            await asyncio.sleep(_PAUSE * 2**attempt)
            for one in orders:
                one.resent = True
            results = await self._lanes.submit_batch(orders, atomic=True)
        if any(isinstance(result, KeyReused) for result in results):
            # the same call, twice at once: the other one paid for it, and not for what this one fetched
            return await self._end([one for one in captured if one != CALL], [*released, CALL])
        return results

    def _order(self, command: Capture | Debit | EndDue | Hold | Release, key: str | None = None) -> Order:
        return order(command, tenant=self._payer.tenant, actor=self._payer.actor_name, server_key=key)


def _raise(results: Sequence[Result]) -> None:
    """Raise the fact that stopped a batch, if one did."""
    facts = [result for result in results if isinstance(result, Fact)]
    for fact in sorted(facts, key=lambda fact: fact.code == _ABORTED):
        raise fact


def _note(results: Sequence[Result]) -> None:
    """Say in the log what could not be released, save for holds that have ended already."""
    for result in results:
        ended = isinstance(result, Conflict) and result.code in (_ABORTED, "hold_expired", "hold_ended")
        if isinstance(result, Fact) and not ended:
            log.warning("a hold is left to expire", reason=result.message)
