"""A Stripe of our own: stateful, spoken to through the official SDK, and as unreliable as it is told to be."""

from .server import StripeDouble

__all__ = ["StripeDouble"]
