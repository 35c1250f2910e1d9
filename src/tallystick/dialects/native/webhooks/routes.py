"""Events, webhook endpoints, deliveries and e-mail."""

from typing import Final

from tallystick.dialects.native.table import Cold

_T: Final = "Webhooks"

# fmt: off
ROUTES: Final[list[Cold]] = [
]
# fmt: on
