"""What the codes of translating a stack mean: the SU1xx beside `stackfile.codes`. Plain data that costs nothing."""

from __future__ import annotations

CODES: dict[str, tuple[str, str]] = {
    "SU101": (
        "this release has no such driver",
        "Networks of this engine are bridge, macvlan or ipvlan (overlay belongs to several hosts). Volumes are "
        "local, or of a driver that an installed package brings by an entry point in the group "
        "`stackup.volume_drivers`. Leave the driver out, or declare it `external` if somebody else makes it.",
    ),
    "SU102": (
        "a secret or config has no bytes",
        "A service asks for a file whose contents cannot be had: the file is missing or is none, the variable is not "
        "set, or nothing has the name on this host that `external` asks for. `stackup secret create` and `stackup "
        "config create` keep one here, sealed, for any stack.",
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
        "A driver was given an option that it does not have, or a value that cannot be. The message says which, and "
        "what it takes.",
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
    "SU112": (
        "a sign of readiness cannot be read",
        "`x-stackup.ready` of a service names one thing to look at: `tcp: 5432`, `http: 8080/healthz`, `file: /run/x`, "
        "`log: a text`, or `notify: true` for programs that speak to systemd. It stands in the place of "
        "`healthcheck.test`, so a service has one or the other.",
    ),
    "SU120": (
        "a security option cannot be had",
        "A `security_opt` is not known, or its seccomp profile cannot be read. Starting without it would leave the "
        "container less confined than its author believes, so nothing is started.",
    ),
    "SU121": (
        "a device cannot be had so",
        "A device is SOURCE, SOURCE:TARGET or SOURCE:TARGET:PERMISSIONS with any of r, w and m as permissions. A rule "
        "of `device_cgroup_rules` is a letter (c, b, or a for both), MAJOR:MINOR with * for all, and permissions.",
    ),
    "SU122": (
        "a watch rule cannot work as it is",
        "A rule of `develop.watch` asks for what its service cannot give: `rebuild` needs a `build`, sync+exec an "
        "`exec`, and patterns are those of .dockerignore. What is a bind mount already needs no sync. `stackup watch` "
        "says so; other commands do not look at these rules.",
    ),
    "SU124": (
        "a limit cannot be had so",
        "A limit is outside of what kernels take, or two contradict each other: memswap_limit is memory and swap "
        "together, so it is never less than mem_limit and nothing without it; cpus and cpu_quota with cpu_period are "
        "two spellings of one limit; weights of block devices are 10 to 1000 and their paths absolute; cgroup_parent "
        "is a name, or names with / between them.",
    ),
    "SU130": (
        "what is to be mounted is not there",
        "A bind mount with `create_host_path: false`, or a volume that is bound to a folder, names a path of this "
        "machine where there is nothing; or `volumes_from` names a container that does not exist. Nothing was changed: "
        "make what is missing first, or correct the name.",
    ),
}
