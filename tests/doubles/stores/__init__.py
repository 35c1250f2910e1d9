"""Doubles of the stores that apps are sold in, at their HTTP edge.

with Stores() as stores:
    stores.play.put("com.whatsapp"), stores.apple.finds("messaging", 310633997)
    with housed(server, template, name, **stores.settings) as house: ...
"""

from contextlib import ExitStack
from types import TracebackType
from typing import Self, TypedDict

from .apple import AppleDouble
from .edge import Answer, Asked, Fault, StoreEdge
from .play import PlayDouble

__all__ = ["Answer", "AppleDouble", "Asked", "Fault", "PlayDouble", "StoreEdge", "Stores"]


class StoreSettings(TypedDict):
    """Those of `Settings` that lead to the doubles."""

    play_store_url: str
    app_store_url: str


class Stores:
    """Both stores, running: use it with ``with``."""

    def __init__(self) -> None:
        self.play = PlayDouble()
        self.apple = AppleDouble()
        self._running = ExitStack()

    def __enter__(self) -> Self:
        self._running.enter_context(self.play)
        self._running.enter_context(self.apple)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running.close()

    @property
    def settings(self) -> StoreSettings:
        """For `Settings(**...)`, or `House(url, **...)`."""
        return {"play_store_url": self.play.url, "app_store_url": self.apple.url}
