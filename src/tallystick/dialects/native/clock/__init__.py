"""The test clock."""

from .routes import ROUTES

__all__ = ["ROUTES"]
