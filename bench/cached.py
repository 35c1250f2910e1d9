"""Details of an app that is cached, which cost one debit, beside the product without its ledger.

The tenant is a live one: a test tenant's clock may be moved at any moment, so that nothing is remembered for it. All
requests are of one workspace and one app. Run alone with ``python -m bench.cached``.
"""

import argparse
import asyncio
from typing import Any, Final

import httpx2
import psycopg

from tallystick.db.pool import Database
from tallystick.domain.appstores.keeping import keep
from tallystick.domain.appstores.model import checked
from tallystick.domain.appstores.views import Name

from . import load, server
from .load import Target

SCRIPT: Final = "appvector_details.lua"
TURNS: Final = 3
_CREDITS: Final = 1_000_000_000
_APP: Final[dict[str, Any]] = {
    "title": "An App",
    "score": 4.39,
    "ratings": 212040976,
    "installs": "10,000,000,000+",
    "developer": "Example Inc.",
    "genre": "Communication",
    "price": 0,
    "free": True,
    "version": "2.25.2.75",
    "androidVersion": "VARY",
    "summary": "Talk and listen.",
    "description": "An app with some lines of description.\n" * 20,
}


def furnish(system: server.Server) -> Target:
    """Keep an app for the live tenant, and make a workspace that can pay for it often."""
    key = system.live_key.read_text()
    with httpx2.Client(base_url=system.url, headers={"Authorization": f"Bearer {key}"}) as http:
        account = _done(http.post("/v2/accounts", json={}))["id"]
        _done(http.put("/v2/credit-types", json={"code": "api_calls", "name": "API Calls"}))
        grant = {"account": account, "credit_type": "api_calls", "amount": _CREDITS}
        _done(http.post("/v2/grants", json=grant))
    asyncio.run(_keep(system.database_url))
    path = system.folder / "paying"
    path.write_text(f"{account}\n")
    return Target(system.url, path, system.live_key)


def _done(answer: httpx2.Response) -> dict[str, Any]:
    answer.raise_for_status()
    return dict(answer.json())


async def _keep(url: str) -> None:
    with psycopg.connect(url) as conn:
        row = conn.execute("select id from tenant where mode = 'live'").fetchone()
    assert row is not None
    db = Database(url)
    await db.open()
    try:
        async with db.tx() as tx:
            name = Name(row[0], "android", "com.example.app", "us", "en")
            await keep(tx, name, checked("android", _APP), asked=True)
    finally:
        await db.close()


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.cached", description=__doc__)
    parser.add_argument("--seconds", type=int, default=2)
    arguments = parser.parse_args()
    load.need_wrk()
    with server.tallystick() as system:
        target, rates = furnish(system), {"details": 0.0, "empty": 0.0}
        for turn in range(TURNS + 1):
            for name, script in (("details", SCRIPT), ("empty", "debit.lua")):
                rate = _rate(system, target, name, script, arguments.seconds)
                rates[name] += rate if turn else 0.0  # the first one warms up
        for name, total in rates.items():
            print(f"{name:42} {total / TURNS:12,.2f}", flush=True)
        print(f"{'appvector_cached_details_over_empty_post':42} {rates['details'] / rates['empty']:12,.2f}")
    return 0


def _rate(system: server.Server, target: Target, name: str, script: str, seconds: int) -> float:
    if name == "details":
        run = load.wrk(script, target, seconds=seconds)
    else:
        with server.without_ledger(system) as url:
            load.wrk(script, Target(url, target.accounts, target.key), seconds=1)
            run = load.wrk(script, Target(url, target.accounts, target.key), seconds=seconds)
    if run.errors:
        print(f"  {run.errors} requests of {script} failed", flush=True)
    return run.requests_per_s


if __name__ == "__main__":
    raise SystemExit(main())
