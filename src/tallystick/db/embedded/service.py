"""The database as a user sees it: brought up through a supervisor, and seen to have stopped."""

import fcntl
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tallystick.db.embedded import binaries as programs_of
from tallystick.db.embedded.folder import ROLE, DataFolder, EmbeddedError, open_private, try_lock

POLL = 0.02
SPAWNS = 3  # supervisors started in vain before we give up


def serve(
    folder: DataFolder,
    binaries: Path | None,
    log: Callable[[str], None],
    released: threading.Event,
    timeout: float,
) -> str:
    """The URL of a database that has just accepted a connection. The caller holds users.lock shared."""
    began = time.monotonic()
    told = False
    observed = False  # a supervisor at work since we came: its last word is meant for us too
    spawns = 0
    reason = "it has not started"
    while not released.is_set():
        lock = try_lock(folder.lock("supervisor"))
        if lock is not None:
            try:
                status = folder.read_status()
                if observed and status and status.state == "failed":
                    raise EmbeddedError(status.error)
                if spawns == SPAWNS:
                    raise EmbeddedError(f"the supervisor of the database ends at once; {folder.trouble()}")
                spawns += 1
                _spawn(folder, programs_of.find(folder.major(), binaries), lock)
            finally:
                os.close(lock)
        observed = True
        status = folder.read_status()
        if status and status.state == "failed":
            raise EmbeddedError(status.error)
        if status and status.state == "ready":
            url = folder.url(status)
            if (trouble := _connect(folder, url)) is None:
                return url
            reason = trouble
        waited = time.monotonic() - began
        if waited > timeout:
            raise EmbeddedError(
                f"the database in {folder.path} has not accepted connections in {timeout:.0f} s ({reason});"
                f" {folder.trouble()}; try again if it is recovering"
            )
        if waited > 3 and not told:
            told = True
            log(f"the database is still starting; after a crash it recovers first (up to {timeout:.0f} s)")
        time.sleep(POLL)
    raise EmbeddedError("the lease has been released")


def _spawn(folder: DataFolder, programs: Path, lock: int) -> None:
    """Start a supervisor and hand it `lock`; it outlives us and has no descriptor of ours but this one."""
    folder.status.unlink(missing_ok=True)
    root = str(Path(__file__).resolve().parents[3])
    log = open_private(folder.log, os.O_WRONLY | os.O_APPEND)
    try:
        # -S: it needs the standard library and this package, and starts faster
        subprocess.run(  # noqa: S603 - PostgreSQL or our own program
            [sys.executable, "-S", "-m", f"{__package__}.supervisor", folder.path, programs, str(lock)],
            env={**os.environ, "PYTHONPATH": root, "PYTHONUTF8": "1"},
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=[lock],
            check=False,  # if it fails, its lock is free again, and the caller counts
        )
    finally:
        os.close(log)


def _connect(folder: DataFolder, url: str) -> str | None:
    """Connect once, and make the database if it is missing; None, or why not.

    Raises EmbeddedError when the password is wrong, which no waiting mends.
    """
    import psycopg  # slow to import, and the supervisor does without

    try:
        with psycopg.connect(url, connect_timeout=5):
            return None
    except psycopg.OperationalError as error:
        if "password authentication failed" in str(error):
            raise EmbeddedError(
                f"the password in {folder.password} is not the database's; restore the one it was made with"
            ) from None
        if f'database "{ROLE}" does not exist' not in str(error):
            return str(error).strip()
    maintenance = psycopg.conninfo.make_conninfo(url, dbname="postgres")
    try:
        with psycopg.connect(maintenance, autocommit=True, connect_timeout=5) as connection:
            connection.execute(f"CREATE DATABASE {ROLE} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'")
    except psycopg.Error as error:  # another user may be making it: look again
        return str(error).strip()
    return "it has just been created"


def supervised(folder: DataFolder) -> bool:
    fd = try_lock(folder.lock("supervisor"))
    if fd is not None:
        os.close(fd)
    return fd is None


def await_stop(folder: DataFolder, timeout: float) -> bool:
    """Whether the database has stopped, or has other users, within `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if _others(folder):
            return True
        if not supervised(folder):
            # a supervisor that was killed leaves its PostgreSQL to stop by itself
            cluster = try_lock(folder.lock("cluster"))
            if cluster is not None:
                os.close(cluster)
                return True
        time.sleep(POLL)
    return False


def _others(folder: DataFolder) -> bool:
    """Whether the database has users."""
    # one at a time: two that leave together must not take each other's trial for a user
    turn = open_private(folder.lock("leaving"), os.O_RDWR)
    try:
        fcntl.flock(turn, fcntl.LOCK_EX)
        for shared in (False, True):
            if (fd := try_lock(folder.lock("users"), shared=shared)) is not None:
                os.close(fd)
                return shared  # shared only: others share it
        return False  # the supervisor has it, and is stopping
    finally:
        os.close(turn)
