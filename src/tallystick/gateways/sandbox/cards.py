"""The cards that the sandbox knows, each named by its last four digits: a number never enters. Pure.

Where Stripe has a test card of that outcome the digits are those of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Outcome = Literal["succeeds", "declines", "step", "later"]

EXP_MONTH: Final = 12
EXP_YEAR: Final = 2050


@dataclass(frozen=True, slots=True)
class Card:
    """``outcome`` is that of a payment on the page, ``charged`` that of a charge of the saved card.

    ``disputed``: a payment on the page is disputed at once. ``refunds``: whether money can be sent back to it.
    """

    last4: str
    brand: str
    title: str
    outcome: Outcome
    charged: Outcome
    failure: str = ""
    disputed: bool = False
    refunds: bool = True


DECLINES: Final[Mapping[str, str]] = {
    "card_declined": "The card was declined.",
    "insufficient_funds": "The card has too little money.",
    "lost_card": "The card was reported lost.",
    "stolen_card": "The card was reported stolen.",
    "expired_card": "The card has expired.",
    "incorrect_cvc": "The card's security code is wrong.",
    "processing_error": "The card could not be processed. Try again in a moment.",
    "authentication_failed": "The further step was refused.",
}
"""Every code of a decline and what the customer reads."""


def _declines(last4: str, title: str, failure: str) -> Card:
    return Card(last4, "visa", title, "declines", "declines", failure)


CARDS: Final[tuple[Card, ...]] = (
    Card("4242", "visa", "Succeeds", "succeeds", "succeeds"),
    _declines("0002", "Declined", "card_declined"),
    _declines("9995", "Declined: too little money", "insufficient_funds"),
    _declines("9987", "Declined: lost card", "lost_card"),
    _declines("9979", "Declined: stolen card", "stolen_card"),
    _declines("0069", "Declined: expired card", "expired_card"),
    _declines("0127", "Declined: wrong security code", "incorrect_cvc"),
    _declines("0119", "Declined: processing error", "processing_error"),
    Card("3220", "visa", "Needs a further step", "step", "step"),
    Card("0341", "visa", "Succeeds here, later charges decline", "succeeds", "declines", "card_declined"),
    Card("7726", "visa", "Succeeds a minute later", "later", "later"),
    Card("0259", "visa", "Succeeds, and is disputed", "succeeds", "succeeds", disputed=True),
    Card("5126", "visa", "Succeeds, but refunds fail", "succeeds", "succeeds", refunds=False),
)

BY_LAST4: Final[Mapping[str, Card]] = {card.last4: card for card in CARDS}


def card_of(last4: str) -> Card:
    """A card of these digits: one that is not listed succeeds."""
    return BY_LAST4.get(last4) or Card(last4, "visa", "Succeeds", "succeeds", "succeeds")
