"""Processor time and memory of processes, from /proc."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_TICK: Final = os.sysconf("SC_CLK_TCK")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Usage:
    """Seconds of processor time of the server's processes and of the database's."""

    server: float
    database: float


def children(pid: int) -> list[int]:
    """The process and all that descend from it."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            fields = _stat(int(entry.name))
            if fields:
                parents.setdefault(int(fields[1]), []).append(int(entry.name))
    found, rest = [], [pid]
    while rest:
        one = rest.pop()
        found.append(one)
        rest += parents.get(one, [])
    return found


def usage(server: int, postmaster: int) -> Usage:
    return Usage(_seconds([server]), _seconds(children(postmaster)))


def _seconds(pids: list[int]) -> float:
    """User and system time, of children that have ended too."""
    total = 0
    for pid in pids:
        fields = _stat(pid)
        if fields:
            total += sum(int(ticks) for ticks in fields[11:15])
    return total / _TICK


def rss_mb(pid: int) -> float:
    """Resident memory in megabytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE / 1e6


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the state on, or none when the process has gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
