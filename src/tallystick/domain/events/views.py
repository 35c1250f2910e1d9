"""What may be read of events."""

from typing import Final

from tallystick.db.sql import Queries

q: Final = Queries("tallystick.domain.events")
