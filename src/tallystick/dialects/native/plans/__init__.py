"""Features, plans and packages."""

from .routes import ROUTES

__all__ = ["ROUTES"]
