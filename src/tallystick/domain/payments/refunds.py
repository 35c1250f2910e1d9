"""Refunds: money that goes back to customers, and what follows from it.

request, refund_note, request_duplicate -> a row, with its consequences, in the caller's transaction (`refunding`)
perform, run_due -> the gateway (`sending`) -> take_refund, as for what a provider tells by itself (`refund_facts`)
retry, complete -> what people do about one that failed, or that is paid out by hand
"""

from .refund_facts import take_refund
from .refunding import complete, refund_note, request, request_duplicate, retry
from .sending import is_due, perform, run_due

__all__ = [
    "complete",
    "is_due",
    "perform",
    "refund_note",
    "request",
    "request_duplicate",
    "retry",
    "run_due",
    "take_refund",
]
