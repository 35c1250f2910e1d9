"""The supervisor's process: `python -m tallystick.db.embedded.supervisor DATA PROGRAMS LOCK_FD`.

Started by a Lease, never by hand; the state machine is in the package's docstring. It is small and has one
thread, since the parent-death signal of PostgreSQL hangs on the thread that forked it.
"""

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

from tallystick.db.embedded import cluster
from tallystick.db.embedded.folder import DataFolder, EmbeddedError, State, Status, open_private, try_lock
from tallystick.db.embedded.privileges import NAMES, Identity, choose, demote, with_access

# between two looks at users.lock; flock and a signal can be waited for together only with a second thread
TICK = 0.2
START_TICK = 0.02
FAST_SHUTDOWN = 20.0
IMMEDIATE_SHUTDOWN = 10.0
ORPHANS_PATIENCE = 5.0
STEADY = 10.0  # seconds up after which a crash is not taken for a loop of crashes
LOG_LIMIT = 10_000_000

# worth another try: an orphaned backend still has the memory, or somebody was faster with the port
TRANSIENT = ("shared memory block", "still in use", "Address already in use", "could not create any TCP/IP")


class Supervisor:
    """One data folder's PostgreSQL. The caller holds the supervisor's lock."""

    def __init__(self, folder: DataFolder, programs: Path) -> None:
        self.folder = folder
        self.programs = programs
        self.identity: Identity | None = None
        self.host, self.port = "", 0
        self.child: subprocess.Popen[bytes] | None = None
        self.users: int | None = None  # users.lock, exclusively: there are no users and none can come
        self.wakeup = _wake_on_signals()

    def run(self) -> None:
        """Serve until the last user is gone. Raises EmbeddedError when PostgreSQL does not start."""
        if self.deserted():
            return
        self.publish("starting")
        self.prepare()
        crashes = 0
        while self.start():
            began = time.monotonic()
            self.publish("ready")
            say(f"PostgreSQL is ready ({self.host}, port {self.port}, pid {self.postgres.pid})")
            if self.served():
                break
            crashes = 0 if time.monotonic() - began > STEADY else crashes + 1
            say(f"PostgreSQL died unexpectedly (exit status {self.postgres.returncode}); starting it again")
            self.publish("restarting")
            self.back_off(min(0.1 * 2**crashes, 5.0) if crashes else 0)
        say("the last user is gone")
        self.publish("stopping")
        self.stop()
        self.folder.status.unlink(missing_ok=True)

    def prepare(self) -> None:
        """Wait for what an earlier supervisor left, choose the user, make the cluster if there is none."""
        self.identity = choose(self.folder.cluster)
        if self.identity:
            self.identity = with_access(self.identity, self.folder.path, self.programs)
            kept = NAMES.get(self.identity.capability or 0)
            say(f"PostgreSQL runs as {self.identity.name}{f' with {kept}' if kept else ''}")
        lock = self.claim_cluster()
        if self.folder.major() is None:
            cluster.initialise(self.folder, self.programs, self.identity, lock)
        cluster.own(self.folder.cluster, self.identity)
        if self.folder.cluster.stat().st_mode & 0o027:
            self.folder.cluster.chmod(0o700)  # as PostgreSQL demands; a copy may have lost it
        os.close(lock)

    def start(self) -> bool:
        """Start PostgreSQL and wait until it is ready, recovery included; False when the users left."""
        for attempt in range(8):
            if self.deserted():
                return False
            lock = self.claim_cluster()
            cluster.disarm_stale_pidfile(self.folder.cluster)
            self.host, self.port = cluster.address(self.folder, self.identity)
            rotate(self.folder.log)
            offset = self.folder.log.stat().st_size
            self.child = subprocess.Popen(  # noqa: S603 - PostgreSQL or our own program
                cluster.command(self.programs, self.folder, self.host, self.port),
                stdin=subprocess.DEVNULL,
                env=cluster.environment(self.programs),
                preexec_fn=demote(self.identity, signal.SIGINT),
                pass_fds=[lock],
            )
            os.close(lock)
            while self.child.poll() is None:
                said = cluster.postmaster(self.folder.cluster)
                if said and said[0] == self.child.pid and said[2] == "ready":
                    return True
                if self.deserted():
                    return False
                self.pause(START_TICK)
            cause = self.folder.log_since(offset)
            if not any(words in cause for words in TRANSIENT):
                break
            self.back_off(min(0.1 * 2**attempt, 2.0))
        raise EmbeddedError(
            f"PostgreSQL does not start in {self.folder.cluster}: {cause}; see {self.folder.log}"
        )

    def served(self) -> bool:
        """Wait: True when the last user is gone, False when PostgreSQL is."""
        looked = time.monotonic()
        while not self.deserted():
            if self.postgres.poll() is not None:
                return False
            if time.monotonic() - looked > 60:
                rotate(self.folder.log)
                looked = time.monotonic()
            self.pause(TICK)
        return True

    def stop(self) -> None:
        """Fast shutdown; after 20 s immediate, which the next start recovers from."""
        if self.child is None or self.child.poll() is not None:
            return
        for number, patience in (
            (signal.SIGINT, FAST_SHUTDOWN),
            (signal.SIGQUIT, IMMEDIATE_SHUTDOWN),
            (signal.SIGKILL, None),
        ):
            if self.child.poll() is None:
                self.child.send_signal(number)
            try:
                self.child.wait(patience)
            except subprocess.TimeoutExpired:
                say(f"PostgreSQL has not stopped {patience:.0f} s after {signal.Signals(number).name}")
                continue
            break
        os.close(self.claim_cluster())
        say("PostgreSQL has stopped")

    def claim_cluster(self) -> int:
        """The cluster's lock, which means that no process of PostgreSQL is left at work in it.

        Until then, waits: such are a dead supervisor's, already told to stop, or a dead postmaster's, which
        end by themselves; both are urged if they take long. Raises EmbeddedError when one stays.
        """
        began = urged = time.monotonic()
        while (lock := try_lock(self.folder.lock("cluster"))) is None:
            waited = time.monotonic() - began
            said = cluster.postmaster(self.folder.cluster)
            if waited > FAST_SHUTDOWN + IMMEDIATE_SHUTDOWN:
                raise EmbeddedError(
                    f"a PostgreSQL{f' (pid {said[0]})' if said else ''} of an earlier run still works in"
                    f" {self.folder.cluster}; stop it first"
                )
            if time.monotonic() - urged > 1:
                urged = time.monotonic()
                if not (said and cluster.serves(said[0], str(self.folder.cluster))):
                    number = signal.SIGQUIT if waited < ORPHANS_PATIENCE else signal.SIGKILL
                    cluster.end_orphans(self.folder.cluster, self.identity, number)
                elif waited > FAST_SHUTDOWN:
                    os.kill(said[0], signal.SIGQUIT)
            self.pause(START_TICK)
        return lock

    def deserted(self) -> bool:
        """Whether there are no users; once true, none can come until this process ends."""
        if self.users is None:
            self.users = try_lock(self.folder.lock("users"))
        return self.users is not None

    def publish(self, state: State, error: str = "") -> None:
        self.folder.write_status(Status(state, os.getpid(), self.host, self.port, error))

    @property
    def postgres(self) -> subprocess.Popen[bytes]:
        assert self.child is not None, "started"
        return self.child

    def back_off(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self.deserted() and (left := until - time.monotonic()) > 0:
            self.pause(min(left, TICK))

    def pause(self, seconds: float) -> None:
        """Sleep, but not past a signal: PostgreSQL's death is seen at once."""
        if select.select([self.wakeup], [], [], seconds)[0]:
            os.read(self.wakeup, 512)


def _wake_on_signals() -> int:
    readable, writable = os.pipe()
    os.set_blocking(writable, False)
    signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
    # SIGTERM and its like do not stop it: it serves as long as there are users, and when a whole service is
    # told to stop, its server still needs the database to finish. Handlers, since SIG_IGN would be inherited
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    return readable


def rotate(log: Path) -> None:
    """Keep one log of at most LOG_LIMIT and the one before; copied, as PostgreSQL has the file open.

    On a full disk there is no copy, and the log goes all the same: that makes room.
    """
    if log.stat().st_size > LOG_LIMIT:
        with log.open("r+b") as file:
            with contextlib.suppress(OSError):
                before_fd = open_private(log.with_name(log.name + ".1"), os.O_WRONLY | os.O_TRUNC)
                with os.fdopen(before_fd, "wb") as before:
                    file.seek(-LOG_LIMIT, os.SEEK_END)
                    before.write(file.read())
            file.truncate(0)


def say(text: str) -> None:
    now = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
    with contextlib.suppress(OSError):  # the log is on the disk that may be full
        print(f"{now} [{os.getpid()}] supervisor: {text}", file=sys.stderr, flush=True)  # noqa: T201 - standard error is its log


def main(data: str, programs: str, lock: str) -> None:
    os.set_inheritable(int(lock), False)  # held until we end, by us alone
    if os.fork():
        os._exit(0)  # whoever started us waits for this one only; we belong to init
    os.umask(0o077)
    supervisor = Supervisor(DataFolder(Path(data)), Path(programs))
    try:
        supervisor.run()
    except (EmbeddedError, OSError, subprocess.SubprocessError) as error:
        say(f"gives up: {error}")
        supervisor.stop()
        with contextlib.suppress(OSError):  # on a full disk; the log may have it
            supervisor.publish("failed", str(error))


if __name__ == "__main__":
    main(*sys.argv[1:])
