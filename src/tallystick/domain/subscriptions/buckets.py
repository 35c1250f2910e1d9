"""Where an account's credits of the present allowance period come from, and how many of them were used."""

from tallystick.db.pool import Database


class Buckets:
    """Reads them, mostly from memory; one for a process."""

    def __init__(self, db: Database) -> None:
        self._db = db
