"""The processes of one `tallystick serve`: a server (or several on one socket) and the worker.

With one server process it is the parent itself, so that a signal reaches the server first: it stops accepting,
answers what it has, and only then are the worker and the database stopped. Children end with their parent,
however it dies.
"""

import asyncio
import contextlib
import ctypes
import gc
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

import structlog
import uvicorn
import uvloop

from . import wiring, worker
from .config import Settings

if TYPE_CHECKING:
    from .http.hot import ASGI

log = structlog.get_logger()

DRAIN: Final = 30  # seconds for requests under way when the server is asked to stop
ALLOCATIONS: Final = 20_000  # objects made, less those gone, before the collector looks for cycles among them
RESTART_PAUSE: Final = 1.0  # seconds before a child that died is started again
_PR_SET_PDEATHSIG: Final = 1
URL_VARIABLE: Final = "TALLYSTICK_DATABASE_URL"


def listen(host: str, port: int) -> socket.socket:
    """Bind the address before anything else is started. Raises OSError when it is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
        sock.listen(2048)
    except OSError:
        sock.close()
        raise
    return sock


def run(settings: Settings, database_url: str, sock: socket.socket, ready: Callable[[], None]) -> None:
    """Serve until SIGINT or SIGTERM, then stop in order: server, worker. ``ready`` is called once it serves."""
    children = _children(settings, database_url, sock)
    serving = settings if settings.workers == 1 else None
    uvloop.run(_parent(serving, database_url, sock, children, ready))


def run_server(settings: Settings, database_url: str, descriptor: int, parent: int) -> None:
    """A server process of several, on the socket of ``parent`` (a process id)."""
    die_with(parent)
    sock = socket.socket(fileno=descriptor)
    uvloop.run(_serve(settings, database_url, sock, lambda: None))


def run_worker(settings: Settings, database_url: str, parent: int | None = None) -> None:
    """The worker, until SIGINT or SIGTERM, or until its parent has gone if it has one."""
    if parent is not None:
        die_with(parent)
    uvloop.run(_work(settings, database_url))


def die_with(parent: int) -> None:
    """Have the kernel end this process with SIGTERM when its parent dies, also by kill -9."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it was gone before the kernel was told
        raise SystemExit(1)


def _children(settings: Settings, database_url: str, sock: socket.socket) -> list["Child"]:
    environment = os.environ | {URL_VARIABLE: database_url}  # not in the arguments, which anyone can list
    public = {"TALLYSTICK_PUBLIC_URL": settings.public_url}  # where it listens is this process's to know
    children = []
    if settings.workers > 1:
        command = ["serve-on", "--descriptor", str(sock.fileno()), "--parent", str(os.getpid())]
        command += ["--host", settings.host, "--port", str(settings.port), "--data", str(settings.data)]
        children += [
            Child(f"server {n + 1}", command, environment, sock.fileno()) for n in range(settings.workers)
        ]
    if settings.worker:
        command = ["worker", "--parent", str(os.getpid()), "--data", str(settings.data)]
        children.append(Child("worker", command, environment | public, None))
    return children


class Child:
    """A process of ours that is started again when it dies before it was asked to stop."""

    def __init__(
        self, name: str, arguments: Sequence[str], environment: dict[str, str], descriptor: int | None
    ) -> None:
        self.name = name
        self._command = [sys.executable, "-m", "tallystick", *arguments]
        self._environment = environment
        self._descriptors = [] if descriptor is None else [descriptor]
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = False

    async def keep(self) -> None:
        """Run until `stop`."""
        while not self._stopping:
            self._process = subprocess.Popen(  # noqa: S603, ASYNC220 - our own program, and it starts at once
                self._command,
                env=self._environment,
                pass_fds=self._descriptors,
                stdin=subprocess.DEVNULL,
                process_group=0,  # a terminal's Ctrl-C is for the parent alone, which then stops its children
            )
            status = await asyncio.to_thread(self._process.wait)
            if not self._stopping:
                log.error("process died, starting it again", process=self.name, status=status)
                await asyncio.sleep(RESTART_PAUSE)

    def stop(self) -> None:
        self._stopping = True
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def kill(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()


async def _parent(
    settings: Settings | None,
    database_url: str,
    sock: socket.socket,
    children: Sequence[Child],
    ready: Callable[[], None],
) -> None:
    keepers = [asyncio.create_task(child.keep(), name=child.name) for child in children]
    try:
        if settings is not None:
            await _serve(settings, database_url, sock, ready)
        else:
            ready()
            with _signals() as stop:
                await stop.wait()
    finally:
        for child in children:
            child.stop()
        if keepers:
            _, late = await asyncio.wait(keepers, timeout=DRAIN + 5)
            for child in children:
                child.kill()
            if late:
                await asyncio.wait(late)


class _Server(uvicorn.Server):
    """uvicorn without its own signal handling, which would end the process before our cleaning up."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.contextmanager
def _signals(again: Callable[[], None] = lambda: None) -> Iterator[asyncio.Event]:
    """An event that SIGINT or SIGTERM sets; a second signal calls ``again``."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def handle() -> None:
        again() if stop.is_set() else stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, handle)
    try:
        yield stop
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_IGN)  # nothing may cut the cleaning up short


async def _serve(
    settings: Settings, database_url: str, sock: socket.socket, ready: Callable[[], None]
) -> None:
    from . import app  # here: the worker does without the framework, which is half of a process's memory

    async with wiring.system(settings, database_url) as system:
        await serve_app(app.build(system), sock, ready)


async def serve_app(application: "ASGI", sock: socket.socket, ready: Callable[[], None]) -> None:
    """Serve until SIGINT or SIGTERM, and then answer what is under way; a second signal does not wait for that."""
    config = uvicorn.Config(
        application,
        http="httptools",
        loop="none",
        lifespan="off",
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=DRAIN,
    )
    server = _Server(config)
    _collect_seldom()

    def hurry() -> None:
        server.force_exit = True

    with _signals(hurry) as stop:
        async with _watching(server, stop, ready):
            await server.serve(sockets=[sock])


def _collect_seldom() -> None:
    """Take what the start made out of the collector's sight, since it stays, and let it look at the rest seldom, since
    requests make hardly any cycles: it took a third of a debit's time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(ALLOCATIONS)


@contextlib.asynccontextmanager
async def _watching(
    server: uvicorn.Server, stop: asyncio.Event, ready: Callable[[], None]
) -> AsyncIterator[None]:
    async def watch() -> None:
        while not server.started:  # noqa: ASYNC110 - uvicorn has a flag to look at, no event
            await asyncio.sleep(0.01)
        ready()
        await stop.wait()
        server.should_exit = True

    task = asyncio.create_task(watch())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _work(settings: Settings, database_url: str) -> None:
    with _signals() as stop:
        await worker.work(settings, database_url, stop)
