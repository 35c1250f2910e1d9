"""What an operator sees: the log, warnings, the greeting of a server that is up."""

import contextlib
import shlex
import sys
from collections.abc import Iterator
from typing import Any, NoReturn, TextIO, cast

import structlog

from . import __version__, quickstart
from .config import Settings


def configure_log() -> None:
    """One line an event of level info or above on standard error, and plain tracebacks: pretty ones take seconds
    under load."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            ),
        ],
        wrapper_class=structlog.make_filtering_bound_logger("info"),
        # of a text file the logger uses `write` and `flush`, and no more
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", _StandardError())),
    )


class _StandardError:
    """Standard error, which may be a file on a full disk: then a line is lost, and not the lane that says it."""

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            sys.stderr.flush()


def fail(message: str) -> NoReturn:
    """Say what an operator can mend, and end with status 1."""
    say(message)
    sys.exit(1)


def say(message: str) -> None:
    """A line on standard error; what is asked for goes to standard output."""
    print(f"tallystick: {message}", file=_StandardError())


def warn(settings: Settings) -> None:
    """Name the settings that no server in earnest should have."""
    if settings.webhooks_allow_private:
        say(
            "FOR DEVELOPMENT ONLY: webhooks may go to private addresses, and without TLS"
            " (TALLYSTICK_WEBHOOKS_ALLOW_PRIVATE=1)"
        )
    if settings.practice_open:
        say(
            "OPEN TO ANYBODY: whoever reaches this server may read practices' credits and buy for them, without a"
            " credential (TALLYSTICK_PRACTICE_OPEN=1)"
        )


def welcome(settings: Settings, address: str, first: dict[str, Any]) -> None:
    """Greet: where the server is, and after the first start what is shown once."""
    lines = ["", f"  Tallystick {__version__} is ready:  {address}   (docs: {address}/docs)"]
    if first.get("owner_password"):
        lines += [
            "",
            "  Shown once; keep them:",
            f"    owner     {first['owner_email']}   password  {first['owner_password']}",
            f"    live key  {first['live_key']}",
            f"    test key  {first['test_key']}",
            "",
            "  Try it (paste all of it into a shell):",
            "",
            quickstart.steps(address, first["test_key"]),
        ]
    else:
        place = "--database-url ..." if settings.database_url else f"--data {shlex.quote(str(settings.data))}"
        command = f"{sys.argv[0]} keys create {place} --mode test --scope write"
        lines.append(f"  owner: {first['owner_email']}; a new key: {command}")
    print("\n".join(lines), flush=True)


def listed(made: dict[str, Any], start: str = "") -> Iterator[str]:
    """A line for each value, named by the way to it."""
    for name, value in made.items():
        if isinstance(value, dict):
            yield from listed(value, f"{start}{name}.")
        else:
            yield f"{start + name:24} {value}"
