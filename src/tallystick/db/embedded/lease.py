"""Using the embedded database: `acquire` a Lease, `release` it."""

import logging
import os
import re
import sys
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from tallystick.db.embedded.folder import DataFolder, EmbeddedError, try_lock
from tallystick.db.embedded.service import POLL, await_stop, serve, supervised

PATIENCE = 120.0  # seconds until the database must accept connections: recovery after a crash may take long
WATCH = 0.5  # seconds between a Lease's looks at the supervisor's lock
WATCH_BACKOFF = 30.0

_log = logging.getLogger(__name__)


@dataclass(eq=False)
class Lease:
    """One user of the data folder's database, and a context manager: the database is up while it is held.

    `url` is a libpq URL of database "tallystick" as its owner, a superuser. It stays the same for the life of
    the lease, except where the database listens on loopback and has lost its port to another program; then
    it is replaced here. After a crash of PostgreSQL or of its supervisor, connections fail for as long as
    the restart takes; a thread of the lease sees to the supervisor.
    """

    url: str
    folder: DataFolder = field(repr=False)
    _binaries: Path | None = field(repr=False)
    _tell: Callable[[str], None] = field(repr=False)
    _users: int | None = field(repr=False)
    _exclusive: int | None = field(repr=False)
    _mutex: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _released: threading.Event = field(default_factory=threading.Event, repr=False)
    _watcher: threading.Thread | None = field(default=None, repr=False)

    def ensure(self, *, timeout: float = PATIENCE) -> None:
        """Return when the database accepts connections, with a new supervisor if the last has gone.

        Cheap when all is well (one connection). Raises EmbeddedError when it cannot be had within `timeout`
        seconds or the lease has been released.
        """
        with self._mutex:
            self.url = serve(self.folder, self._binaries, self._tell, self._released, timeout)

    def release(self, *, timeout: float = 30) -> None:
        """Stop using the database; may be called again.

        The last user waits until the database has stopped, or `timeout` seconds, which goes to the log: its
        supervisor goes on stopping it. Others return at once.
        """
        if self._users is None:
            return
        self._released.set()
        if self._watcher:
            self._watcher.join()
        with self._mutex:
            # the exclusive name first: a successor may start while we wait, and then finds the database up
            self._drop()
        if not await_stop(self.folder, timeout):
            self._tell(
                f"the database in {self.folder.path} has not stopped in {timeout:g} s; it goes on stopping"
            )

    def _drop(self) -> None:
        """Close the locks, without LOCK_UN: in a forked child that would unlock the parent's."""
        for fd in (self._exclusive, self._users):
            if fd is not None:
                os.close(fd)
        self._exclusive = self._users = None

    def _watch(self) -> None:
        delay = WATCH
        while not self._released.wait(delay):
            try:
                if not supervised(self.folder):
                    self._tell("the database's supervisor is gone; starting another")
                    self.ensure()
                delay = WATCH
            except (EmbeddedError, OSError) as error:
                if not self._released.is_set():
                    self._tell(f"the database is not available: {error}")
                delay = min(delay * 2, WATCH_BACKOFF)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def acquire(
    data: Path,
    *,
    exclusive_name: str | None = None,
    binaries: Path | None = None,
    log: Callable[[str], None] = _log.info,
) -> Lease:
    """Become a user of the database of the folder `data`: made if missing, started if down.

    Returns when it accepts connections, for which it waits up to 120 s and tells `log` what it waits for.
    With `exclusive_name` (such as "serve") at most one process holds that name in this data folder; without,
    any number attach. `binaries` names the folder of initdb, postgres and pg_ctl (otherwise
    TALLYSTICK_PG_BIN, PATH, /usr/lib/postgresql, the wheel; the cluster's version decides).

    Blocks: call it in a thread from async code. Locks: see the package's docstring. Raises EmbeddedError.
    """
    if sys.platform != "linux":
        raise EmbeddedError("the embedded PostgreSQL needs Linux; give the URL of a PostgreSQL of your own")
    folder = DataFolder(Path(data).expanduser().resolve())
    try:
        # PostgreSQL's user must pass through, when we are root; what is secret is in files of mode 0600
        folder.path.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
        _make_locks(folder)
        exclusive = _claim(folder, exclusive_name) if exclusive_name else None
        try:
            return _attach(folder, exclusive, binaries, log)
        except BaseException:
            if exclusive is not None:
                os.close(exclusive)
            raise
    except OSError as error:
        raise EmbeddedError(
            f"cannot use the data folder {folder.path}: {error.strerror or error}"
            f"{f' ({error.filename})' if error.filename else ''}; make it writable, free some space,"
            " or choose another --data"
        ) from error


def _attach(
    folder: DataFolder, exclusive: int | None, binaries: Path | None, log: Callable[[str], None]
) -> Lease:
    deadline = time.monotonic() + PATIENCE
    users = _join(folder, deadline, log)
    released = threading.Event()
    try:
        url = serve(folder, binaries, log, released, deadline - time.monotonic())
    except BaseException:
        os.close(users)
        raise
    lease = Lease(url, folder, binaries, log, users, exclusive, _released=released)
    _open_leases.add(lease)
    lease._watcher = threading.Thread(target=lease._watch, name="embedded-postgres-watch", daemon=True)
    lease._watcher.start()
    return lease


def _make_locks(folder: DataFolder) -> None:
    locks = folder.lock("users").parent
    if not locks.exists():
        locks.mkdir(mode=0o700, exist_ok=True)
        if os.geteuid() == 0 and (owner := folder.path.stat()).st_uid != 0:
            os.chown(locks, owner.st_uid, owner.st_gid)


def _claim(folder: DataFolder, name: str) -> int:
    if not re.fullmatch(r"[a-z][a-z0-9-]*", name) or name in ("users", "supervisor", "cluster", "leaving"):
        raise ValueError(f"{name!r} cannot be an exclusive name")
    path = folder.lock(name)
    fd = try_lock(path)
    if fd is None:
        pid = path.read_text().strip() or "unknown"
        raise EmbeddedError(
            f"another `tallystick {name}` (pid {pid}) is using {folder.path};"
            " stop it or choose another --data"
        )
    os.ftruncate(fd, 0)
    os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
    return fd


def _join(folder: DataFolder, deadline: float, log: Callable[[str], None]) -> int:
    """Hold users.lock shared. While a supervisor is stopping the database, this waits."""
    told = False
    while (fd := try_lock(folder.lock("users"), shared=True)) is None:
        if time.monotonic() > deadline:
            raise EmbeddedError(f"the database in {folder.path} does not finish stopping; see {folder.log}")
        if not told and deadline - time.monotonic() < PATIENCE - 1:
            told = True
            log("waiting for the database to finish stopping")
        time.sleep(POLL)
    return fd


_open_leases: weakref.WeakSet[Lease] = weakref.WeakSet()


def _forget_in_forked_child() -> None:
    """A child forked without exec shares the parent's locks, and would keep the database up after it."""
    for lease in list(_open_leases):
        if not lease._released.is_set():
            lease._released.set()
            lease._drop()


os.register_at_fork(after_in_child=_forget_in_forked_child)
