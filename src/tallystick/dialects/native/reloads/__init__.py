"""Buying credits automatically, and alerts of low balances."""

from .routes import ROUTES

__all__ = ["ROUTES"]
