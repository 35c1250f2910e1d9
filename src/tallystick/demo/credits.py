"""What the demo's customers do with credits: packages bought, debits, holds in every state, and what is undone."""

import asyncio
from collections.abc import Sequence
from typing import Final

from tallystick.domain.ledger import commands as command
from tallystick.domain.ledger.actions import Result
from tallystick.domain.ledger.commands import Labels, order
from tallystick.domain.ledger.model import Answer
from tallystick.domain.subscriptions import entitlements
from tallystick.kernel.credits import MICRO

from .people import Person
from .scene import BY, Scene
from .shop import RATES

SPENDERS: Final = 60
"""So many of the customers use credits."""


async def spend(scene: Scene, people: list[Person], month: int) -> None:
    """A month's use of credits, under keys of its own: told again it answers as it did."""
    spenders = [person for person in people[:SPENDERS] if person.joins <= month]
    await asyncio.gather(*(_spend(scene, person, month) for person in spenders))
    if month == 1:
        for person in people[:SPENDERS]:
            await _limit(scene, person)
            await _rest(scene, person, people[(person.n + 1) % len(people)])


async def _spend(scene: Scene, person: Person, month: int) -> None:
    dice = person.dice
    dice.seed(f"{person.n}-{month}-credits")
    asked: list[command.AnyCommand] = []
    if (person.n + month) % 6 == 0:
        asked.append(
            command.Grant(
                account=person.account, credit_type="credits", amount=500 * MICRO, source="purchase", paid_minor=900,
                currency="USD", labels=Labels(reference="pack-small", description="500 credits"),
            )
        )  # fmt: skip
    asked += [
        command.Debit(
            account=person.account, credit_type=None, operation=dice.choice(list(RATES)),
            quantity=dice.randint(1, 8) * MICRO, labels=Labels(reference=f"job-{month}-{number}"),
        )
        for number in range(dice.randint(2, 5))
    ]  # fmt: skip
    await _submit(scene, f"demo:{person.n}:{month}", asked)


async def _rest(scene: Scene, person: Person, other: Person) -> None:
    """Holds captured, reported on, released and left open; an overdraft, a correction, a transfer, a reversal."""
    of = person.account
    asked: list[command.AnyCommand] = [
        command.Grant(account=of, credit_type="credits", amount=200 * MICRO, source="bonus"),
        command.SetOverdraft(account=of, credit_type="credits", overdraft=50 * MICRO),
        command.Debit(
            account=of, credit_type="credits", amount=12 * MICRO, labels=Labels(reference="job-failed")
        ),
    ]
    asked += [
        command.Hold(account=of, credit_type="credits", amount=amount * MICRO, expires_in=86_400 * 365)
        for amount in (40, 25, 10)
    ]
    asked.append(
        command.Adjust(
            account=of, credit_type="credits", direction="credit", amount=5 * MICRO, reason="Goodwill"
        )
    )
    asked.append(command.Transfer(account=of, to=other.account, credit_type="credits", amount=3 * MICRO))
    asked += [
        command.Debit(
            account=of, credit_type=None, operation=operation, quantity=quantity * MICRO,
            labels=Labels(reference="bulk_campaign_123"),
        )
        for operation, quantity in (("sms", 25), ("voice", 4))
    ]  # fmt: skip
    answers = await _submit(scene, f"demo:{person.n}:rest", asked)
    holds = [one.facts["hold"] for one in answers if isinstance(one, Answer) and one.kind == "hold"]
    debits = [one.entry for one in answers if isinstance(one, Answer) and one.kind == "debit"]
    later: list[command.AnyCommand] = []
    if len(holds) == 3:
        later += [
            command.Capture(account=of, hold=holds[0], amount=18 * MICRO, final=True),
            command.Report(account=of, hold=holds[1], amount=7 * MICRO),
            command.Release(account=of, hold=holds[2]),
        ]
    if debits and debits[0] is not None:
        later.append(command.Reverse(account=of, entry=debits[0].seq, reason="The job failed"))
    await _submit(scene, f"demo:{person.n}:later", later)


async def _limit(scene: Scene, person: Person) -> None:
    """Some of the projects that the plan allows."""
    async with scene.db.tx() as tx:
        await entitlements.consume(
            tx,
            scene.tenant,
            person.account,
            "max_projects",
            2 * MICRO,
            by=BY,
            op_key=f"demo:{person.n}:projects",
        )


async def _submit(scene: Scene, key: str, asked: Sequence[command.AnyCommand]) -> list[Result]:
    orders = [order(one, tenant=scene.tenant, actor=BY, key=f"{key}:{at}") for at, one in enumerate(asked)]
    return await scene.system.lanes.submit_batch(orders)
