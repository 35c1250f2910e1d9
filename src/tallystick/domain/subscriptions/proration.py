"""Shares of a period, by the second, so that the parts of any division sum to the whole. Pure."""

from datetime import datetime

from tallystick.kernel.calendar import seconds
from tallystick.kernel.credits import share

from .periods import Frame


def part(amount: int, frame: Frame, start: datetime, end: datetime) -> int:
    """What of ``amount`` (minor units for the whole frame) falls into [start, end).

    It is the running share up to the end less that up to the start, so whatever the cuts, the parts sum to the
    amount. What lies outside the frame counts nothing.
    """
    return _up_to(amount, frame, end) - _up_to(amount, frame, start)


def _up_to(amount: int, frame: Frame, moment: datetime) -> int:
    whole = seconds(frame.start, frame.end)
    passed = min(max(seconds(frame.start, moment), 0), whole)
    return share(amount, passed, whole)
