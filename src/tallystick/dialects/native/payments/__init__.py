"""Checkouts, payments, ways to pay, refunds, disputes and the gateways' settings."""

from .routes import ROUTES

__all__ = ["ROUTES"]
