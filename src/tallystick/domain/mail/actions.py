"""Writing e-mail, in the caller's transaction; the worker sends it after the commit."""

from collections.abc import Mapping
from typing import Any

from tallystick.db.pool import Tx, run
from tallystick.kernel.ids import uuid7

from . import writing
from .views import q


async def queue(
    tx: Tx,
    tenant: int,
    kind: str,
    to: str,
    *,
    key: str,
    values: Mapping[str, Any],
    account: int | None = None,
    sender: str = "",
) -> bool:
    """Write a message from the template ``kind``; give whether it is new: one ``key`` is told once, ever.

    ``values`` are what the template says (texts, ready to read). ``sender`` is of `writing.sender`; empty: the
    mailer's own. Nothing is written without an address. In test mode the subject begins with ``TEST:``.
    """
    if not to:
        return False
    subject, body = writing.write(kind, values)
    row = {"tenant": tenant, "id": uuid7(), "key": key, "kind": kind, "account": account, "recipient": to}
    row |= {"sender": sender, "subject": subject, "body": body}
    return bool(await run(tx, q.insert_mail, row))
