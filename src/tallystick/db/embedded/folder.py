"""What the embedded database keeps in a data folder: paths, locks and the supervisor's status."""

import fcntl
import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote

ROLE = "tallystick"  # also the name of the database

# sun_path holds 108 bytes with its final NUL (unix(7))
SOCKET_PATH_LIMIT = 107
SOCKET_PORT = 5432  # names the socket file only

State = Literal["starting", "ready", "restarting", "stopping", "failed"]


class EmbeddedError(Exception):
    """The embedded PostgreSQL cannot be had; the message says why and what to do."""


@dataclass(frozen=True)
class Status:
    """What the supervisor `pid` last said of the database; `host` and `port` are where it listens."""

    state: State
    pid: int
    host: str = ""
    port: int = 0
    error: str = ""


@dataclass(frozen=True)
class DataFolder:
    """The absolute data folder `path` and the names of everything in it that is the database's."""

    path: Path

    @property
    def cluster(self) -> Path:
        return self.path / "postgres"

    @property
    def run(self) -> Path:
        """The socket's folder."""
        return self.path / "run"

    @property
    def log(self) -> Path:
        """PostgreSQL's log and the supervisor's, in one file."""
        return self.path / "postgres.log"

    @property
    def password(self) -> Path:
        return self.path / "postgres.password"

    @property
    def status(self) -> Path:
        return self.path / "locks" / "supervisor.json"

    @property
    def port(self) -> Path:
        """The loopback port used last, where a socket's path would be too long."""
        return self.path / "locks" / "port"

    def lock(self, name: str) -> Path:
        return self.path / "locks" / f"{name}.lock"

    def socket_fits(self) -> bool:
        """Whether PostgreSQL can listen on a Unix socket in this folder, and libpq can name it in a URL."""
        socket = os.fsencode(self.run / f".s.PGSQL.{SOCKET_PORT}")
        # both PostgreSQL and libpq read a comma as the end of a name, PostgreSQL a double quote as a quote
        return len(socket) <= SOCKET_PATH_LIMIT and not {b",", b'"'} & {bytes([b]) for b in socket}

    def major(self) -> int | None:
        """The PostgreSQL major version of the cluster, None when there is none yet.

        Raises EmbeddedError when the folder holds something else.
        """
        if not self.cluster.exists() or not any(self.cluster.iterdir()):
            return None
        try:
            return int((self.cluster / "PG_VERSION").read_text())
        except (FileNotFoundError, ValueError):
            raise EmbeddedError(
                f"{self.cluster} is not empty and is no PostgreSQL cluster (PG_VERSION is missing or wrong);"
                " restore it, move it away, or choose another --data"
            ) from None

    def url(self, status: Status) -> str:
        """The libpq URL of the database that `status` tells of.

        Raises EmbeddedError when the password's file is missing.
        """
        try:
            password = self.password.read_text().strip()
        except FileNotFoundError:
            raise EmbeddedError(
                f"{self.password} is missing, and without it nobody can log in to {self.cluster}; restore it"
            ) from None
        credentials = f"{ROLE}:{quote(password, safe='')}"
        if status.host.startswith("/"):
            return f"postgresql://{credentials}@/{ROLE}?host={quote(status.host, safe='')}&port={status.port}"
        return f"postgresql://{credentials}@{status.host}:{status.port}/{ROLE}?sslmode=disable"

    def read_status(self) -> Status | None:
        try:
            return Status(**json.loads(self.status.read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def write_status(self, status: Status) -> None:
        write_private(self.status, json.dumps(asdict(status)))

    def trouble(self) -> str:
        """Where to look when something ends without a word: the log, and the disk when that is full."""
        free = shutil.disk_usage(self.path).free // 1_000_000
        return f"see {self.log}" + (f"; the disk is full ({free} MB left)" if free < 100 else "")

    def log_since(self, offset: int, *, lines: int = 6) -> str:
        """The last lines of the log written after `offset`, on one line: the cause of a failed start."""
        with self.log.open("rb") as file:
            file.seek(offset)
            text = file.read(1_000_000).decode(errors="replace")
        return " | ".join([line.strip() for line in text.splitlines() if line.strip()][-lines:])


def open_private(path: Path, flags: int) -> int:
    """Open `path`, made with mode 0600 if missing; a file made by root in another's folder is that other's.

    So that root may attach to an ordinary user's data folder and leave it usable.
    """
    fd = os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    if os.geteuid() == 0 and os.fstat(fd).st_uid == 0 and (owner := path.parent.stat()).st_uid != 0:
        os.fchown(fd, owner.st_uid, owner.st_gid)
    return fd


def write_private(path: Path, text: str) -> None:
    """Replace `path` by a file of mode 0600 with `text`, durably and never half."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    with os.fdopen(open_private(new, os.O_WRONLY | os.O_EXCL), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    fsync_folder(path.parent)


def fsync_folder(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def try_lock(path: Path, *, shared: bool = False) -> int | None:
    """A file descriptor that holds the flock on `path` until it is closed, or None when another has it.

    The descriptor is closed on exec, so no child process inherits the lock. Lock files are never deleted:
    two processes could otherwise hold "the" lock on two files.
    """
    fd = open_private(path, os.O_RDWR)
    try:
        fcntl.flock(fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    except BaseException:
        os.close(fd)
        raise
    return fd
