"""Usage events and meters."""

from .routes import HOT, ROUTES

__all__ = ["HOT", "ROUTES"]
