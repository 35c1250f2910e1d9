"""How this contract says what went wrong: ``{"error": "..."}``, and its accounts are practices."""

from typing import Final

from tallystick.http import plain
from tallystick.http.contract import Ask
from tallystick.http.hot import Reply
from tallystick.http.plain import card_refused, error, internal, nothing_here, too_large
from tallystick.kernel.errors import Fact

from .desk import Desk

__all__ = ["card_refused", "error", "internal", "not_allowed", "nothing_here", "reply", "too_large"]

_WORDS: Final = plain.Words(objects={"account": "practice"})


def reply(fact: Fact) -> Reply:
    return plain.reply(fact, _WORDS)


async def not_allowed(desk: Desk, ask: Ask, allow: list[str]) -> Reply:
    """405 with the methods that are there."""
    return plain.methods(allow)
