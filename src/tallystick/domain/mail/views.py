"""What may be read of e-mail."""

from typing import Final

from tallystick.db.sql import Queries

q: Final = Queries("tallystick.domain.mail")
