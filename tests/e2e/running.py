"""Real processes of ours: a data folder, what is run on it, and what is left of it."""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import httpx2

from tallystick.db.embedded.folder import DataFolder

TALLYSTICK: Final = str(Path(sys.executable).with_name("tallystick"))
REPOSITORY: Final = Path(__file__).resolve().parents[2]
READY: Final = 60.0  # seconds until a server must answer: two cores, and others work on them too
_MARK: Final = "TALLYSTICK_TEST_RUN"


@contextlib.contextmanager
def scratch(*, on_disk: bool = False) -> Iterator[Path]:
    """A folder for data folders: a short path, which another user may pass through; in memory if it can be."""
    memory = Path("/dev/shm")
    in_memory = not on_disk and memory.is_dir() and shutil.disk_usage(memory).free > 4 * 2**30
    made = Path(tempfile.mkdtemp(prefix="tallystick-e2e-", dir=memory if in_memory else None))
    made.chmod(0o711)
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def within(seconds: float, holds: Callable[[], object]) -> bool:
    """Whether it comes true in time."""
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


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def arguments_of(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").split("\0")
    except OSError:
        return []


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Home:
    """A data folder (or a URL) of one test, with every process that was started for it."""

    def __init__(self, data: Path, *, url: str | None = None, user: int | None = None) -> None:
        self.data = data
        self.url = url
        self.mark = uuid.uuid4().hex
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith("TALLYSTICK_")
        } | {_MARK: self.mark}
        self.options: dict[str, Any] = (
            {} if user is None else {"user": user, "group": user, "extra_groups": []}
        )
        self.servers: list[Serving] = []
        self.made: dict[str, str] = {}
        """What `init` printed, if the data folder was made by it."""

    @property
    def place(self) -> list[str]:
        return ["--data", str(self.data)] if self.url is None else ["--database-url", self.url]

    def run(
        self, *arguments: str, status: int = 0, timeout: float = 90, place: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, which must be of this exit status, and never with a traceback."""
        done = subprocess.run(
            [TALLYSTICK, *arguments, *(self.place if place else [])],
            capture_output=True,
            text=True,
            timeout=timeout,
            env=self.environment,
            cwd=self.data.parent,
            stdin=subprocess.DEVNULL,
            check=False,
            **self.options,
        )
        assert "Traceback" not in done.stderr, done.stderr
        assert done.returncode == status, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def json(self, *arguments: str, status: int = 0) -> Any:
        return json.loads(self.run(*arguments, status=status).stdout)

    def serve(self, *options: str, port: int | None = None, place: bool = True) -> "Serving":
        """Start a server and wait until it is ready."""
        serving = Serving(self, [*options, *(self.place if place else [])], port or free_port())
        self.servers.append(serving)
        serving.await_ready()
        return serving

    def copied_to(self, other: "Home") -> "Home":
        """The other home, with a copy of this data folder, which nobody uses."""
        subprocess.run(["cp", "-a", self.data, other.data], check=True)
        other.made = self.made
        return other

    def family(self) -> list[int]:
        """Every living process that was started for this home: ours by a mark, PostgreSQL's by its folder."""
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdecimal() or not alive(int(entry.name)):
                continue
            with contextlib.suppress(OSError):
                if f"{_MARK}={self.mark}".encode() in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
                    continue
                if (entry / "comm").read_text().strip() == "postgres" and (
                    os.readlink(entry / "cwd") == str(self.data.resolve() / "postgres")
                ):
                    found.append(int(entry.name))
        return found

    def database_url(self) -> str:
        """The database's: of the embedded one while it is up."""
        if self.url is not None:
            return self.url
        folder = DataFolder(self.data)
        status = folder.read_status()
        assert status is not None, "the database is up"
        return folder.url(status)

    def postmaster(self) -> int:
        return int((self.data / "postgres" / "postmaster.pid").read_text().split()[0])

    def supervisor(self) -> int:
        return int(json.loads((self.data / "locks" / "supervisor.json").read_text())["pid"])

    def close(self) -> None:
        """Stop what runs; nothing may be left of it."""
        for serving in self.servers:
            if alive(serving.pid):
                with contextlib.suppress(subprocess.TimeoutExpired):
                    serving.stop()
            serving.process.poll()
        gone = within(15, lambda: not self.family())
        left = {pid: " ".join(arguments_of(pid)) for pid in self.family()}
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        assert gone, f"left running: {left}"


class Serving:
    """A `tallystick serve`, in a process group of its own, as a terminal gives it."""

    def __init__(self, home: Home, options: list[str], port: int) -> None:
        self.home = home
        self.port = port
        self.address = f"http://127.0.0.1:{port}"
        number = len(home.servers)
        self._out = home.data.parent / f"{home.data.name}.{number}.out"
        self._err = home.data.parent / f"{home.data.name}.{number}.err"
        with self._out.open("w") as out, self._err.open("w") as err:
            self.process = subprocess.Popen(
                [TALLYSTICK, "serve", "--port", str(port), *options],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=home.environment,
                cwd=home.data.parent,
                process_group=0,
                **home.options,
            )
        self.pid: int = self.process.pid

    @property
    def out(self) -> str:
        return self._out.read_text()

    @property
    def err(self) -> str:
        return self._err.read_text()

    def await_ready(self, seconds: float = READY) -> None:
        assert within(seconds, lambda: self.process.poll() is not None or self.ready()), (
            f"not ready in {seconds} s\n{self.out}\n{self.err}"
        )
        assert self.process.poll() is None, f"ended: {self.process.returncode}\n{self.out}\n{self.err}"
        assert within(5, lambda: "is ready" in self.out)

    def ready(self) -> bool:
        try:
            return httpx2.get(f"{self.address}/readyz", timeout=5).status_code == 200
        except httpx2.HTTPError:
            return False

    def children(self, word: str) -> list[int]:
        """The living children with this word among their arguments: ``worker``, ``serve-on``."""
        return [
            pid
            for pid in self.home.family()
            if word in arguments_of(pid) and alive(pid) and parent_of(pid) == self.pid
        ]

    @property
    def key(self) -> str:
        """A test key that may do everything."""
        return self.home.made.get("test_key") or self.printed("test key")

    def printed(self, name: str) -> str:
        """What was printed once: ``live key``, ``test key``, ``password``."""
        found = re.search(rf"{name}\s+(\S+)", self.out)
        assert found, self.out
        return found[1]

    def client(self, credential: str) -> httpx2.Client:
        return httpx2.Client(
            base_url=self.address, headers={"Authorization": f"Bearer {credential}"}, timeout=30
        )

    def stop(self, number: signal.Signals = signal.SIGTERM, seconds: float = 40) -> int:
        """Ask it to stop (SIGINT goes to the whole group, as Ctrl-C does); its exit status."""
        if number is signal.SIGINT:
            os.killpg(self.pid, number)
        else:
            os.kill(self.pid, number)
        return self.process.wait(seconds)

    def kill(self) -> None:
        """kill -9, of this process alone."""
        self.process.kill()
        self.process.wait(10)
