"""The sandbox: a payment provider inside the server, which needs nothing and moves no money."""

from .cards import CARDS, Card
from .gateway import Sandbox

__all__ = ["CARDS", "Card", "Sandbox"]
