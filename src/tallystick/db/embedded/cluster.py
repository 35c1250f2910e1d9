"""The cluster's files and processes: making it, PostgreSQL's command line, and what a crash leaves behind."""

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
from pathlib import Path

from tallystick.db.embedded.folder import (
    ROLE,
    SOCKET_PORT,
    DataFolder,
    EmbeddedError,
    fsync_folder,
    write_private,
)
from tallystick.db.embedded.privileges import Identity, demote


def _shared_buffers_mb() -> int:
    """A sixteenth of the machine's memory, from 128 MB to 1.5 GB: the pages of the customers who are at work."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return max(128, min(1536, memory // 16 // 2**20))


SETTINGS = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": f"{_shared_buffers_mb()}MB",
    "huge_pages": "off",  # `try` dies of SIGBUS in a container whose limit of huge pages is 0
    "max_connections": "100",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "checkpoint_completion_target": "0.9",
    "wal_compression": "pglz",
    "jit": "off",
    # a backend busy in a long query ends soon after its client even when the postmaster is gone too
    "client_connection_check_interval": "10s",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",  # the supervisor reads some messages
    "log_line_prefix": "%m [%p] ",
    "log_checkpoints": "off",
    "logging_collector": "off",
    "log_destination": "stderr",
}


def environment(programs: Path) -> dict[str, str]:
    """PostgreSQL's whole environment: nothing of the caller's locale, time zone or PG* variables."""
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
    return {**kept, "PATH": f"{programs}:/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


def command(programs: Path, folder: DataFolder, host: str, port: int) -> list[str]:
    """The command line of PostgreSQL listening on the socket folder `host`, or on the address `host`."""
    on_socket = host.startswith("/")
    settings = {
        **SETTINGS,
        "port": str(port),
        "listen_addresses": "" if on_socket else host,
        "unix_socket_directories": host if on_socket else "",
        "unix_socket_permissions": "0700",
    }
    flags = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    return [str(programs / "postgres"), "-D", str(folder.cluster), *flags]


def initialise(folder: DataFolder, programs: Path, identity: Identity | None, lock: int) -> None:
    """Make the cluster, whole or not at all: initdb works in a folder beside, renamed when it is done.

    `lock` is the cluster's, inherited by every process at work on it. The superuser's password goes through
    a pipe: no command line and no second file ever hold it.
    Raises EmbeddedError with initdb's own words.
    """
    new = folder.path / "postgres.initdb"
    if new.exists():
        shutil.rmtree(new)  # of an initdb that was killed; it was never a cluster of ours
    new.mkdir(mode=0o700)
    own(new, identity)
    if not folder.password.exists():
        write_private(folder.password, secrets.token_urlsafe(32) + "\n")
    readable, writable = os.pipe()
    if identity:  # initdb opens it by name, which asks for permission
        os.fchown(readable, identity.uid, identity.gid)
    os.write(writable, folder.password.read_bytes())
    os.close(writable)
    flags = ["--encoding=UTF8", "--locale=C", "--data-checksums", "--auth=scram-sha-256", "--no-instructions"]
    try:
        done = subprocess.run(  # noqa: S603 - PostgreSQL or our own program
            [programs / "initdb", "-D", new, f"--username={ROLE}", "--pwfile=/proc/self/fd/0", *flags],
            stdin=readable,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=environment(programs),
            preexec_fn=demote(identity, signal.SIGTERM),
            pass_fds=[lock],
            check=False,
        )
    finally:
        os.close(readable)
    if done.returncode != 0:
        shutil.rmtree(new, ignore_errors=True)
        said = " | ".join([line.strip() for line in done.stdout.splitlines() if line.strip()][-4:])
        raise EmbeddedError(f"cannot make the database in {folder.cluster}: {said}")
    new.rename(folder.cluster)
    fsync_folder(folder.path)


def own(path: Path, identity: Identity | None) -> None:
    """Give `path` and all below it to `identity` when root owns it, as after `cp -r` by root."""
    if identity and path.stat().st_uid == 0:
        for parent, folders, files in os.walk(path):
            for name in (*folders, *files):
                os.chown(os.path.join(parent, name), identity.uid, identity.gid, follow_symlinks=False)
        # the top last: while it is root's, an interrupted walk is done again
        os.chown(path, identity.uid, identity.gid)


def postmaster(cluster: Path) -> tuple[int, str, str] | None:
    """(pid, folder, status) as postmaster.pid says; None when there is no such file."""
    try:
        lines = (cluster / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return None
    if len(lines) < 2 or not lines[0].isdecimal():
        return None
    return int(lines[0]), lines[1], lines[7].strip() if len(lines) > 7 else ""


def serves(pid: int, cluster: str) -> bool:
    """Whether process `pid` is a PostgreSQL that works in `cluster`."""
    try:
        # both readable by anyone, while /proc/*/cwd is not for the root of a container
        if Path(f"/proc/{pid}/comm").read_text().strip() != "postgres":
            return False
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return os.fsencode(cluster) in arguments


def end_orphans(cluster: Path, identity: Identity | None, number: signal.Signals) -> None:
    """Send `number` to every backend at work in `cluster`. For when its postmaster is dead.

    They end by themselves, but one in the middle of a long query only after it. Done in a child with the
    rights of PostgreSQL's user: it may look into these processes, which the root of a container may not.
    """
    become = demote(identity, signal.SIGKILL)
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    try:
        become()
        here = cluster.stat()
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):  # gone, or another user's
                if (entry / "comm").read_text() == "postgres\n" and os.path.samestat(
                    (entry / "cwd").stat(), here
                ):
                    os.kill(int(entry.name), number)
    finally:
        os._exit(0)


def disarm_stale_pidfile(cluster: Path) -> None:
    """Mend a postmaster.pid whose pid now belongs to a stranger, whom PostgreSQL would take for a server.

    The file is not deleted: given the pid of PostgreSQL's parent, which is us, PostgreSQL goes on to its own
    check of the shared memory that the file names, and then replaces it. For the holder of the supervisor's
    and the cluster's lock. Raises EmbeddedError when a server works here that is not ours, and when the
    cluster is a copy of one that is running, since such a copy may be torn.
    """
    said = postmaster(cluster)
    if said is None or not Path(f"/proc/{said[0]}").exists():
        return
    pid, written, _ = said
    if serves(pid, str(cluster)):
        raise EmbeddedError(f"{cluster} is in use by a PostgreSQL started by hand (pid {pid}); stop it first")
    if serves(pid, written):
        raise EmbeddedError(
            f"{cluster} is a copy of {written}, made while that database was running (pid {pid}), so it may"
            " be incomplete; stop that one and copy again"
        )
    with (cluster / "postmaster.pid").open("r+") as file:
        lines = file.read().splitlines(keepends=True)
        file.seek(0)
        file.writelines([f"{os.getpid()}\n", *lines[1:]])
        file.truncate()


def address(folder: DataFolder, identity: Identity | None) -> tuple[str, int]:
    """Where to listen: (socket folder, its port), or where that path is too long (loopback, a free port).

    For the holder of the cluster's lock: a socket still there is nobody's. A port used before is kept while
    it is free, so that URLs given out stay true over a restart.
    """
    if folder.socket_fits():
        folder.run.mkdir(mode=0o700, exist_ok=True)
        if identity and folder.run.stat().st_uid != identity.uid:
            os.chown(folder.run, identity.uid, identity.gid)
        # PostgreSQL takes the pid in a socket's lock file for a server, be it a stranger's or a zombie's
        for stale in folder.run.glob(".s.PGSQL.*"):
            stale.unlink()
        return str(folder.run), SOCKET_PORT
    try:
        kept = int(folder.port.read_text())
    except (FileNotFoundError, ValueError):
        kept = 0
    for port in (kept, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            chosen: int = probe.getsockname()[1]
        write_private(folder.port, str(chosen))
        return "127.0.0.1", chosen
    raise EmbeddedError("no loopback port is free for PostgreSQL; choose a --data with a shorter path")
