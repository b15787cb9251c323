"""The account that PostgreSQL runs as: the caller's own, or for root an existing unprivileged one.

PostgreSQL refuses to run as root. No account is added and no folder of others is opened for it; if the account cannot
reach what it needs, that is said, with the folder that is in its way. It must not know what the account will run.
"""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from events.errors import CannotStart

ACCOUNT_FOR_ROOT = "nobody"


class AsAccount(TypedDict, total=False):
    """The arguments of `subprocess.Popen` that change the account."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True)
class Account:
    """An account of the operating system.

    Attributes:
        name: its login name.
        uid: its number.
        gid: the number of its group.
    """

    name: str
    uid: int
    gid: int

    @property
    def popen_arguments(self) -> AsAccount:
        """What `subprocess.Popen` needs to become this account; nothing if the caller already is."""
        if os.geteuid() == self.uid:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, path: Path) -> None:
        """Hand a file or folder over to this account; only root can and needs to."""
        if os.geteuid() != self.uid:
            os.chown(path, self.uid, self.gid)

    def require_reach(self, path: Path, what: str) -> None:
        """Check that the account can come as far as `path`.

        Args:
            path: an existing file or folder.
            what: how to call it in the message.

        Raises:
            CannotStart: a folder on the way is closed to the account.
        """
        if os.geteuid() == self.uid:
            return
        for folder in reversed(path.resolve().parents):
            if not _may_enter(folder.stat(), self.uid, self.gid):
                raise CannotStart(
                    f"As root, PostgreSQL runs under the account {self.name!r}, which cannot enter {folder} and so "
                    f"not reach {what} ({path}). Run as an ordinary user, or put it where everybody may enter, "
                    f"or set MIMO_DATABASE_URL to a PostgreSQL server of your own."
                )


def _may_enter(status: os.stat_result, uid: int, gid: int) -> bool:
    if status.st_uid == uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == gid:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)


def account_for(existing: Path) -> Account:
    """Choose the account for a server.

    Args:
        existing: the data folder of the server, which may not exist yet; if it does, its owner is the account.

    Returns:
        The owner of the folder, or the caller, or for root the unprivileged account.

    Raises:
        CannotStart: the folder belongs to somebody else and the caller is not root.
    """
    me = os.geteuid()
    wanted = existing.stat().st_uid if existing.exists() else me
    if me not in (0, wanted):
        raise CannotStart(
            f"{existing} belongs to the account {_name(wanted)!r}: run as that account, or choose another folder."
        )
    try:
        entry = pwd.getpwnam(ACCOUNT_FOR_ROOT) if wanted == 0 else pwd.getpwuid(wanted)
    except KeyError:
        if wanted == me:  # a container may run under a number without a name
            return Account(str(me), me, os.getegid())
        raise CannotStart(
            f"There is no account {ACCOUNT_FOR_ROOT!r} for PostgreSQL: run as an ordinary user."
        ) from None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
