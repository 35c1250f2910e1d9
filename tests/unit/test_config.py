"""The environment is read once, and what is wrong in it is named."""

from pathlib import Path

import pytest

from tallystick.config import Settings


def test_defaults() -> None:
    settings = Settings.read({})
    assert (settings.host, settings.port, settings.data) == ("127.0.0.1", 8000, Path("data"))
    assert settings.database_url is None


def test_the_environment_is_used() -> None:
    settings = Settings.read(
        {"TALLYSTICK_PORT": "9", "TALLYSTICK_DATA": "/srv/t", "TALLYSTICK_DATABASE_URL": "postgresql://h/d"}
    )
    assert (settings.port, settings.data, settings.database_url) == (9, Path("/srv/t"), "postgresql://h/d")


@pytest.mark.parametrize("port", ["", "x", "-1", "65536", "8000.0", "٨"])
def test_a_bad_port_is_named(port: str) -> None:
    with pytest.raises(ValueError, match="TALLYSTICK_PORT"):
        Settings.read({"TALLYSTICK_PORT": port})
