"""The port to the stores that apps are sold in: gateways implement it, and alone speak with a store."""

from collections.abc import Mapping
from typing import Any, Literal, Protocol

Platform = Literal["android", "apple"]
"""Google Play, and Apple's App Store."""

Fields = dict[str, Any]
"""What a store says of an app, as JSON values, by the names of `model`'s tables of fields."""

Fault = Literal["timeout", "unreachable", "status", "redirect", "too_large", "changed", "busy"]
"""Why a store gave nothing of use: ``changed``, an answer that is not what it was when this was written; ``busy``, more
was asked at once than the store is to be asked."""


class Store(Protocol):
    """One store. Both are called outside any transaction, and either may be called many times at once."""

    async def search(self, keyword: str, country: str, language: str, limit: int) -> list[Fields]:
        """At most ``limit`` apps that a keyword finds, the store's first first; fewer where it gives fewer.

        Each has the platform's fields of a hit, except that ``installs`` may be missing where the store's page of hits
        does not tell it. Raises StoreFailed.
        """
        ...

    async def details(self, app_id: str, country: str, language: str) -> Fields:
        """All that the store says of one app: every field of the platform. Raises StoreFailed, AppUnknown."""
        ...


Stores = Mapping[Platform, Store]


class StoreFailed(Exception):
    """The store cannot be reached, fails, or answers what cannot be read. Its text is for the log."""

    def __init__(self, fault: Fault, reason: str) -> None:
        super().__init__(reason)
        self.fault: Fault = fault


class AppUnknown(Exception):
    """The store has no such app in that country."""
