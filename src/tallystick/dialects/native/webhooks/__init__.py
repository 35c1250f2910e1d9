"""Events, webhook endpoints, deliveries and e-mail."""

from .routes import ROUTES

__all__ = ["ROUTES"]
