"""What can go wrong outside the user's file, as exceptions that carry a subject and a remedy.

A leaf: imports nothing of stackup and nothing that costs start-up time. Problems *in* the user's file are
Diagnostics (see `diagnostics`), collected and not raised; `StackInvalid` is how a pipeline hands them over.
Messages are lower case, without a full stop, with the subject quoted. Only `cli` prints them.
"""

from __future__ import annotations

import errno

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

REMEDIES = {
    errno.ENOSPC: "free space or inodes there and run the command again, or move the state root with STACKUP_ROOT; "
    "nothing was lost",
    errno.EDQUOT: "the quota is used up: free space there, or move the state root with STACKUP_ROOT",
    errno.EROFS: "it is mounted read-only; stackup's own files can lie elsewhere: STACKUP_ROOT and STACKUP_RUN",
    errno.EACCES: "run as root, or as its owner",
    errno.EPERM: "run as root, on a file system of its own rather than an overlay",
    errno.EOPNOTSUPP: "this file system lacks what layers need: choose another one with STACKUP_ROOT",
    errno.EMFILE: "raise the limit on open files (ulimit -n)",
    errno.ENFILE: "the machine has no file descriptors left",
    errno.ENOMEM: "the machine, or the control group that this runs in, has no memory left",
    errno.EIO: "the disk reports errors: see the kernel's log",
}


class StackupError(Exception):
    """A failure with a kebab-case `code`, a `subject` (what it is about) and a `hint` (what to do)."""

    code = "error"

    def __init__(self, message: str, *, subject: str = "", hint: str = "", code: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.subject = subject
        self.hint = hint
        if code:
            self.code = code


class StackInvalid(StackupError):
    """The stack files (`what`: or other files of the user) have errors; `rows` holds all of them, warnings included,
    each with the lines it speaks of."""

    code = "stack-invalid"

    def __init__(self, rows: Sequence[dict[str, Any]], *, what: str = "the stack files") -> None:
        super().__init__(f"{what} have errors" if what.endswith("s") else f"{what} has errors")
        self.what = what
        self.rows = tuple(rows)


class HostError(StackupError):
    """The kernel, the disk or a permission said no."""

    code = "host"


class KernelError(HostError):
    """A system call failed: which one, on what, with which errno."""

    code = "kernel"

    def __init__(self, errno: int, call: str, subject: str = "", *, hint: str = "") -> None:
        import os  # already loaded by the interpreter; named here to keep the module's head empty

        about = f' on "{subject}"' if subject else ""
        super().__init__(f"{call}{about}: {os.strerror(errno).lower()}", subject=subject, hint=hint)
        self.errno = errno
        self.call = call
        self.lacks = ""
        """Kernel modules that the call needs, when this errno means that one of them is absent."""


class RemoteError(StackupError):
    """A registry or another machine answered with a failure, or did not answer."""

    code = "remote"


class StepFailed(StackupError):
    """A step of a plan failed; `cause` is the failure underneath."""

    code = "step-failed"

    def __init__(self, step: str, cause: StackupError) -> None:
        super().__init__(f"{step}: {cause.message}", subject=step, hint=cause.hint, code=cause.code)
        self.cause = cause


class Unsupported(StackupError):
    """This engine, kernel or release cannot do what was asked."""

    code = "unsupported"


class UsageError(StackupError):
    """The command line asks for something that does not exist or contradicts itself."""

    code = "usage"


class Busy(StackupError):
    """Another stackup process holds the lock that this command needs."""

    code = "busy"


LONGEST_TEXT = 2_000


def shortened(text: str) -> str:
    """What a file or an image says may be as long as it likes; what is said of it has to fit into an answer."""
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT // 2]} [...] {text[-LONGEST_TEXT // 2 :]}"


def refusal(problem: OSError) -> HostError | None:
    """A full disk and the like as what it is, wherever it struck; None for what may be a mistake of ours."""
    hint = REMEDIES.get(problem.errno or 0)
    if hint is None:
        return None
    subject = str(problem.filename or "")
    about = f'"{subject}": ' if subject else ""
    return HostError(f"{about}{(problem.strerror or str(problem)).lower()}", subject=subject, hint=hint)
