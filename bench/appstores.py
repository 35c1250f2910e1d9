"""Histories of tracked apps: 30 days read with 30 days kept, and with a year kept, in turns.

Run alone with ``python -m bench.appstores 100``, the number of apps.
"""

import argparse
import asyncio
import time
from collections.abc import Callable
from datetime import date, timedelta
from typing import Final

import psycopg

from tallystick.db.pool import Database
from tallystick.domain.appstores import views
from tallystick.domain.appstores.desk import AppStores
from tallystick.domain.appstores.model import fields_of
from tallystick.domain.catalog.views import rates_in_force
from tallystick.domain.identity import actions as identity
from tallystick.domain.identity import views as tenants
from tallystick.domain.ledger.lanes import Lanes

from .renewals import database

APPS: Final = 1_000
MONTH: Final = 30
YEAR: Final = 365
ROUNDS: Final = 6
SECONDS: Final = 2.0
AT_ONCE: Final = 8

_LISTINGS: Final = """
insert into app_listing (tenant_id, platform, app_id, country, language, data, day, fetched_at, fetches, asked_at,
                         created_at)
select %(tenant)s, 'android', 'com.app.n' || n, 'us', 'en', '{"title": "An app"}', current_date, now(), 1, now(), now()
from generate_series(1, %(apps)s) n"""
# In the order in which they were written: a day of all apps after another. What moves, moves daily.
_CHANGES: Final = """
insert into app_change (tenant_id, listing, day, field, value)
select l.tenant_id, l.id, current_date - d, f, to_json(d)
from generate_series(%(days)s - 1, 0, -1) d, app_listing l, unnest(array['ratings', 'reviews', 'score', 'version']) f
where l.tenant_id = %(tenant)s
order by d desc, l.id, f"""


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.appstores", description=__doc__)
    parser.add_argument("apps", nargs="?", type=int, default=100)
    apps = parser.parse_args().apps
    measure(lambda name, value: print(f"{name:34} {value:12,.2f}", flush=True), apps=apps)
    return 0


def measure(put: Callable[[str, float], None], *, apps: int = APPS) -> None:
    """Seed two databases, and read from both."""
    with database() as (short, short_tenant), database() as (long, long_tenant):
        seed(short, short_tenant, apps, MONTH)
        seed(long, long_tenant, apps, YEAR)
        month, year = asyncio.run(_compare(short, short_tenant, long, long_tenant))
    put("histories_month_kept_per_s", month)
    put("histories_year_kept_per_s", year)
    put("histories_year_over_month", year / month)


def seed(url: str, tenant: int, apps: int, days: int) -> None:
    """``apps`` apps of which four fields changed on each of so many days, up to today."""
    start = time.monotonic()
    values = {"tenant": tenant, "apps": apps, "days": days}
    with psycopg.connect(url) as conn:
        conn.execute(_LISTINGS, values)
        conn.execute(_CHANGES, values)
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("vacuum analyze")
        conn.execute("checkpoint")
    print(f"seeded {apps:,} apps, {days} days each, in {time.monotonic() - start:.0f} s", flush=True)


async def _compare(short: str, short_tenant: int, long: str, long_tenant: int) -> tuple[float, float]:
    """Histories a second of each, the medians of rounds in turns."""
    month, year = await _Reader.open(short, short_tenant), await _Reader.open(long, long_tenant)
    rates: tuple[list[float], list[float]] = ([], [])
    try:
        for reader in (month, year):
            await reader.read(SECONDS)  # warm up: plans, caches, connections
        for _ in range(ROUNDS):
            rates[0].append(await month.read(SECONDS))
            rates[1].append(await year.read(SECONDS))
    finally:
        await month.db.close()
        await year.db.close()
    return _median(rates[0]), _median(rates[1])


def _median(rates: list[float]) -> float:
    return sorted(rates)[len(rates) // 2]


class _Reader:
    """Reads the last 30 days of one app after another, for one account."""

    def __init__(self, db: Database, tenant: int, account: int, apps: list[str], today: date) -> None:
        self.db = db
        self._desk = AppStores(db, Lanes(db, rates_in_force), {})
        self._tenant = tenant
        self._account = account
        self._apps = apps
        self._next = 0
        self._today = today
        self._fields = fields_of("android", "both")

    @classmethod
    async def open(cls, url: str, tenant: int) -> "_Reader":
        db = Database(url)
        await db.open()
        async with db.tx() as tx:
            account = await identity.create_account(tx, tenant)
        apps: list[str] = []
        before = None
        async with db.connection() as conn:
            today = (await tenants.now(conn, tenant)).date()
            while before is not None or not apps:
                page = await views.listings(conn, tenant, before=before, limit=500)
                apps += [row.app_id for row in page.rows]
                before = page.next_key
        return cls(db, tenant, account.account_id, apps, today)

    async def read(self, seconds: float) -> float:
        """How many a second."""
        start = time.monotonic()
        counts = await asyncio.gather(*(self._read(start + seconds) for _ in range(AT_ONCE)))
        return sum(counts) / (time.monotonic() - start)

    async def _read(self, until: float) -> int:
        count = 0
        while time.monotonic() < until:
            self._next = (self._next + 7919) % len(self._apps)
            found = await self._desk.history(
                self._tenant, self._account, "android", self._apps[self._next], "us", "en",
                start=self._today - timedelta(days=MONTH - 1), end=self._today, fields=self._fields,
            )  # fmt: skip
            assert len(found.changes) == MONTH * 4, len(found.changes)
            count += 1
        return count


if __name__ == "__main__":
    raise SystemExit(main())
