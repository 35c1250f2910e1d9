"""What may be read of payments."""

from typing import Final

from tallystick.db.sql import Queries

q: Final = Queries("tallystick.domain.payments")
