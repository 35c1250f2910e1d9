"""Subscriptions, entitlements."""

from .routes import ROUTES

__all__ = ["ROUTES"]
