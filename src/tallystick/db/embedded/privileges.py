"""Running PostgreSQL, which refuses to run as root, under an unprivileged user.

The data folder and the programs may lie below a folder that only root may enter (/root is 0700). Instead of
opening that folder to others, the child keeps one capability across the change of user, as an ambient one
(capabilities(7)), and only when it cannot do without: CAP_DAC_READ_SEARCH, which passes folders and reads;
where a container has not got that, or the programs may be run by root alone, CAP_DAC_OVERRIDE.
"""

import ctypes
import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from tallystick.db.embedded.folder import EmbeddedError

CAP_DAC_OVERRIDE = 1
CAP_DAC_READ_SEARCH = 2
NAMES = {CAP_DAC_OVERRIDE: "CAP_DAC_OVERRIDE", CAP_DAC_READ_SEARCH: "CAP_DAC_READ_SEARCH"}

# linux/prctl.h, linux/securebits.h, linux/capability.h
PR_SET_PDEATHSIG = 1
PR_SET_SECUREBITS = 28
SECBIT_NO_SETUID_FIXUP = 1 << 2
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CAPABILITY_VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Identity:
    """The user PostgreSQL is to run as, and the capability it keeps, if any."""

    uid: int
    gid: int
    name: str
    capability: int | None = None


def choose(cluster: Path) -> Identity | None:
    """Who is to run the cluster; None for "whoever runs us", who is not root.

    As root: the owner of an existing cluster, so that it never changes hands; else the user `postgres`, else
    `nobody`. Raises EmbeddedError when the cluster belongs to somebody whom we cannot become.
    """
    owner = cluster.stat() if cluster.exists() else None
    if os.geteuid() != 0:
        if owner and owner.st_uid != os.geteuid():
            raise EmbeddedError(
                f"{cluster} belongs to {user_name(owner.st_uid)}; run as that user or choose another --data"
            )
        return None
    if owner and owner.st_uid != 0:
        return Identity(owner.st_uid, owner.st_gid, user_name(owner.st_uid))
    for name in ("postgres", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return Identity(user.pw_uid, user.pw_gid, name)
    raise EmbeddedError(
        "PostgreSQL does not run as root, and there is neither a user `postgres` nor `nobody`;"
        " start Tallystick as an ordinary user"
    )


def user_name(uid: int) -> str:
    try:
        return f"user {pwd.getpwuid(uid).pw_name}"
    except KeyError:
        return f"user id {uid}"


def with_access(identity: Identity, folder: Path, programs: Path) -> Identity:
    """`identity` with the weakest capability under which it can reach `folder` and run `programs`.

    Raises EmbeddedError when there is none.
    """
    for capability in (None, CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE):
        candidate = replace(identity, capability=capability)
        if all(_runs(candidate, folder, programs / name) for name in ("initdb", "postgres")):
            return candidate
    raise EmbeddedError(
        f"PostgreSQL would run as {identity.name}, which can neither be let into {folder} nor run {programs};"
        " choose a --data that it can reach, or start Tallystick as an ordinary user"
    )


def _runs(identity: Identity, folder: Path, program: Path) -> bool:
    """Try it: modes, ACLs, mount options and security modules all have a say."""
    become = demote(identity, signal.SIGKILL)

    def child() -> None:
        become()
        os.stat(folder / ".")

    try:
        subprocess.run(  # noqa: S603 - PostgreSQL or our own program
            [program, "--version"],
            preexec_fn=child,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def demote(identity: Identity | None, death_signal: signal.Signals) -> Callable[[], None]:
    """A `preexec_fn`: become `identity` (None: stay), and get `death_signal` when the parent dies.

    For a process of one thread only: the signal comes when the *thread* that forked ends.
    """
    parent = os.getpid()

    def child() -> None:
        os.umask(0o077)
        if identity:
            _become(identity)
        # after the change of user, which clears it
        _prctl(PR_SET_PDEATHSIG, death_signal)
        if os.getppid() != parent:  # it died before we asked
            os._exit(1)

    return child


def _become(identity: Identity) -> None:
    if identity.capability is not None:
        # the change of user then keeps capabilities, and access(2), by which initdb looks for postgres beside
        # itself, counts them.
        _prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP)
    os.setgroups([])
    os.setresgid(identity.gid, identity.gid, identity.gid)
    os.setresuid(identity.uid, identity.uid, identity.uid)
    if identity.capability is not None:
        # only what is both permitted and inheritable can be made ambient, and only that outlives exec
        mask = 1 << identity.capability
        header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
        effective_permitted_inheritable = (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0)
        _check(_libc.capset(header, effective_permitted_inheritable))
        _prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, identity.capability)


def _prctl(option: int, *arguments: int) -> None:
    values = [ctypes.c_ulong(value) for value in (*arguments, 0, 0, 0, 0)[:4]]
    _check(_libc.prctl(option, *values))


def _check(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        print(f"supervisor: cannot set capabilities: {os.strerror(number)}", file=sys.stderr)  # noqa: T201 - standard error is its log
        raise OSError(number, os.strerror(number))
