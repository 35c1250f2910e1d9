"""The other contracts beside the native one, on the same wallets: a debit is a debit, and a balance a balance.

A usage event of the CrediBill contract debits what a native debit does, by its plan and the rate card, and is recorded
as an event besides; a consume of AppVector's is a debit whose answer says what of the period was used. Those who ask
for balances are as many users as there are connections, each signed in with a token and an account of their own, as
products' pages do it (``X-Account`` would only measure how an account is found); the native balance that is compared is
of the same accounts, and asked with one key, as the practice contract's is.

Both sides take turns, so that a slower minute is everybody's. Run alone with ``python -m bench.contracts``.
"""

import argparse
import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import psycopg

from tallystick.db.pool import Database
from tallystick.domain.catalog import actions as catalog
from tallystick.domain.catalog.model import Rate
from tallystick.domain.catalog.terms import Component, Terms
from tallystick.domain.catalog.views import rates_in_force
from tallystick.domain.identity import actions as identity
from tallystick.domain.identity import memberships, tokens
from tallystick.domain.identity.views import load_secrets
from tallystick.domain.metering import actions as metering
from tallystick.domain.subscriptions import actions as subscriptions
from tallystick.kernel.actor import Role
from tallystick.kernel.ids import parse_typeid, typeid

from . import load, meter, seed, server
from .load import Run, Target
from .renewals import copy_rows

BY: Final = "bench"
USERS: Final = 128
TURNS: Final = 3
WARMING: Final = 4
METRIC: Final = "api_calls"
OPERATION: Final = "call"
COST: Final = 1000  # microcredits: what a debit of the benchmark takes
TERMS: Final = Terms(
    interval="monthly",
    currency="USD",
    components=(Component(key="base", kind="flat", amount=0),),
    debits={METRIC: OPERATION},
)

Wrk = Callable[[str, Target], Run]
Put = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Files:
    """What the load generator reads, a line each: of every wallet its subscription and its account's UUID, and of some
    the account, its number and its user's token."""

    subscriptions: Path
    homes: Path
    practices: Path
    tokens: Path
    workspaces: Path


def furnish(url: str, tenant: int, seeded: seed.Seeded, folder: Path) -> Files:
    """Give each wallet a subscription, and some of them a user."""
    plan_holder = asyncio.run(_open(url, tenant, seeded.numbers[0]))
    with psycopg.connect(url) as conn:
        conn.execute(
            "create temp table copies on commit drop as"
            " select account_id as account, number, lpad(to_hex(account_id), 12, '0') as hex"
            " from account where account_id = any(%s)",
            [seeded.numbers[1:]],
        )
        copy_rows(conn, "subscription", plan_holder)
        mine = conn.execute(
            "select id from subscription where account_id = any(%s) order by account_id", [seeded.numbers]
        ).fetchall()
        some = conn.execute(
            "select account_id, number from account where account_id = any(%s) order by account_id",
            [seeded.numbers[:USERS]],
        ).fetchall()
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("vacuum analyze")
        conn.execute("checkpoint")
    signed = asyncio.run(_sign_in(url, tenant, [account for account, _ in some]))
    return Files(
        _write(folder / "subscriptions", [typeid("sub", id) for (id,) in mine]),
        seeded.write(folder / "homes", USERS),
        _write(folder / "practices", [str(number) for _, number in some]),
        _write(folder / "tokens", signed),
        _write(folder / "workspaces", [str(parse_typeid("acct", one)) for one in seeded.typeids]),
    )


async def _open(url: str, tenant: int, account: int) -> int:
    """A plan whose usage debits credits, and the first account's subscription to it, of which others are copies."""
    db = Database(url)
    await db.open()
    try:
        async with db.tx() as tx:
            await metering.ensure_meter(tx, tenant, METRIC, by=BY)
            await catalog.put_rate_card(tx, tenant, rates=[Rate(OPERATION, "credits", COST)], by=BY)
            plan = await catalog.create_plan(tx, tenant, name="Debiting", terms=TERMS, by=BY)
        async with db.tx() as tx:
            await subscriptions.subscribe(tx, tenant, account, plan=plan.id, rates=rates_in_force, by=BY)
    finally:
        await db.close()
    return account


async def _sign_in(url: str, tenant: int, accounts: list[int]) -> list[str]:
    db = Database(url)
    await db.open()
    found = []
    try:
        async with db.tx() as tx:
            secrets = await load_secrets(tx)
            for account in accounts:
                user = await identity.create_user(
                    tx, tenant, email=f"user{account}@bench.example", password_hash=None, by=BY
                )
                await memberships.add(tx, tenant, account=account, user=user.id, role=Role.OWNER, by=BY)
                now = datetime.now(UTC)
                made = await tokens.issue_tokens(tx, secrets, tenant=tenant, user=user.id, now=now)
                found.append(made.access)
    finally:
        await db.close()
    return found


def _write(path: Path, lines: list[str]) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


def measure(system: server.Server, seeded: seed.Seeded, wrk: Wrk, put: Put) -> None:
    """Ratios of what the contracts do in a second to what the native one does on the same wallets."""
    files = furnish(system.database_url, system.tenant, seeded, system.folder)
    spread = seeded.write(system.folder / "spread")
    hot = seeded.write(system.folder / "hot", 1)
    hot_subscription = _write(
        system.folder / "hot-subscription", files.subscriptions.read_text().splitlines()[:1]
    )

    def at(path: Path) -> Target:
        return Target(system.url, path, system.key)

    def debits(suffix: str, wallets: Path, subscriptions: Path) -> None:
        rates = _in_turns(
            system,
            wrk,
            put,
            suffix,
            native_debit=("debit.lua", at(wallets)),
            credibill_usage=("usage.lua", at(subscriptions)),
        )
        put(f"credibill_usage_per_s{suffix}", rates["credibill_usage"])
        put(f"credibill_usage_over_native_debit{suffix}", rates["credibill_usage"] / rates["native_debit"])

    debits("", spread, files.subscriptions)
    debits("_hot", hot, hot_subscription)
    halves = _halves(system.folder, seeded.typeids, files.workspaces.read_text().splitlines())
    consumes(system, wrk, put, "", *halves)
    consumes(
        system, wrk, put, "_hot", hot, _write(system.folder / "last", [halves[1].read_text().split()[-1]])
    )
    balances = _in_turns(
        system, wrk, put, "",
        native_balance=("balance.lua", at(files.homes)),
        igny8=("igny8_balance.lua", at(files.tokens)),
        practice=("practice_balance.lua", at(files.practices)),
        account=("account_balance.lua", at(files.tokens)),
    )  # fmt: skip
    for name in ("igny8", "practice", "account"):
        put(f"{name}_balance_per_s", balances[name])
        put(f"{name}_balance_over_native_balance", balances[name] / balances["native_balance"])


def _halves(folder: Path, accounts: list[str], workspaces: list[str]) -> tuple[Path, Path]:
    middle = len(accounts) // 2
    return _write(folder / "half", accounts[:middle]), _write(folder / "other-half", workspaces[middle:])


def consumes(system: server.Server, wrk: Wrk, put: Put, suffix: str, wallets: Path, workspaces: Path) -> None:
    """A consume debits what a native debit does, and says besides what the plan gave and how much of it was used.

    Each has wallets of its own, as products have that keep to one contract: what the other one posts would have to be
    read.
    """

    def at(path: Path) -> Target:
        return Target(system.url, path, system.key)

    for _ in range(WARMING):  # what was used in a period is read once for each wallet
        wrk("appvector_consume.lua", at(workspaces))
    rates = _in_turns(
        system,
        wrk,
        put,
        suffix,
        native_debit_beside=("debit.lua", at(wallets)),
        appvector_consume=("appvector_consume.lua", at(workspaces)),
    )
    put(f"appvector_consume_per_s{suffix}", rates["appvector_consume"])
    put(
        f"appvector_consume_over_native_debit{suffix}",
        rates["appvector_consume"] / rates["native_debit_beside"],
    )


def _in_turns(
    system: server.Server, wrk: Wrk, put: Put, suffix: str, **runs: tuple[str, Target]
) -> dict[str, float]:
    """Requests a second of each, the mean of its turns; what one costs the processors is put besides."""
    rates = dict.fromkeys(runs, 0.0)
    for script, target in runs.values():
        wrk(script, target)  # plans, caches, connections
    spent = {name: [0.0, 0.0, 0.0] for name in runs}
    for _ in range(TURNS):
        for name, (script, target) in runs.items():
            before, start = meter.usage(system.pid, system.postmaster), time.monotonic()
            run = wrk(script, target)
            after, seconds = meter.usage(system.pid, system.postmaster), time.monotonic() - start
            rates[name] += run.requests_per_s / TURNS
            spent[name][0] += run.requests_per_s * seconds
            spent[name][1] += after.server - before.server
            spent[name][2] += after.database - before.database
    for name, (requests, in_server, in_database) in spent.items():
        put(f"cpu_us_{name}{suffix}_server", in_server / requests * 1e6)
        put(f"cpu_us_{name}{suffix}_database", in_database / requests * 1e6)
    return rates


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.contracts", description=__doc__)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--wallets", type=int, default=10_000)
    arguments = parser.parse_args()
    load.need_wrk()
    with server.tallystick() as system:
        seeded = seed.seed(system.database_url, system.tenant, arguments.wallets)
        measure(
            system,
            seeded,
            lambda script, target: _run(script, target, arguments.seconds),
            lambda name, value: print(f"{name:42} {value:12,.2f}", flush=True),
        )
    return 0


def _run(script: str, target: Target, seconds: int) -> Run:
    run = load.wrk(script, target, seconds=seconds)
    if run.errors:
        print(f"  {run.errors} requests of {script} failed", flush=True)
    return run


if __name__ == "__main__":
    raise SystemExit(main())
