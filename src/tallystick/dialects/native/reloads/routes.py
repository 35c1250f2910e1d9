"""Buying credits automatically, and alerts of low balances."""

from typing import Final

from tallystick.dialects.native.table import Cold

_T: Final = "Reloads"

# fmt: off
ROUTES: Final[list[Cold]] = [
]
# fmt: on
