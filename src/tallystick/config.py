"""Settings: the environment is read once, here, and nowhere else."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    """What the operator chose. Command line options win over the environment."""

    host: str = "127.0.0.1"
    port: int = 8000
    data: Path = Path("data")
    database_url: str | None = None
    """Any PostgreSQL 15 or newer; None: the embedded one under ``data``."""
    workers: int = 1
    """Server processes."""
    worker: bool = True
    """Whether `serve` also starts the worker that runs jobs."""

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> "Settings":
        """Settings from ``TALLYSTICK_*``. Raises ValueError that names the variable."""
        port = environ.get("TALLYSTICK_PORT", "8000")
        if not (port.isascii() and port.isdigit() and int(port) <= 65535):
            raise ValueError(f"TALLYSTICK_PORT must be a port number, not {port!r}")
        return cls(
            host=environ.get("TALLYSTICK_HOST", "127.0.0.1"),
            port=int(port),
            data=Path(environ.get("TALLYSTICK_DATA", "data")),
            database_url=environ.get("TALLYSTICK_DATABASE_URL") or None,
        )
