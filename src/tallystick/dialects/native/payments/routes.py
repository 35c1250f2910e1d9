"""Checkouts, payments, ways to pay, refunds, disputes and the gateways' settings."""

from typing import Final

from tallystick.dialects.native.table import Cold

_T: Final = "Payments"

# fmt: off
ROUTES: Final[list[Cold]] = [
]
# fmt: on
