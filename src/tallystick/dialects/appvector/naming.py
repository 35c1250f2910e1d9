"""The contract's own names of two credit types, each taken wherever a feature is named."""

from collections.abc import Mapping
from typing import Final

from tallystick.domain.catalog.named import Named
from tallystick.domain.identity.asking import Asker

from .desk import Desk

_CODES: Final[Mapping[str, str]] = {"API_CALL": "api_calls", "DATA_SCRAPE": "data_scrapes"}
_SHOWN: Final = {code: name for name, code in _CODES.items()}


def key_of(name: str) -> str:
    """The key of a feature, or the code of a credit type, that is meant by a name."""
    return _CODES.get(name, name)


def credit_name(code: str) -> str:
    """A credit type as the contract shows it."""
    return _SHOWN.get(code) or code.upper()


async def feature_named(desk: Desk, who: Asker, name: str) -> Named:
    """The feature, or the credit type that counts as one. Raises NotFound, Unavailable."""
    return await desk.features.find(who.tenant, key_of(name))
