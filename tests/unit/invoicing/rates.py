"""Tax rates for tests."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from tallystick.domain.invoicing.model import TaxRate

AT = datetime(2026, 1, 1, tzinfo=UTC)


def rate(ppm: int, *, inclusive: bool = False, **fields: Any) -> TaxRate:
    values = {"id": UUID(int=1), "tenant": 1, "name": "VAT", "country": "", "region": "", "standard": False}
    values |= {"active": True, "created_at": AT, "updated_at": AT}
    return TaxRate(rate=ppm, inclusive=inclusive, **{**values, **fields})
