"""Google Play, asked as a visitor of its site asks it."""

from .client import ORIGIN, Play

__all__ = ["ORIGIN", "Play"]
