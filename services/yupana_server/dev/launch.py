"""Becomes another program that never outlives the process that started it.

A script of its own, run by a fresh interpreter: to do this in the child between fork and exec is
not safe while gRPC's threads run in the parent (seen here as a crash of the child).

    python -I -S launch.py PARENT SIGNAL USER GROUP PROGRAM [ARGUMENT ...]

SIGNAL is what the program gets when PARENT ends; USER and GROUP are numbers, or - to keep ours.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1  # From <sys/prctl.h>.


def launch(parent: int, death_signal: int, account: tuple[str, str], command: list[str]) -> None:
    """Change the account, ask for the signal, and become the program."""
    user, group = account
    if user != "-":
        os.setgroups([])
        os.setgid(int(group))
        os.setuid(int(user))
    if sys.platform == "linux":
        # After the change of account, which would forget it.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, death_signal)
        if os.getppid() != parent:
            sys.exit(1)  # The parent ended before it could be watched.
    os.execv(command[0], command)  # noqa: S606 (this is the program's purpose)


if __name__ == "__main__":
    launch(int(sys.argv[1]), int(sys.argv[2]), (sys.argv[3], sys.argv[4]), sys.argv[5:])
