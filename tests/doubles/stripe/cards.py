"""Test cards by their last four digits, as Stripe's own test numbers end; a whole number is nowhere."""

from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True)
class Card:
    """What a card does. ``code`` and ``decline``: how Stripe names its decline.

    Decline: never pays. ``saves``: it may be kept all the same. ``step``: the bank wants the customer each time.
    ``later``: the money comes when `settle` says so. ``disputed``: it succeeds and is disputed at once. ``refunds``:
    whether its refunds succeed at once, stay pending, or succeed and fail afterwards.
    """

    last4: str
    code: str | None = None
    decline: str | None = None
    saves: bool = True
    step: bool = False
    later: bool = False
    disputed: bool = False
    refunds: str = "succeeded"
    type: str = "card"
    brand: str = "visa"

    def details(self) -> dict[str, Any]:
        if self.type == "card":
            return {"brand": self.brand, "last4": self.last4, "exp_month": 12, "exp_year": 2034}
        return {"last4": self.last4, "bank_code": "37040044", "country": "DE"}


_CARDS: Final = (
    Card("4242"),
    Card("4444", brand="mastercard"),
    Card("0002", "card_declined", "generic_decline", saves=False),
    Card("9995", "card_declined", "insufficient_funds", saves=False),
    Card("9987", "card_declined", "lost_card", saves=False),
    Card("9979", "card_declined", "stolen_card", saves=False),
    Card("0069", "expired_card", "expired_card", saves=False),
    Card("0127", "incorrect_cvc", "incorrect_cvc", saves=False),
    Card("0119", "processing_error", "processing_error", saves=False),
    Card("0341", "card_declined", "generic_decline"),
    Card("3220", step=True),
    Card("0259", disputed=True),
    Card("7726", refunds="pending"),
    Card("5126", refunds="failed"),
    Card("3000", later=True, type="sepa_debit"),
)
CARDS: Final = {card.last4: card for card in _CARDS}
