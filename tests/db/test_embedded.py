"""The embedded PostgreSQL's promises, on real processes: users keep it up, and nothing outlives them."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from tallystick.db.embedded import EmbeddedError, Lease, acquire

SRC = str(Path(__file__).resolve().parents[2] / "src")

HOLDER = """
import sys
from pathlib import Path
from tallystick.db.embedded import EmbeddedError, acquire
try:
    lease = acquire(Path(sys.argv[1]), exclusive_name=sys.argv[2] or None)
except EmbeddedError as error:
    sys.exit(f"refused: {error}")
print(lease.url, flush=True)
sys.stdin.readline()
lease.release()
"""

RACER = """
import random, sys, time
from pathlib import Path
import psycopg
from tallystick.db.embedded import acquire
chance = random.Random(int(sys.argv[2]))
for turn in range(5):
    with acquire(Path(sys.argv[1])) as lease, psycopg.connect(lease.url) as connection:
        connection.execute("insert into kept values (%s)", [int(sys.argv[2]) * 100 + turn])
        connection.commit()
    time.sleep(chance.random() * 0.3)
"""


class Holder:
    """Another process that holds a lease until told to let go."""

    def __init__(
        self, data: Path, exclusive: str = "", *, python: str = sys.executable, **options: object
    ) -> None:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([SRC, *sys.path[1:]])}
        self.process = subprocess.Popen(
            [python, "-c", HOLDER, str(data), exclusive],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            **options,  # type: ignore[call-overload]
        )
        self.pid: int = self.process.pid

    def url(self) -> str:
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        url: str = self.process.stdout.readline().strip()
        assert url, self.process.stderr.read()
        return url

    def close(self) -> str:
        """Let go, or be seen to have died; what it said last."""
        _, said = self.process.communicate("\n" if self.process.poll() is None else None, timeout=60)
        return str(said)


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "d"
    yield folder
    assert within(30, lambda: not family(folder)), "a test must leave no process"


def within(seconds: float, holds: Callable[[], object]) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.02)
    return bool(holds())


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def postmaster(data: Path) -> int:
    return int((data / "postgres" / "postmaster.pid").read_text().split()[0])


def supervisor(data: Path) -> int:
    return int(json.loads((data / "locks" / "supervisor.json").read_text())["pid"])


def family(data: Path) -> list[int]:
    """The living processes of PostgreSQL and the supervisor of this data folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal() or int(entry.name) == os.getpid() or not alive(int(entry.name)):
            continue
        try:
            works_here = (entry / "comm").read_text().strip() == "postgres" and (
                entry / "cwd"
            ).readlink() == data / "postgres"
            arguments = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if works_here or (
            b"tallystick.db.embedded.supervisor" in arguments and os.fsencode(data) in arguments
        ):
            found.append(int(entry.name))
    return found


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    assert within(5, lambda: not alive(pid))


def setting(lease: Lease, name: str) -> object:
    return value(lease.url, f"select current_setting('{name}')")


def value(url: str, query: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(query.encode()).fetchone()
        assert row is not None
        return row[0]


def keep(url: str, number: int) -> None:
    """Commit a row that must outlive whatever comes."""
    with psycopg.connect(url) as connection:
        connection.execute("create table if not exists kept (n int primary key)")
        connection.execute("insert into kept values (%s)", [number])


def answers(lease: Lease) -> bool:
    try:
        return value(lease.url, "select 1") == 1
    except psycopg.OperationalError:
        return False


def test_first_and_second_start(data: Path) -> None:
    with acquire(data) as lease:
        keep(lease.url, 1)
        durable = ("fsync", "synchronous_commit", "full_page_writes", "data_checksums")
        assert [setting(lease, name) for name in durable] == ["on"] * 4
        assert [setting(lease, name) for name in ("TimeZone", "log_timezone", "listen_addresses")] == [
            "UTC",
            "UTC",
            "",
        ]
        assert (
            value(lease.url, "select pg_encoding_to_char(encoding) || datcollate from pg_database") == "UTF8C"
        )
        password = (data / "postgres.password").read_text().strip()
        assert (data / "postgres.password").stat().st_mode & 0o777 == 0o600
        for pid in family(data):
            assert password.encode() not in Path(f"/proc/{pid}/cmdline").read_bytes()
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(lease.url.replace(password, "guess"))
    assert family(data) == []
    with acquire(data) as lease:
        assert value(lease.url, "select n from kept") == 1
        # nothing but its own supervisor session: a Ctrl-C in our terminal must not reach it
        assert os.getsid(postmaster(data)) != os.getsid(0)
    lease.release()  # again is no error
    with pytest.raises(EmbeddedError, match="released"):
        lease.ensure()


def test_the_last_user_stops_it(data: Path) -> None:
    first, second = acquire(data), acquire(data)
    first.release()
    assert answers(second)
    pids = [postmaster(data), supervisor(data)]
    second.release()
    assert not [pid for pid in pids if alive(pid)]
    assert family(data) == []


def test_attach_beside_an_exclusive_holder_and_refuse_a_second(data: Path) -> None:
    serve = Holder(data, "serve")
    serve.url()
    with acquire(data) as beside:
        assert answers(beside)
        with pytest.raises(EmbeddedError) as refused:
            acquire(data, exclusive_name="serve")
        assert str(refused.value) == (
            f"another `tallystick serve` (pid {serve.pid}) is using {data}; stop it or choose another --data"
        )
        with acquire(data, exclusive_name="worker"):
            pass
    assert family(data)
    assert serve.close() == ""
    assert family(data) == []
    with acquire(data, exclusive_name="serve") as lease:
        assert answers(lease)


def test_a_killed_holder_is_no_user_any_more(data: Path) -> None:
    holder = Holder(data, "serve")
    holder.url()
    kill_and_reap(holder)
    assert within(3, lambda: not family(data))


def kill_and_reap(holder: Holder) -> None:
    holder.process.kill()
    holder.close()


def test_a_forked_child_is_no_user(data: Path) -> None:
    lease = acquire(data, exclusive_name="serve")
    told, telling = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a fork beside a thread: what is tested here
        child = os.fork()
    if not child:
        os.write(
            telling, b"x"
        )  # a large process takes a while to be a child, and until then it holds the locks
        signal.pause()
        os._exit(0)
    try:
        os.read(told, 1)
        os.close(told)
        os.close(telling)
        lease.release()
        assert family(data) == []
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_a_killed_postmaster_comes_back(data: Path) -> None:
    with acquire(data) as lease:
        keep(lease.url, 1)
        killed = postmaster(data)
        kill(killed)
        assert within(20, lambda: answers(lease))
        assert postmaster(data) != killed
        assert value(lease.url, "select n from kept") == 1
    assert family(data) == []


def test_an_orphan_in_a_long_query_does_not_delay_the_restart(data: Path) -> None:
    with acquire(data) as lease, closing(psycopg.connect(lease.url)) as connection:
        connection.pgconn.send_query(b"select count(*) from generate_series(1, 10000000000)")
        busy = connection.info.backend_pid
        kill(postmaster(data))
        assert within(20, lambda: answers(lease))
        assert not alive(busy)


def test_a_killed_supervisor_is_replaced(data: Path) -> None:
    with acquire(data) as lease, acquire(data):
        keep(lease.url, 1)
        orphan, killed = postmaster(data), supervisor(data)
        kill(killed)
        assert within(20, lambda: not alive(orphan) and answers(lease))
        assert value(lease.url, "select n from kept") == 1
        assert supervisor(data) != killed
        kill(supervisor(data))
        lease.ensure()  # sooner than by itself
        assert within(20, lambda: answers(lease))
    assert family(data) == []


def test_all_killed_at_once(data: Path) -> None:
    holder = Holder(data, "serve")
    keep(holder.url(), 1)
    for pid in (supervisor(data), postmaster(data), holder.pid):
        os.kill(pid, signal.SIGKILL)
    holder.close()
    assert within(5, lambda: not family(data))
    with acquire(data, exclusive_name="serve") as lease:
        assert value(lease.url, "select n from kept") == 1


def test_supervisor_and_users_killed(data: Path) -> None:
    holder = Holder(data)
    keep(holder.url(), 1)
    os.kill(supervisor(data), signal.SIGKILL)
    kill_and_reap(holder)
    assert within(5, lambda: not family(data))
    with acquire(data) as lease:
        assert value(lease.url, "select n from kept") == 1


def test_arriving_and_leaving_in_a_race(data: Path) -> None:
    with acquire(data) as lease, psycopg.connect(lease.url) as connection:
        connection.execute("create table kept (n int primary key)")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([SRC, *sys.path[1:]])}
    racers = [
        subprocess.Popen([sys.executable, "-c", RACER, str(data), str(seed)], env=environment)
        for seed in range(4)
    ]
    assert [racer.wait(60) for racer in racers] == [0] * 4
    assert within(3, lambda: not family(data))
    with acquire(data) as lease:
        assert value(lease.url, "select count(*) from kept") == 20


def test_terminate_signals_do_not_stop_it_while_used(data: Path) -> None:
    with acquire(data) as lease:
        os.kill(supervisor(data), signal.SIGTERM)
        os.kill(supervisor(data), signal.SIGINT)
        time.sleep(0.5)
        assert answers(lease)


def test_the_missing_database_is_made_again(data: Path) -> None:
    with acquire(data) as lease:
        elsewhere = psycopg.conninfo.make_conninfo(lease.url, dbname="postgres")
        with psycopg.connect(elsewhere, autocommit=True) as connection:
            connection.execute("drop database tallystick with (force)")
        with acquire(data) as other:
            assert answers(other)


def test_stale_postmaster_pid(data: Path) -> None:
    with acquire(data) as lease:
        keep(lease.url, 1)
        pidfile = data / "postgres" / "postmaster.pid"
        written = pidfile.read_text().splitlines(keepends=True)
    # our own pid now: a living process of a stranger
    pidfile.write_text("".join([f"{os.getpid()}\n", *written[1:]]))
    if os.geteuid() == 0:
        owner = (data / "postgres").stat()
        os.chown(pidfile, owner.st_uid, owner.st_gid)
    with acquire(data) as lease:
        assert value(lease.url, "select n from kept") == 1


def test_a_copy_opens_if_it_was_made_while_stopped(data: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    with acquire(data) as lease:
        keep(lease.url, 1)
        shutil.copytree(data, copy, ignore=lambda _, names: [n for n in names if n.startswith(".s.")])
        with pytest.raises(EmbeddedError, match=rf"{copy}/postgres is a copy of {data}/postgres, made while"):
            acquire(copy)
    shutil.rmtree(copy)
    shutil.copytree(data, copy)
    with acquire(copy) as lease:
        assert value(lease.url, "select n from kept") == 1
    assert family(copy) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has folders that PostgreSQL's user cannot enter")
def test_as_root_below_a_private_folder(data: Path) -> None:
    data.parent.chmod(0o700)
    with acquire(data) as lease:
        assert answers(lease)
        status = Path(f"/proc/{postmaster(data)}/status").read_text()
        assert "Uid:\t0" not in status
        capabilities = next(line for line in status.splitlines() if line.startswith("CapEff"))
        assert int(capabilities.split()[1], 16) in (
            1 << 2,
            1 << 1,
        )  # read and search, or what a container has
    assert (data.parent.stat().st_uid, data.parent.stat().st_mode & 0o777) == (0, 0o700)
    assert data.stat().st_uid == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root changes its user")
def test_as_root_with_no_more_rights_than_needed() -> None:
    with tempfile.TemporaryDirectory() as parent:
        Path(parent).chmod(0o755)
        data = Path(parent) / "d"
        with acquire(data, binaries=public_programs()):
            status = Path(f"/proc/{postmaster(data)}/status").read_text()
            assert "CapEff:\t0000000000000000" in status
        assert family(data) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root changes its user")
def test_as_an_ordinary_user() -> None:
    python = next((p for p in (sys.executable, "/usr/bin/python3") if nobody_runs(p)), None)
    if python is None:
        pytest.skip("nobody can run no Python here")
    with tempfile.TemporaryDirectory() as parent:
        os.chown(parent, 65534, 65534)
        data = Path(parent) / "d"
        holder = Holder(data, python=python, user=65534, group=65534, extra_groups=[])
        assert value(holder.url(), "select 1") == 1
        assert Path(f"/proc/{postmaster(data)}").stat().st_uid == 65534
        # root attaches beside, and the cluster does not change hands
        with acquire(data):
            pass
        assert holder.close() == ""
        assert family(data) == []
        with acquire(data):
            assert Path(f"/proc/{postmaster(data)}").stat().st_uid == 65534
        assert family(data) == []
        holder = Holder(data, "serve", python=python, user=65534, group=65534, extra_groups=[])
        assert value(holder.url(), "select 1") == 1
        assert holder.close() == ""


def nobody_runs(python: str) -> bool:
    script = f"import sys; sys.path[:0] = {[SRC, *sys.path[1:]]!r}; import psycopg, tallystick.db.embedded"
    try:
        return subprocess.run([python, "-c", script], user=65534, stderr=subprocess.DEVNULL).returncode == 0
    except OSError:
        return False


def public_programs() -> Path | None:
    """Debian's programs if they are there: a venv may be private."""
    return max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)


def test_a_long_path_is_served_on_loopback(tmp_path: Path) -> None:
    data = tmp_path / ("long" * 20) / ("path" * 20)
    with acquire(data) as lease:
        assert "@127.0.0.1:" in lease.url
        assert answers(lease)
        assert setting(lease, "unix_socket_directories") == ""
        kill(supervisor(data))
        before = lease.url
        lease.ensure()
        assert lease.url == before
    assert family(data) == []


def test_another_major_version_is_refused(data: Path) -> None:
    (data / "postgres").mkdir(parents=True)
    (data / "postgres" / "PG_VERSION").write_text("9\n")
    with pytest.raises(EmbeddedError, match=r"made by PostgreSQL 9 and opens with no other, found \d+"):
        acquire(data)
    (data / "postgres" / "PG_VERSION").write_text("not a version\n")
    with pytest.raises(EmbeddedError, match="no PostgreSQL cluster"):
        acquire(data)


def test_named_programs_are_taken_or_refused(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(EmbeddedError, match=f"found none in {tmp_path}"):
        acquire(data, binaries=tmp_path)
    monkeypatch.setenv("TALLYSTICK_PG_BIN", str(tmp_path))
    with pytest.raises(EmbeddedError, match=f"found none in {tmp_path}"):
        acquire(data)


def test_a_failed_start_says_why(data: Path) -> None:
    with acquire(data):
        pass
    with (data / "postgres" / "postgresql.conf").open("a") as file:
        file.write("no_such_setting = 1\n")
    with pytest.raises(EmbeddedError, match="no_such_setting"):
        acquire(data)


def test_a_lost_password_says_so(data: Path) -> None:
    with acquire(data):
        (data / "postgres.password").write_text("another")
        with pytest.raises(EmbeddedError, match=r"postgres\.password is not the database's"):
            acquire(data)
        (data / "postgres.password").unlink()
        with pytest.raises(EmbeddedError, match=r"postgres\.password is missing"):
            acquire(data)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EmbeddedError, match="choose another --data"):
        acquire(tmp_path / "file" / "data")
