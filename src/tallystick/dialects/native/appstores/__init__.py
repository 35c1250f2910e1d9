"""What is known of apps in the app stores, and what was searched for there."""

from .routes import ROUTES

__all__ = ["ROUTES"]
