"""The command line: ``tallystick serve`` and what an operator needs beside it.

Every command works while the server runs (on the same embedded database) and when it does not (it starts the
database for its own time). What only a server needs (the framework, a second to import) is imported by the
commands that serve.
"""

import argparse
import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from . import __version__, commands
from .config import Settings
from .db.embedded import EmbeddedError, acquire
from .db.migrate import SchemaTooNew, migrate
from .db.pool import Lost, classified
from .kernel.actor import Mode, Role, Scope
from .kernel.errors import Fact
from .terminal import configure_log, fail, listed, say, warn, welcome

T = TypeVar("T")


def main() -> None:
    """Run the command of ``sys.argv``. Exit status 1 for what an operator can mend, 2 for a wrong call."""
    arguments = _parser().parse_args()
    configure_log()
    try:
        settings = _settings(arguments)
        sys.exit(arguments.run(arguments, settings) or 0)
    except (Fact, EmbeddedError, SchemaTooNew, OSError, ValueError) as error:
        fail(str(error))
    except Lost as error:
        fail(f"the database cannot be used: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


# Settings and the database -----------------------------------------------------------------------------


def _settings(arguments: argparse.Namespace) -> Settings:
    settings = Settings.read(os.environ)
    given = {
        name: value
        for name in ("host", "port", "data", "database_url", "workers")
        if (value := getattr(arguments, name, None)) is not None
    }
    if getattr(arguments, "no_worker", False):
        given["worker"] = False
    return replace(settings, **given)


@contextlib.contextmanager
def _database(settings: Settings, *, exclusive: str | None = None, create: bool = False) -> Iterator[str]:
    """The URL of a migrated database, up for as long as the block lasts; a missing one is made if ``create``."""
    with contextlib.ExitStack() as stack:
        url = settings.database_url
        if url is None:
            if not create and not (settings.data / "postgres").exists():
                raise ValueError(
                    f"no database in {settings.data.resolve()}; choose another --data, or run `tallystick init`"
                )
            url = stack.enter_context(acquire(settings.data.resolve(), exclusive_name=exclusive, log=say)).url
        _migrated(url)
        yield url


def _migrated(url: str) -> list[str]:
    """Migrate; give what was applied. Raises Lost with PostgreSQL's own words."""
    with classified():
        return migrate(url)


def _with_database(settings: Settings, act: Callable[[str], Awaitable[T]], *, create: bool = False) -> T:
    """Run an action of `commands` on the database."""
    with _database(settings, create=create) as url:
        return asyncio.run(_awaited(act(url)))


async def _awaited(act: Awaitable[T]) -> T:
    return await act


# Commands ----------------------------------------------------------------------------------------------


def _serve(arguments: argparse.Namespace, settings: Settings) -> None:
    from . import processes

    if settings.workers < 1:
        raise ValueError("--workers must be at least 1")
    try:
        sock = processes.listen(settings.host, settings.port)
    except OSError as error:
        raise OSError(f"cannot listen on {settings.host}:{settings.port}: {error.strerror}") from None
    with sock, _database(settings, exclusive="serve", create=True) as url:
        port = sock.getsockname()[1]
        settings = replace(settings, port=port)
        first = asyncio.run(commands.first_run(url))
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        address = f"http://{host}:{port}"
        warn(settings)
        processes.run(settings, url, sock, lambda: welcome(settings, address, first))
    say("stopped")


def _serve_on(arguments: argparse.Namespace, settings: Settings) -> None:
    from . import processes

    assert settings.database_url is not None
    mine = replace(settings, workers=1, worker=False)
    processes.run_server(mine, settings.database_url, arguments.descriptor, arguments.parent)


def _worker(arguments: argparse.Namespace, settings: Settings) -> None:
    from . import processes

    if arguments.parent is not None:
        assert settings.database_url is not None
        processes.run_worker(settings, settings.database_url, arguments.parent)
        return
    with _database(settings) as url:
        warn(settings)
        processes.run_worker(settings, url)


def _init(arguments: argparse.Namespace, settings: Settings) -> None:
    made = _with_database(settings, commands.first_run, create=True)
    if arguments.json:
        print(json.dumps(made))
    elif made.get("exists"):
        print(f"exists: app {made['app_id']}, owner {made['owner_email']}")
    else:
        for name, value in made.items():
            print(f"{name:15} {value}")


def _migrate(arguments: argparse.Namespace, settings: Settings) -> None:
    url = settings.database_url
    if url is None:
        with acquire(settings.data.resolve(), log=say) as lease:
            applied = _migrated(lease.url)
    else:
        applied = _migrated(url)
    print("\n".join(applied) or "nothing to do")


def _keys_create(arguments: argparse.Namespace, settings: Settings) -> None:
    mode, scope = Mode(arguments.mode), Scope(arguments.scope)
    print(_with_database(settings, lambda url: commands.create_key(url, mode, scope, arguments.name)))


def _keys_list(arguments: argparse.Namespace, settings: Settings) -> None:
    for row in _with_database(settings, commands.list_keys):
        print("  ".join(row))


def _keys_revoke(arguments: argparse.Namespace, settings: Settings) -> None:
    _with_database(settings, lambda url: commands.revoke_key(url, arguments.id))
    print(f"revoked {arguments.id}")


def _users_create(arguments: argparse.Namespace, settings: Settings) -> None:
    if arguments.role and not arguments.account:
        raise ValueError("--role needs --account: it is a role in an account")

    def act(url: str) -> Awaitable[dict[str, Any]]:
        return commands.create_user(
            url,
            email=arguments.email,
            password=arguments.password,
            account=arguments.account,
            role=Role(arguments.role or "owner"),
            staff=arguments.staff,
        )

    print(json.dumps(_with_database(settings, act)))


def _token(arguments: argparse.Namespace, settings: Settings) -> None:
    print(
        _with_database(
            settings, lambda url: commands.access_token(url, arguments.email, Mode(arguments.mode))
        )
    )


def _demo(arguments: argparse.Namespace, settings: Settings) -> None:
    from . import demo

    made = _with_database(settings, lambda url: demo.fill(settings, url, arguments.customers))
    print(json.dumps(made) if arguments.json else "\n".join(listed(made)))


def _verify(arguments: argparse.Namespace, settings: Settings) -> int:
    report = _with_database(settings, lambda url: commands.verify_books(url, arguments.account))
    if arguments.json:
        print(json.dumps(report))
    else:
        print("ok" if report["ok"] else f"NOT OK: {len(report['faults'])} faults")
        print("  ".join(f"{name} {count}" for name, count in report["checked"].items() if name != "contra"))
        for fault in report["faults"]:
            print("{check}: {account} {row}: expected {expected}, found {found}".format(**fault))
    return 0 if report["ok"] else 1


def _routes(arguments: argparse.Namespace, settings: Settings) -> int:
    from . import app

    lines = app.endpoint_lines(arguments.word or "")
    if arguments.write is not None:
        arguments.write.write_text(app.endpoints_page(), encoding="utf-8")
        return 0
    if arguments.check is not None:
        if arguments.check.exists() and arguments.check.read_text(encoding="utf-8") == app.endpoints_page():
            return 0
        fail(f"{arguments.check} is stale; run `make generate`")
    print("\n".join(lines))
    return 0 if lines else 1


# Arguments ---------------------------------------------------------------------------------------------


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port number")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    place = argparse.ArgumentParser(add_help=False)
    place.add_argument("--data", type=Path, help="data folder of the embedded database (default: ./data)")
    place.add_argument("--database-url", help="a PostgreSQL 15 or newer to use instead")

    parser = argparse.ArgumentParser(
        prog="tallystick", description="A credits and billing server whose books can be proved."
    )
    parser.add_argument("--version", action="version", version=__version__)
    group = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def add(name: str, run: Callable[..., Any], text: str, into: Any = group) -> argparse.ArgumentParser:
        command: argparse.ArgumentParser = into.add_parser(name, parents=[place], help=text, description=text)
        command.set_defaults(run=run)
        return command

    serve = add("serve", _serve, "start the database, the API and the worker")
    serve.add_argument("--host", help="address to listen on (default: 127.0.0.1)")
    serve.add_argument("--port", type=_port, help="default: 8000")
    serve.add_argument("--workers", type=int, help="server processes (default: 1)")
    serve.add_argument("--no-worker", action="store_true", help="do not start the worker")

    serve_on = add("serve-on", _serve_on, "a server process of several (started by serve)")
    serve_on.add_argument("--host")
    serve_on.add_argument("--port", type=int)
    serve_on.add_argument("--descriptor", type=int, required=True)
    serve_on.add_argument("--parent", type=int, required=True)

    worker = add("worker", _worker, "run the jobs alone")
    worker.add_argument("--parent", type=int, help=argparse.SUPPRESS)

    init = add("init", _init, "create what is missing: database, schema, first app, owner, keys")
    init.add_argument("--json", action="store_true", help="print one JSON object")

    add("migrate", _migrate, "bring the database to this version")

    keys = group.add_parser("keys", help="API keys").add_subparsers(required=True, metavar="COMMAND")
    create = add("create", _keys_create, "create a key and print it alone", keys)
    create.add_argument("--mode", choices=[mode.value for mode in Mode], required=True)
    create.add_argument("--scope", choices=[scope.value for scope in Scope], required=True)
    create.add_argument("--name", default="")
    add("list", _keys_list, "list keys, without their secrets", keys)
    add("revoke", _keys_revoke, "revoke a key", keys).add_argument("id", metavar="ID")

    users = group.add_parser("users", help="people who sign in").add_subparsers(
        required=True, metavar="COMMAND"
    )
    user = add("create", _users_create, "create a user", users)
    user.add_argument("--email", required=True)
    user.add_argument("--password", required=True)
    user.add_argument(
        "--account", help="make the user a member: acct_..., ext:... or a number; test:... in test mode"
    )
    user.add_argument("--role", choices=[role.value for role in Role], help="in the account (default: owner)")
    user.add_argument("--staff", action="store_true", help="an operator of the app")

    token = add("token", _token, "print an access token of a user")
    token.add_argument("--email", required=True)
    token.add_argument("--mode", choices=[mode.value for mode in Mode], default="live")

    filled = add("demo", _demo, "fill the test mode with believable data")
    filled.add_argument("--customers", type=int, default=200, help="how many (default: 200)")
    filled.add_argument("--json", action="store_true", help="print one JSON object")

    verify = add("verify", _verify, "prove the books; exit status 1 when they do not agree")
    verify.add_argument("--account", help="only this one: acct_..., ext:... or a number")
    verify.add_argument("--json", action="store_true", help="print one JSON object")

    routes = add("routes", _routes, "list the endpoints and where each is written")
    routes.add_argument("word", nargs="?", help="only those that contain it")
    routes.add_argument("--write", type=Path, metavar="FILE", help="write the page ENDPOINTS.md")
    routes.add_argument("--check", type=Path, metavar="FILE", help="exit status 1 when the page is stale")
    return parser
