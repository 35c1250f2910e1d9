"""What an event debited, led on to what it costs now.

An event's debits are the entries that it and its history name. A correction moves the difference alone, so that
credits which have expired since are not taken anew from those that came after.
"""

from dataclasses import dataclass
from datetime import datetime

from tallystick.db.pool import Tx
from tallystick.domain.ledger import actions as ledger
from tallystick.domain.ledger import views as books
from tallystick.domain.ledger.commands import Debit, Labels, Reverse, order
from tallystick.domain.ledger.model import Head, Moments, RateLine
from tallystick.domain.ledger.port import Rates
from tallystick.domain.ledger.views import Standing
from tallystick.kernel.credits import MICRO, share
from tallystick.kernel.errors import Fact, Invalid

from . import views
from .items import reference
from .model import Event


@dataclass(frozen=True, slots=True)
class Debits:
    """The debits of an event, under its account's lock."""

    tx: Tx
    heads: dict[int, Head]
    tenant: int
    event: Event
    by: str
    rates: Rates

    async def settle(self, quantity: int, reason: str, now: datetime) -> int | None:
        """Let the event have debited what ``quantity`` costs now; give the newest entry of which anything stands.

        Raises InsufficientCredits; Invalid (``operation``, ``quantity``) as a debit does; Conflict for an account
        that does not allow it.
        """
        event = self.event
        debited = await self._standing()
        if event.operation is None or quantity == 0:
            await self._give_back(debited, sum(one.amount for one in debited), reason)
            return None
        operation = self.tenant, event.operation
        lines = await self.rates(self.tx, [operation])
        rate = (await lines(Moments(now))).get(operation)
        if rate is None:
            raise Invalid("operation", "is not on the rate card")
        others = [one for one in debited if one.credit_type != rate.credit_type]
        await self._give_back(others, sum(one.amount for one in others), reason)
        debited = [one for one in debited if one.credit_type == rate.credit_type]
        more = share(rate.cost, quantity, MICRO) - sum(one.amount for one in debited)
        if not debited or more > 0:
            return await self._debit(rate, quantity, more if debited else None)
        left = await self._give_back(debited, -more, reason)
        return left[-1].seq if left else None

    async def _standing(self) -> list[Standing]:
        """What stands of the event's debits, the oldest first; what was reversed by hand does not."""
        history = await views.changes(self.tx, self.event)
        named = {one.entry for one in history} | {self.event.entry}
        entries = [seq for seq in named if seq is not None]
        found = await books.standing(self.tx, self.event.account, entries)
        return [one for one in found if one.amount]

    async def _give_back(self, debited: list[Standing], amount: int, reason: str) -> list[Standing]:
        """Reverse so much, of the newest first; give those of which anything is left."""
        left = list(debited)
        while amount:
            newest = left[-1]
            back = Reverse(
                account=self.event.account,
                entry=newest.seq,
                amount=min(amount, newest.amount),
                reason=reason,
            )
            await self._apply(back, f"back:{newest.seq}")
            if amount < newest.amount:
                return left
            amount -= newest.amount
            left.pop()
        return left

    async def _debit(self, rate: RateLine, quantity: int, amount: int | None) -> int | None:
        """Debit ``amount``, or all that the quantity costs."""
        one = Debit(
            account=self.event.account,
            credit_type=None if amount is None else rate.credit_type,
            operation=self.event.operation,
            amount=amount or 0,
            quantity=quantity if amount is None else None,
            labels=Labels(
                reference=reference(self.event.event_id, self.event.id),
                # said once: a cost that the caller reported is no more for a difference
                metadata=self.event.metadata if amount is None else None,
            ),
        )
        return await self._apply(one, "anew" if amount is None else "more")

    async def _apply(self, command: Debit | Reverse, what: str) -> int | None:
        """The entry that it posted. Raises the fact that declined it."""
        key = f"usage:{self.event.id}:{self.event.changes + 1}:{what}"
        one = order(command, tenant=self.tenant, actor=self.by, server_key=key)
        [result] = await ledger.apply(self.tx, self.heads, [one], self.rates)
        if isinstance(result, Fact):
            raise result
        return None if result.entry is None else result.entry.seq
