"""Time-weighted values: each event sets a level that holds until the next one. Pure integers."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from tallystick.kernel.credits import share

from .windows import Span

Group = tuple[str | None, ...]
_US: Final = timedelta(microseconds=1)


def weigh(
    levels: Iterable[tuple[Group, int, datetime]], windows: Sequence[Span]
) -> dict[tuple[int, Group], int]:
    """The average level of each group in each window (by its place), weighted by time, rounded half to even.

    ``levels`` come in the order of their moments; a group's last one before the first window holds into it. Before
    its first one a group's level is 0. Windows follow each other without a gap.
    """
    if not windows:
        return {}
    starts = [start for start, _ in windows]
    held: dict[Group, tuple[int, datetime]] = {}
    areas: dict[tuple[int, Group], int] = {}

    def add(group: Group, level: int, since: datetime, until: datetime) -> None:
        since = max(since, starts[0])
        place = bisect_right(starts, since) - 1
        while since < until and place < len(windows):
            stop = min(until, windows[place][1])
            area = level * ((stop - since) // _US)
            areas[place, group] = areas.get((place, group), 0) + area
            since, place = stop, place + 1

    for group, level, at in levels:
        if group in held:
            add(group, *held[group], at)
        held[group] = level, at
    for group, (level, since) in held.items():
        add(group, level, since, windows[-1][1])
    return {
        (place, group): share(area, 1, (windows[place][1] - windows[place][0]) // _US)
        for (place, group), area in areas.items()
    }
