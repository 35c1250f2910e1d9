"""Believable data for the test mode, made through the domain's own actions, under keys of its own: run it twice
and it is there once."""

import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from . import wiring
from .commands import BY, tenant_of
from .config import Settings
from .domain.catalog import actions as catalog
from .domain.catalog.model import Rate
from .domain.identity import actions, keys, passwords, sign_in, views
from .domain.ledger import commands as command
from .domain.ledger.actions import Result
from .domain.ledger.commands import Labels, order
from .domain.ledger.model import Answer
from .kernel.actor import Mode, Role, Scope
from .kernel.credits import MICRO
from .kernel.errors import NotFound
from .kernel.ids import typeid

CUSTOMERS: Final = 40
EMAIL: Final = "demo@tallystick.local"
_NAMES: Final = [
    "Acme",
    "Globex",
    "Initech",
    "Umbrella",
    "Hooli",
    "Stark",
    "Wayne",
    "Tyrell",
    "Wonka",
    "Soylent",
]
_RATES: Final = {"clustering": 10, "sms": 2, "voice": 5, "embedding": 1}


async def fill(url: str) -> dict[str, Any]:
    """Fill the first app's test mode; give the way in to one account that has some of everything."""
    async with wiring.system(Settings(), url) as system:
        tenant = (await tenant_of(system.db, Mode.TEST)).id
        async with system.db.tx() as tx:
            rates = [Rate(name, "credits", cost * MICRO) for name, cost in _RATES.items()]
            await catalog.put_rate_card(tx, tenant, rates=rates, by=BY)
        accounts = [await _customer(system, tenant, n) for n in range(CUSTOMERS)]
        for n, account in enumerate(accounts):
            await _life(system, tenant, n, account, accounts[(n + 1) % CUSTOMERS])
        return await _way_in(system, tenant, accounts[0])


async def _customer(system: wiring.System, tenant: int, n: int) -> int:
    name = f"{_NAMES[n % len(_NAMES)]} {n // len(_NAMES) + 1}"
    async with system.db.tx() as tx:
        try:
            return await views.resolve(tx, tenant, f"ext:demo-{n + 1}")
        except NotFound:
            made = await actions.create_account(
                tx, tenant, external_id=f"demo-{n + 1}", name=name, email=f"billing@demo-{n + 1}.example",
                metadata={"demo": True},
            )  # fmt: skip
            return made.account_id


async def _life(system: wiring.System, tenant: int, n: int, account: int, other: int) -> None:
    """Grants, usage, holds in every state, a reversal, a transfer, an adjustment, an overdraft."""
    dice = random.Random(n)  # noqa: S311 - the same story every time
    asked: list[command.AnyCommand] = [
        command.Grant(
            account=account, credit_type="credits", amount=dice.randint(200, 900) * MICRO, source="plan",
            priority=10, expires_at=_month_end(system), labels=Labels(description="Monthly allowance"),
        ),
        command.Grant(
            account=account, credit_type="credits", amount=500 * MICRO, source="purchase", paid_minor=900,
            currency="USD", labels=Labels(reference="starter-pack", description="Starter Pack"),
        ),
        command.SetOverdraft(account=account, credit_type="credits", overdraft=50 * MICRO),
    ]  # fmt: skip
    for at in range(dice.randint(5, 15)):
        operation = dice.choice(list(_RATES))
        asked.append(
            command.Debit(
                account=account, credit_type=None, operation=operation, quantity=dice.randint(1, 8) * MICRO,
                labels=Labels(reference=f"job-{n}-{at}"),
            )
        )  # fmt: skip
    asked += [
        command.Hold(account=account, credit_type="credits", amount=amount * MICRO, expires_in=86_400)
        for amount in (40, 25, 10)
    ]
    asked.append(
        command.Adjust(
            account=account, credit_type="credits", direction="credit", amount=5 * MICRO, reason="Goodwill"
        )
    )
    asked.append(command.Transfer(account=account, to=other, credit_type="credits", amount=3 * MICRO))
    answers = await _submit(system, tenant, f"demo:{n}", asked)
    holds = [
        answer.facts["hold"] for answer in answers if isinstance(answer, Answer) and answer.kind == "hold"
    ]
    debits = [answer.entry for answer in answers if isinstance(answer, Answer) and answer.kind == "debit"]
    later: list[command.AnyCommand] = []
    if len(holds) == 3:
        later += [
            command.Capture(account=account, hold=holds[0], amount=18 * MICRO, final=True),
            command.Report(account=account, hold=holds[1], amount=7 * MICRO),
            command.Release(account=account, hold=holds[2]),
        ]
    if debits and debits[0] is not None:
        later.append(command.Reverse(account=account, entry=debits[0].seq, reason="The job failed"))
    await _submit(system, tenant, f"demo:{n}:later", later)


def _month_end(system: wiring.System) -> Any:
    """The first of the next month: the same for every run of a month, so that keys answer as they did."""
    now = system.clock.now()
    return (now.replace(day=28) + timedelta(days=4)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


async def _submit(
    system: wiring.System, tenant: int, key: str, asked: Sequence[command.AnyCommand]
) -> list[Result]:
    orders = [order(one, tenant=tenant, actor=BY, key=f"{key}:{at}") for at, one in enumerate(asked)]
    return await system.lanes.submit_batch(orders)


async def _way_in(system: wiring.System, tenant: int, account: int) -> dict[str, Any]:
    password = passwords.new_password()
    hashed = await passwords.hash_password(password)
    async with system.db.tx() as tx:
        try:
            user = await views.user_by_email(tx, tenant, EMAIL)
            await actions.set_password(tx, tenant, user.id, hashed, by=BY)
        except NotFound:
            user = await actions.create_user(
                tx, tenant, email=EMAIL, password_hash=hashed, first_name="Demo", last_name="Owner", by=BY
            )
            await actions.add_membership(tx, tenant, account=account, user=user.id, role=Role.OWNER, by=BY)
        key = await keys.create_api_key(
            tx, system.secrets, tenant, name="Demo", scope=Scope.ADMIN, created_by=BY
        )
        row = await views.account(tx, tenant, account)
        app = (await views.tenant(tx, tenant)).app_id
    signed = await sign_in.sign_in(
        system.db, system.secrets, system.clock, app=app, mode=Mode.TEST, email=EMAIL, password=password
    )
    return {
        "test_key": key.text,
        "access_token": signed.tokens.access,
        "refresh_token": signed.tokens.refresh,
        "email": EMAIL,
        "password": password,
        "account_id": typeid("acct", row.uuid),
        "account_number": row.number,
        "account_uuid": str(row.uuid),
    }
