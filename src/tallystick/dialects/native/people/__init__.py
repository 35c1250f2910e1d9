"""People: who they are, the accounts they are members of, and their passwords."""

from .routes import ROUTES

__all__ = ["ROUTES"]
