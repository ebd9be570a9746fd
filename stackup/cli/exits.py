"""What a command can answer its shell. Plain numbers in a class of names: an enum costs the hot verbs 6 ms.

`run`, `exec`, `wait` and `up --exit-code-from` pass a program's own code on, 128+n when signal n ended it.
"""

from __future__ import annotations


class Exit:
    DONE = 0
    FAILED = 1
    CHANGES = 2
    """`plan --detailed-exitcode` only."""
    NOT_EXECUTABLE = 126
    NOT_FOUND = 127
    """`exec` only, as a shell would answer."""
    INTERRUPTED = 130
    BROKEN_PIPE = 141
