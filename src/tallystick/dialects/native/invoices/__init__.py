"""Invoices, credit notes, tax rates and the seller's settings."""

from .routes import ROUTES

__all__ = ["ROUTES"]
