"""What may be read: credit types, rate cards and what is sold; and the rates that the ledger asks for."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tallystick.db.pool import Database, Tx, all_rows, one_row
from tallystick.db.sql import Queries
from tallystick.domain.identity import views as identity
from tallystick.kernel.errors import Invalid, NotFound
from tallystick.kernel.page import Page, page_of

from .model import CreditType, Rate, RateCard
from .offers import (
    all_features,
    feature,
    feature_by_id,
    features,
    features_of,
    package,
    package_by_key,
    package_by_number,
    packages,
    packages_by_offset,
    plan,
    plan_by_key,
    plan_by_number,
    plan_version,
    plan_versions,
    plans,
    plans_of,
)
from .rates import rates_at, rates_in_force

__all__ = [
    "CreditTypes",
    "all_features",
    "credit_type",
    "credit_types",
    "defined",
    "feature",
    "feature_by_id",
    "features",
    "features_of",
    "package",
    "package_by_key",
    "package_by_number",
    "packages",
    "packages_by_offset",
    "plan",
    "plan_by_key",
    "plan_by_number",
    "plan_version",
    "plan_versions",
    "plans",
    "plans_of",
    "q",
    "rate_card",
    "rate_cards",
    "rates_at",
    "rates_in_force",
    "undefined",
]

q: Final = Queries("tallystick.domain.catalog")

KEEP: Final = 1.0
"""Seconds for which a tenant's default credit type is not read again."""
_MAX_INT: Final = 2**31 - 1


@dataclass(slots=True)
class _Card:
    version: int
    effective_at: datetime
    created_at: datetime
    created_by: str


@dataclass(slots=True)
class _Rate:
    version: int
    operation: str
    credit_type: str
    cost: int


class CreditTypes:
    """Which credit type a request means, from memory wherever possible.

    A type is never deleted, so one that was found is never asked for again; a tenant's default is, each second.
    """

    def __init__(self, db: Database, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._db = db
        self._monotonic = monotonic
        self._codes: set[tuple[int, str]] = set()
        self._defaults: dict[int, tuple[str, float]] = {}
        self._reading = asyncio.Lock()

    def cached(self, tenant: int, code: str | None) -> str | None:
        """The code when it is remembered: for the hot routes, which then need not wait."""
        if code is not None:
            return code if (tenant, code) in self._codes else None
        default, until = self._defaults.get(tenant, ("", 0.0))
        return default if default and self._monotonic() < until else None

    async def resolve(self, tenant: int, code: str | None) -> str:
        """``code`` if the tenant defines it, and its default for None.

        Raises Invalid("credit_type", ...), and NotFound for an unknown tenant.
        """
        found = self.cached(tenant, code)
        if found is not None:
            return found
        if code is None:
            return await self._default(tenant)
        async with self._db.connection() as conn:
            if await defined(conn, tenant, [code]):
                self._codes.add((tenant, code))
                return code
        raise undefined("credit_type", code)

    async def _default(self, tenant: int) -> str:
        async with self._reading:  # many ask when the second is over; one reads
            found = self.cached(tenant, None)
            if found is not None:
                return found
            since = self._monotonic()
            async with self._db.connection() as conn:
                code = (await identity.tenant(conn, tenant)).default_credit_type
            self._codes.add((tenant, code))
            self._defaults[tenant] = code, since + KEEP
            return code


def undefined(field: str, code: str) -> Invalid:
    return Invalid(field, f"is not defined: {code[:63]}")


async def defined(conn: Tx, tenant: int, codes: Sequence[str]) -> set[str]:
    """Those of ``codes`` that are credit types of the tenant."""
    # what PostgreSQL's text cannot hold is nobody's code, and must not fail the query
    plain = [code for code in codes if code.isascii() and code.isprintable()]
    if not plain:
        return set()
    rows = await all_rows(conn, _Code, q.codes, {"tenant": tenant, "codes": plain})
    return {row.code for row in rows}


@dataclass(slots=True)
class _Code:
    code: str


async def credit_types(conn: Tx, tenant: int) -> list[CreditType]:
    """All of the tenant's, by code."""
    return await all_rows(conn, CreditType, q.credit_types, {"tenant": tenant})


async def credit_type(conn: Tx, tenant: int, code: str) -> CreditType:
    """Raises NotFound."""
    row = None
    if code.isascii() and code.isprintable():
        row = await one_row(conn, CreditType, q.credit_type, {"tenant": tenant, "code": code})
    if row is None:
        raise NotFound("credit type")
    return row


async def rate_card(
    conn: Tx, tenant: int, *, at: datetime | None = None, version: int | None = None
) -> RateCard:
    """The card of this version, else the one in force at the moment ``at`` (the tenant's now). Raises NotFound."""
    if version is None:
        moment = await identity.now(conn, tenant) if at is None else at
        card = await one_row(conn, _Card, q.rate_card_at, {"tenant": tenant, "at": moment})
    elif 0 < version <= _MAX_INT:
        card = await one_row(conn, _Card, q.rate_card_version, {"tenant": tenant, "version": version})
    else:
        card = None
    if card is None:
        raise NotFound("rate card")
    return (await _with_rates(conn, tenant, [card]))[0]


async def rate_cards(conn: Tx, tenant: int, *, before: int | None = None, limit: int = 50) -> Page[RateCard]:
    """The tenant's cards, the newest version first, before the version ``before``."""
    values = {"tenant": tenant, "before": _MAX_INT if before is None else before, "limit": limit + 1}
    page = page_of(await all_rows(conn, _Card, q.rate_cards, values), limit, lambda card: card.version)
    return Page(await _with_rates(conn, tenant, page.rows), page.next_key)


async def _with_rates(conn: Tx, tenant: int, cards: Sequence[_Card]) -> list[RateCard]:
    rates: dict[int, list[Rate]] = {card.version: [] for card in cards}
    for row in await all_rows(conn, _Rate, q.rates, {"tenant": tenant, "versions": list(rates)}):
        rates[row.version].append(Rate(row.operation, row.credit_type, row.cost))
    return [
        RateCard(
            card.version, card.effective_at, card.created_at, card.created_by, tuple(rates[card.version])
        )
        for card in cards
    ]
