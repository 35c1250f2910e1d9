"""Kills the process it is loaded into with SIGKILL, before or after one of its writing commits.

Python loads this module by its name when this folder is on the path. It knows nothing of Tallystick: it counts, below
the driver's own transactions, the commits that changed rows, from when the file ``armed`` is there. Each is noted in
``log``; the one that ``point`` names (``worker 3 after``) is the last thing that the process does.
"""

import os
import signal
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

_FOLDER = os.environ.get("DYING_FOLDER", "")


def _install(folder: Path, role: str) -> None:
    import psycopg
    from psycopg import transaction

    armed, hit = folder / "armed", folder / "hit"
    wrote: set[int] = set()
    count = since = 0
    execute, commit = psycopg.AsyncCursor.execute, transaction.BaseTransaction._commit_gen

    async def watched(self: Any, *args: Any, **options: Any) -> Any:
        done = await execute(self, *args, **options)
        if self.rowcount > 0 and (self.statusmessage or "").startswith(("INSERT", "UPDATE", "DELETE")):
            wrote.add(id(self.connection))
        return done

    def die_at(point: str) -> None:
        wanted = armed.read_text() if armed.exists() and not hit.exists() else ""
        if wanted == point:
            hit.write_text(point)
            os.kill(os.getpid(), signal.SIGKILL)

    def counted(self: Any) -> Generator[Any, Any, None]:
        nonlocal count, since
        writing = self._outer_transaction and id(self.connection) in wrote
        wrote.discard(id(self.connection))
        if not writing or not armed.exists():
            yield from commit(self)
            return
        if armed.stat().st_mtime_ns != since:
            since, count = armed.stat().st_mtime_ns, 0
        count += 1
        mine = count
        die_at(f"{role} {mine} before")
        yield from commit(self)
        with (folder / "log").open("a") as log:
            log.write(f"{role} {mine}\n")
        die_at(f"{role} {mine} after")

    psycopg.AsyncCursor.execute = watched  # type: ignore[method-assign]
    transaction.BaseTransaction._commit_gen = counted  # type: ignore[method-assign]


_ROLES = {"serve": "server", "worker": "worker"}
for _word in sys.orig_argv[1:] if _FOLDER else ():
    if _word in _ROLES:
        _install(Path(_FOLDER), _ROLES[_word])
        break
