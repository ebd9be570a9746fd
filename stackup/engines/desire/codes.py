"""What the codes of translating a stack mean: the SU1xx beside `stackfile.codes`. Plain data that costs nothing."""

from __future__ import annotations

CODES: dict[str, tuple[str, str]] = {
    "SU101": (
        "this release has no such network driver",
        "Networks of this engine are bridges. Leave the driver out, or declare the network `external` if somebody else "
        "makes it.",
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
        "an image cannot be had",
        "The service's image is to be pulled, and its registry cannot be asked or does not have it: the name is wrong, "
        "it is for another platform, a login is missing, or the network is. The same file works offline once the image "
        "is in the store and its `pull_policy` is not `always`.",
    ),
}
