"""User namespaces: maps as asked for, namespaces that belong to them, and errors that come back from the child."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from stackup.errors import HostError, KernelError
from stackup.kernel import userns
from stackup.kernel.abi import CLONE_NEWIPC, CLONE_NEWUTS

pytestmark = [pytest.mark.host, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]

LINES = [(0, 0x70000000, 65536)]


def opened(home: str) -> int:
    return os.open(f"{home}/ns/user", os.O_RDONLY | os.O_CLOEXEC)


@pytest.fixture
def users() -> int:
    return userns.made(LINES, LINES, opened)


def in_a_child(body: Callable[[], object]) -> str:
    """What it returns, or the error that it raises, as text: whoever enters a namespace must end in it."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            said = str(body())
        except BaseException as problem:
            said = f"{type(problem).__name__}: {problem}"
        os.write(write, said.encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as told:
        text = told.read()
    os.waitpid(pid, 0)
    return text


def test_the_maps_are_as_asked_for_and_the_child_is_gone() -> None:
    seen = userns.made(LINES, [(0, 5, 1), (7, 8, 9)], lambda home: (home, Path(f"{home}/gid_map").read_text().split()))
    assert seen[1] == ["0", "5", "1", "7", "8", "9"]
    assert not os.path.exists(seen[0])


def test_whoever_enters_is_its_root_and_nobody_else(users: int) -> None:
    def body() -> list[object]:
        userns.enter(users)
        return [os.getuid(), os.stat("/proc/self").st_uid, os.access("/etc/shadow", os.R_OK)]

    assert in_a_child(body) == "[0, 0, False]"


def test_adopted_namespaces_are_new_and_leave_the_process_its_powers(users: int) -> None:
    def body() -> bool:
        before = os.readlink("/proc/self/ns/uts"), os.readlink("/proc/self/ns/ipc")
        userns.adopt(users, CLONE_NEWUTS | CLONE_NEWIPC)
        after = os.readlink("/proc/self/ns/uts"), os.readlink("/proc/self/ns/ipc")
        return before[0] != after[0] and before[1] != after[1] and os.access("/etc/shadow", os.R_OK)

    assert in_a_child(body) == "True"


def test_an_error_of_the_child_is_raised_here(users: int) -> None:
    with pytest.raises(KernelError, match="permission denied") as failed:
        userns.perform(users, lambda: os.close(os.open("/etc/shadow", os.O_RDONLY)))
    assert failed.value.errno == errno.EACCES
    userns.perform(users, lambda: None)


def test_a_machine_that_makes_no_more_of_them_is_named(users: int) -> None:
    def body() -> None:
        userns.enter(users)
        Path("/proc/sys/user/max_user_namespaces").write_text("0")
        userns.made([(0, 0, 1)], [(0, 0, 1)], opened)

    assert in_a_child(body) == "HostError: this machine makes no more user namespaces"


def test_a_file_system_that_cannot_is_named(users: int) -> None:
    from stackup.kernel import calls
    from stackup.kernel.abi import AT_EMPTY_PATH, OPEN_TREE_CLOEXEC, OPEN_TREE_CLONE

    tree = calls.open_tree(-100, "/proc", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)
    with pytest.raises(HostError, match="cannot show files as somebody else's"):
        userns.show(tree, users, AT_EMPTY_PATH)
    os.close(tree)
