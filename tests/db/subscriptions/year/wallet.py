"""A customer's credits of one type: lots, burnt by priority, then by earliest expiry, then by age."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction

NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass
class Lot:
    amount: Fraction
    left: Fraction
    priority: int
    granted_at: datetime
    expires_at: datetime | None
    rolled: int = 0
    """How often it was rolled over."""
    lost: Fraction = Fraction(0)
    """What was taken away unspent, and may come back."""

    def over(self, at: datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= at


@dataclass
class Wallet:
    lots: list[Lot] = field(default_factory=list)
    """Every lot there ever was, by age."""

    def grant(
        self,
        at: datetime,
        amount: Fraction,
        expires_at: datetime | None,
        *,
        priority: int = 10,
        rolled: int = 0,
    ) -> Lot:
        lot = Lot(amount, amount, priority, at, expires_at, rolled)
        self.lots.append(lot)
        return lot

    def open(self, at: datetime) -> list[Lot]:
        """What may be spent, in burn order."""
        live = [lot for lot in self.lots if lot.left and (lot.expires_at is None or lot.expires_at > at)]
        return sorted(live, key=lambda lot: (lot.priority, lot.expires_at or NEVER))

    def balance(self, at: datetime) -> Fraction:
        return sum((lot.left for lot in self.open(at)), Fraction(0))

    def spend(self, at: datetime, amount: Fraction) -> bool:
        """All of it or nothing."""
        if amount > self.balance(at):
            return False
        for lot in self.open(at):
            taken = min(lot.left, amount)
            lot.left -= taken
            amount -= taken
        return True
