"""What credits were used for, as this contract shows it: each row of a feature, which is mostly a credit type's own."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tallystick.db.pool import Tx
from tallystick.domain.catalog import views as catalog
from tallystick.domain.catalog.model import Feature
from tallystick.domain.catalog.named import Named, named
from tallystick.domain.ledger.spent import Of, Spent
from tallystick.kernel.clock import iso_seconds

_OPERATION = "operation"


@dataclass(frozen=True, slots=True)
class Names:
    """The tenant's features that are paid in credits, by key, and the names of its credit types, by code."""

    features: Mapping[str, Feature]
    types: Mapping[str, str]

    def feature_of(self, row: Spent) -> tuple[str, str]:
        """Key and name: of the feature that the row's operation names, else of its credit type."""
        for key in (row.operation, row.credit_type):
            found = self.features.get(key or "")
            if found is not None and found.credit_type == row.credit_type:
                return found.key, found.name
        return row.credit_type, self.types.get(row.credit_type, row.credit_type)

    def rows_of(self, feature: Named) -> Of | None:
        """The rows of a feature; None: it has none, since it is not paid in credits."""
        if feature.credit_type is None:
            return None
        if feature.key != feature.credit_type:
            return Of(feature.credit_type, only=feature.key)
        others = [
            one.key
            for one in self.features.values()
            if one.credit_type == feature.credit_type and one.key != feature.key
        ]
        return Of(feature.credit_type, others=others)


async def names(conn: Tx, tenant: int) -> Names:
    features = await catalog.all_features(conn, tenant)
    types = await catalog.credit_types(conn, tenant)
    return Names(
        {one.key: one for one in features if one.type == "CREDIT_BASED"},
        {one.code: one.name for one in types},
    )


async def wanted(conn: Tx, tenant: int, known: Names, key: str | None) -> Of | None:
    """The rows that a filter means. Raises NotFound for a key that names nothing."""
    return Of() if key is None else known.rows_of(await named(conn, tenant, key))


def row(one: Spent, known: Names) -> dict[str, Any]:
    key, name = known.feature_of(one)
    metadata = dict(one.metadata or {})
    operation = one.operation or key
    if isinstance(metadata.get(_OPERATION), str):
        operation = metadata.pop(_OPERATION)
    return {
        "feature_key": key,
        "feature_name": name,
        "consumed_amount": one.whole,
        "operation": operation,
        "metadata": metadata,
        "timestamp": iso_seconds(one.effective_at),
    }
