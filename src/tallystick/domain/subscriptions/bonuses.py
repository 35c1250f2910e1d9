"""Credits that somebody gives away, by hand."""

from tallystick.db.pool import Database
from tallystick.domain.catalog.views import rates_in_force
from tallystick.domain.identity import actions as identity
from tallystick.domain.ledger import actions as ledger
from tallystick.domain.ledger.commands import Grant, Labels, order
from tallystick.domain.ledger.model import Answer, Entry
from tallystick.kernel.credits import format_credits
from tallystick.kernel.errors import Fact


async def give_bonus(
    db: Database, tenant: int, account: int, credit_type: str, amount: int, *, reason: str, by: str,
    op_key: str | None = None,
) -> tuple[Entry, bool]:  # fmt: skip
    """Give ``amount`` microcredits that never expire; the audit log says who did and why, in the same commit.

    Gives the grant's entry, and whether the client's key had made it before. Locks the account's head. Raises NotFound,
    Invalid for a reason that is no plain text, Conflict, KeyReused.
    """
    labels = Labels(description=reason)
    asked = Grant(account=account, credit_type=credit_type, amount=amount, source="bonus", labels=labels)
    async with db.tx() as tx:
        heads = await ledger.lock(tx, [account])
        [result] = await ledger.apply(
            tx, heads, [order(asked, tenant=tenant, actor=by, key=op_key)], rates_in_force
        )
        if isinstance(result, Answer) and not result.replayed:
            await identity.audit(
                tx, tenant, actor=by, action="bonus", target=f"acct:{result.account}", reason=reason,
                details={"credit_type": credit_type, "amount": format_credits(amount)},
            )  # fmt: skip
    if isinstance(result, Fact):
        raise result  # after the commit: a decline is kept under its key
    assert result.entry is not None
    return result.entry, result.replayed
