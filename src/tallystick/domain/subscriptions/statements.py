"""The area's named SQL."""

from typing import Final

from tallystick.db.sql import Queries

q: Final = Queries("tallystick.domain.subscriptions")
