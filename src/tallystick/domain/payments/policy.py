"""What a tenant does with money: stated once, so that every case is decided by rule. Pure."""

from typing import Literal

import msgspec


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant's policy. Days are days of the tenant's time.

    ``duplicates``: money for an invoice that needs it no more goes back (``refund``) or becomes customer credit.
    ``refunds``: what a refund of a purchase takes back of its credits: what is ``unspent`` of them; of the whole
    ``wallet``, theirs first; or nothing (``keep``).
    ``disputes``: while a dispute is open the account is blocked (``freeze``), its purchase's unspent credits are
    taken (``claw_back``), or nothing happens (``none``). What was done is undone when it is won; lost, the unspent
    credits are taken unless the policy is ``none``.
    ``retry_days``: when an invoice of a subscription is charged, in days after it was issued. ``reminder_days``: when
    the customer of such an invoice, or of one that was written by hand, is reminded, in days after it is due (a
    negative one before).
    """

    duplicates: Literal["refund", "credit"] = "refund"
    refunds: Literal["unspent", "wallet", "keep"] = "unspent"
    disputes: Literal["freeze", "claw_back", "none"] = "claw_back"
    retry_days: tuple[int, ...] = (0, 1, 3, 5, 7)
    reminder_days: tuple[int, ...] = (-3, 0, 1, 7)
