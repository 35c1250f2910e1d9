"""Google, of whom we ask only whose an access token is."""

from .peer import Google

__all__ = ["Google"]
