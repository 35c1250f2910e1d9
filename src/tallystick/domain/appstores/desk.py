"""App-store data for accounts that pay for it in credits: what a process keeps open and remembers for it."""

from tallystick.db.pool import Database
from tallystick.domain.ledger.lanes import Lanes

from .port import Stores


class AppStores:
    """Searches, details and history; one for a process."""

    def __init__(self, db: Database, lanes: Lanes, stores: Stores) -> None:
        self._db = db
        self._lanes = lanes
        self._stores = stores
