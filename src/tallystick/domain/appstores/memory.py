"""What was answered a moment ago, so that the same again costs one debit and no read."""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import msgspec

from .model import Parts, shown
from .views import Listing, Name

KEEP: Final = 1.0
"""Seconds for which details are answered again without a look at the database."""
_MOST: Final = 2_000

_encode: Final = msgspec.json.Encoder().encode


class Memory:
    """Details by app, as JSON. For live tenants: a test tenant's clock may be moved at any moment."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        # the oldest first: each is kept for as long as any other
        self._kept: OrderedDict[Name, tuple[float, Listing, dict[Parts, bytes]]] = OrderedDict()

    def put(self, name: Name, found: Listing) -> None:
        """Remember details, unless newer ones are: what was read before a fetch may come after it."""
        kept = self._kept.get(name)
        if kept is not None and kept[1].fetches > found.fetches:
            return
        now = self._monotonic()
        self._kept.pop(name, None)
        self._forget(now)
        self._kept[name] = (now + KEEP, found, {})

    def get(self, name: Name, parts: Parts) -> bytes | None:
        """The data of these parts as JSON, if it is remembered and good."""
        kept = self._kept.get(name)
        if kept is None:
            return None
        until, found, encoded = kept
        if self._monotonic() >= until:
            del self._kept[name]
            return None
        data = encoded.get(parts)
        if data is None:
            if not found.good(parts):
                return None
            data = encoded[parts] = encode(found, parts)
        return data

    def _forget(self, now: float) -> None:
        """What is over, the oldest first, and what is too much."""
        while self._kept:
            oldest = next(iter(self._kept))
            if len(self._kept) < _MOST and now < self._kept[oldest][0]:
                return
            del self._kept[oldest]


def encode(found: Listing, parts: Parts) -> bytes:
    """Details as JSON: of one part with the ``appId`` beside."""
    return _encode(shown(found.platform, found.data, parts))
