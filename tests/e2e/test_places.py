"""Where it runs: on a PostgreSQL of one's own, by variables, as an ordinary user; and what it refuses."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from tallystick.db.embedded import acquire

from .running import REPOSITORY, TALLYSTICK, Home, Serving, free_port, scratch, within

NOBODY = 65534


def check_first_minute(serving: Serving, key: str) -> None:
    with serving.client(key) as client:
        account = client.post("/v2/accounts", json={}).json()["id"]
        assert client.post("/v2/grants", json={"account": account, "amount": 10}).status_code == 201
        assert client.post("/v2/debits", json={"account": account, "amount": 4}).json()["available"] == "6"
        assert client.post("/v2/debits", json={"account": account, "amount": 7}).status_code == 402


def test_on_a_database_of_ones_own(make_home: Callable[..., Home]) -> None:
    """Whose owner is no superuser, and may create roles, as the README asks."""
    with acquire(make_home().data) as lease:
        with psycopg.connect(lease.url, autocommit=True) as conn:
            conn.execute("create role shop login createrole password 'secret'")
            conn.execute("create database shop owner shop")
        url = lease.url.replace("/tallystick?", "/shop?").replace("//tallystick:", "//shop:")
        password = url[url.index("shop:") : url.index("@")].removeprefix("shop:")
        home = make_home(url=url.replace(password, "secret"))
        made = home.json("init", "--json")
        serving = home.serve()
        check_first_minute(serving, made["test_key"])
        assert not home.data.exists(), "no database of our own is made"
        with psycopg.connect(lease.url.replace("/tallystick?", "/shop?")) as conn:
            roles = conn.execute(
                "select application_name, usename, query from pg_stat_activity where datname = 'shop'"
                " and pid <> pg_backend_pid()"
            ).fetchall()
            assert {user for _, user, _ in roles} == {"shop"}
            assert conn.execute(
                "select has_table_privilege('tallystick_app', 'entry', 'insert'),"
                " has_table_privilege('tallystick_app', 'entry', 'update'),"
                " has_table_privilege('tallystick_app', 'entry', 'delete')"
            ).fetchone() == (True, False, False)
        # two servers may share a database
        second = home.serve("--no-worker")
        check_first_minute(second, made["test_key"])
        assert (second.stop(), serving.stop()) == (0, 0)
        assert home.json("verify", "--json")["ok"]


def test_by_variables(home: Home) -> None:
    port = free_port()
    home.environment |= {"TALLYSTICK_DATA": str(home.data), "TALLYSTICK_PORT": str(free_port())}
    assert "exists" in home.run("init", "--json", place=False).stdout
    serving = home.serve(port=port, place=False)  # an option wins over its variable
    home.environment["TALLYSTICK_DATABASE_URL"] = home.database_url()
    assert "exists" in home.run("init", "--json", place=False).stdout
    assert serving.stop() == 0
    home.environment["TALLYSTICK_PORT"] = "http"
    assert "TALLYSTICK_PORT" in home.run("init", place=False, status=1).stderr


def test_a_taken_port(home: Home, served: Serving) -> None:
    said = home.run("serve", "--port", str(served.port), status=1)
    assert said.stderr == f"tallystick: cannot listen on 127.0.0.1:{served.port}: Address already in use\n"
    assert not home.family()


def test_a_second_server_on_the_same_data(served: Serving) -> None:
    said = served.home.run("serve", "--port", str(free_port()), status=1)
    assert said.stderr == (
        f"tallystick: another `tallystick serve` (pid {served.pid}) is using {served.home.data};"
        " stop it or choose another --data\n"
    )
    assert served.ready()


def test_a_data_folder_that_cannot_be_made(fresh: Home) -> None:
    fresh.data.write_text("")  # a file stands there
    said = fresh.run("serve", "--port", str(free_port()), status=1).stderr
    assert said.startswith("tallystick: cannot use the data folder"), said
    assert "choose another --data" in said
    fresh.data.unlink()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root changes its user")
def test_as_an_ordinary_user() -> None:
    try:
        subprocess.run([TALLYSTICK, "--version"], user=NOBODY, capture_output=True, cwd="/", check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip(f"nobody cannot run what is installed in {REPOSITORY}, or the python3 it was made with")
    with scratch() as folder:
        folder.chmod(0o755)
        refused = Home(folder / "d", user=NOBODY)
        said = refused.run("init", "--json", status=1).stderr
        assert said.startswith("tallystick: cannot use the data folder"), said
        assert "Permission denied" in said
        os.chown(folder, NOBODY, NOBODY)
        home = Home(folder / "d", user=NOBODY)
        made = home.json("init", "--json")
        serving = home.serve()
        check_first_minute(serving, made["test_key"])
        owners = {Path(f"/proc/{pid}").stat().st_uid for pid in home.family()}
        assert owners == {NOBODY}
        # root attaches beside it
        assert Home(folder / "d").json("init", "--json")["exists"]
        assert serving.stop() == 0
        assert within(5, lambda: home.family() == [])
        home.close()


def test_makefile() -> None:
    """What the README promises of it, without doing it."""
    for target, words in {
        "run": ["tallystick serve --port 9000 --data /srv/t"],
        "test": ["pytest -m not long"],
        "check": ["ruff check", "mypy", "lint-imports", "--check ENDPOINTS.md", "--check CONTRACTS.md"],
        "bench": ["-m bench"],
        "install": [],
    }.items():
        said = subprocess.run(
            ["make", "-n", target, "PORT=9000", "DATA=/srv/t"], cwd=REPOSITORY, capture_output=True, text=True
        )
        assert said.returncode == 0, said.stderr
        for word in words:
            assert word in said.stdout.replace('"', ""), said.stdout
    assert os.access(REPOSITORY / ".ci" / "run", os.X_OK)
