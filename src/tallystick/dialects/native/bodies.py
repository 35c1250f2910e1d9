"""The bodies of the ledger's commands as msgspec reads them: quick, and telling only the first fault.

What is wrong in all is told by the same body's model in forms.py, which also documents it. A command's struct here
and its form there have the same fields.
"""

from typing import Any, Literal

import msgspec

from tallystick.domain.ledger.commands import OnExpiry, Overage, Source

Number = int | str
"""Credits as they are written: a JSON integer, or a decimal string."""


class Body(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Base of all: a field that is not known is refused, and null is as good as absent where that may be."""


class Labelled(Body, kw_only=True):
    reference: str | None = None
    description: str | None = None
    metadata: dict[str, Any] | None = None


class Paid(Body, kw_only=True):
    amount: Number
    currency: str


class Grant(Labelled, kw_only=True):
    account: str
    amount: Number
    credit_type: str | None = None
    source: Source | None = None
    priority: int | None = None
    expires_at: str | None = None
    paid: Paid | None = None


class Debit(Labelled, kw_only=True):
    account: str
    amount: Number | None = None
    credit_type: str | None = None
    operation: str | None = None
    quantity: Number | None = None


class Hold(Labelled, kw_only=True):
    account: str
    amount: Number
    expires_in: int
    credit_type: str | None = None
    on_expiry: OnExpiry | None = None


class Extend(Body, kw_only=True):
    amount: Number | None = None
    expires_in: int | None = None


class Capture(Body, kw_only=True):
    amount: Number
    final: bool | None = None
    overage: Overage | None = None


class Report(Body, kw_only=True):
    amount: Number


class Release(Body, kw_only=True):
    pass


class Reverse(Body, kw_only=True):
    reason: str
    amount: Number | None = None


class Refund(Body, kw_only=True):
    amount: Number
    reason: str


class Transfer(Labelled, kw_only=True, rename={"from_": "from"}):
    from_: str
    to: str
    amount: Number
    credit_type: str | None = None


class Adjust(Body, kw_only=True):
    account: str
    direction: Literal["credit", "debit"]
    amount: Number
    reason: str
    credit_type: str | None = None


class SetOverdraft(Body, kw_only=True):
    overdraft: Number
    credit_type: str | None = None
