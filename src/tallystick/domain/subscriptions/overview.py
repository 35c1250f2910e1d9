"""What an account may use, all together: its plan, the limits of it, and every feature of the tenant."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tallystick.db.pool import Tx
from tallystick.domain.catalog import views as catalog
from tallystick.domain.catalog.model import Feature
from tallystick.domain.ledger import views as books
from tallystick.domain.ledger.model import Head

from . import views
from .entitlements import uses_of
from .features import Entitlement, Reason, Value, barred, claim, of_boolean, of_limit, stopped
from .holdings import Held, held
from .model import Subscription
from .monthly import a_month
from .states import LIVE


@dataclass(frozen=True, slots=True)
class Overview:
    """``subscription`` is the recurring one that is not over; ``held`` are all that are not."""

    head: Head
    subscription: Subscription | None
    held: Sequence[Held]

    def limit(self, key: str) -> int | None:
        """Units of a HARD_LIMIT by the plan, paused as it may be: None for no limit, 0 for nothing."""
        value: Value
        value, reason = claim(key, self.held)
        if reason not in ("ok", "paused"):
            return 0
        return None if value is None or value is True else int(value)

    def a_month(self, credit_type: str) -> int:
        """Whole credits of a type that the plan gives a month."""
        return sum(a_month(one.terms.allowances, credit_type) for one in self.held if one.status in LIVE)

    def barred(self, key: str) -> Reason | None:
        """Why a CREDIT_BASED feature may not be used, whatever the wallet holds."""
        return barred(key, self.held)

    def state(self, feature: Feature, uses: Mapping[str, int]) -> Entitlement:
        """Of a BOOLEAN feature, or of a HARD_LIMIT of which ``uses`` are the units by scope.

        Of several scopes it is that of the one which has used most: there least is left.
        """
        claimed = claim(feature.key, self.held)
        if feature.type == "BOOLEAN":
            return stopped(of_boolean(feature, claimed), self.head.status)
        one = of_limit(feature, claimed, max(uses.values(), default=0), 1)
        return stopped(replace(one, scopes=uses), self.head.status)


async def overview(conn: Tx, tenant: int, account: int) -> Overview:
    """As of now: what had fallen due of the subscriptions is done first. Raises NotFound, Unavailable."""
    head = await books.head(conn, tenant, account)
    found = await held(conn, head)
    return Overview(head, await views.current(conn, tenant, account), found)


async def states(conn: Tx, of: Overview) -> list[tuple[Feature, Entitlement | None]]:
    """Every feature of the tenant, in the order in which they were made; of a CREDIT_BASED one no state."""
    uses = await uses_of(conn, of.head.account)
    features = await catalog.all_features(conn, of.head.tenant)
    return [
        (one, None if one.type == "CREDIT_BASED" else of.state(one, uses.get(one.id, {})))
        for one in sorted(features, key=lambda one: one.number)
    ]
