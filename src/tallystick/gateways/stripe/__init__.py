"""Stripe, by its own SDK: the only place that knows it."""

from .gateway import Stripe, stripe_gateway

__all__ = ["Stripe", "stripe_gateway"]
