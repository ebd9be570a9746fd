"""What the codes of translating a stack mean: the SU1xx beside `stackfile.codes`. Plain data that costs nothing."""

from __future__ import annotations

CODES: dict[str, tuple[str, str]] = {
    "SU101": (
        "this release has no such driver",
        "Networks of this engine are bridge, macvlan or ipvlan (overlay belongs to several hosts), volumes are local. "
        "Leave the driver out, or declare it `external` if "
        "somebody else makes it.",
    ),
    "SU102": (
        "a secret or config has no bytes",
        "A service asks for a file whose contents cannot be had: the file is missing, the variable is not set, or the "
        "resource is external to a store that this engine does not have. Give the bytes with `file:`, `environment:` "
        "or `content:`.",
    ),
    "SU103": (
        "an image is not on this machine",
        "The service's image is not in the store, and it may not be pulled or would have to be built. Bring it in with "
        "`stackup image import` or `stackup pull`, or write `image: host` to run on this machine's own programs.",
    ),
    "SU104": (
        "an option is not honoured",
        "The option is part of the specification and has no effect on this engine. What the stack does without it may "
        "differ from what its author meant, so it is named each time.",
    ),
    "SU105": (
        "an option cannot be read",
        "A value that docker compose hands on unread has to be read by this engine: the owner of a secret or config, "
        "the options of a log, how often to start again. Write a whole number, or a size such as 64m.",
    ),
    "SU106": (
        "a stack asks for too many containers",
        "All replicas of all services together are bounded, so that a slip of the pen does not take the machine's "
        "memory. Run fewer replicas, or spread them over several stacks.",
    ),
    "SU107": (
        "a network has one pool a family",
        "A bridge has one subnet of IPv4 and, with `enable_ipv6: true`, one of IPv6. Docker's bridge driver refuses "
        "further pools too. Leave them out, or give the network one larger subnet.",
    ),
    "SU108": (
        "a driver option has no such value",
        "The hint says what the option takes.",
    ),
    "SU109": (
        "an image cannot be had",
        "The service's image is to be pulled, and its registry cannot be asked or does not have it: the name is wrong, "
        "it is for another platform, a login is missing, or the network is. The same file works offline once the image "
        "is in the store and its `pull_policy` is not `always`.",
    ),
    "SU110": (
        "an image is not locked",
        "Beside the stack file is a `stackup.lock`, and it does not say which content this image has: it may "
        "be another one tomorrow. `stackup lock` adds what is missing. With `--locked` this is an error.",
    ),
    "SU111": (
        "a lock file cannot be read",
        "`stackup.lock` is not what `stackup lock` writes: it was edited by hand, or a merge went wrong. Mend the "
        "line, or remove the file and write it anew with `stackup lock`.",
    ),
}
