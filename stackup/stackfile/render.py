"""A Stack as `docker compose config` prints it: long forms, sizes as texts, durations as 1m30s, defaults left out.

Stack to plain data, and that to YAML or JSON text. Keys come in docker compose's order, names sorted. A dollar is
doubled in the texts, so that the output is a stack file with the same meaning.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from stackup.stackfile.emit import to_yaml
from stackup.stackfile.mask import MARK
from stackup.stackfile.model import (
    Attachment,
    BindOptions,
    Build,
    Dependency,
    Device,
    EnvFile,
    Grant,
    ModelUse,
    Mount,
    Part,
    Port,
    RestartPolicy,
    Service,
    Stack,
    TmpfsOptions,
    Ulimit,
)
from stackup.values import Json, format_duration

ORDER = {
    "Service": """
        profiles annotations attach build develop blkio_config cap_add cap_drop cgroup_parent cgroup cpu_count
        cpu_percent cpu_period cpu_quota cpu_rt_period cpu_rt_runtime cpus cpuset cpu_shares command configs
        container_name credential_spec depends_on deploy device_cgroup_rules devices dns dns_opt dns_search
        domainname entrypoint provider environment env_file expose external_links extra_hosts group_add gpus
        hostname healthcheck image init ipc isolation labels label_file links logging mem_limit mem_reservation
        memswap_limit mem_swappiness mac_address models network_mode networks oom_kill_disable oom_score_adj pid
        pids_limit platform ports privileged pull_policy pull_refresh_after read_only restart runtime scale secrets
        security_opt shm_size stdin_open stop_grace_period stop_signal storage_opt sysctls tmpfs tty ulimits
        use_api_socket user userns_mode uts volumes volumes_from working_dir pre_start post_start pre_stop""",
    "Watch": "path action target exec include ignore initial_sync",
    "Hook": "command",
    "InitHook": "command",
    "Port": "name mode host_ip target published protocol app_protocol",
    "Dependency": "condition restart required",
    "Healthcheck": "test timeout interval retries start_period start_interval disable",
    "Network": "name driver driver_opts ipam external internal attachable labels enable_ipv4 enable_ipv6",
    "Volume": "name driver driver_opts external labels",
    "Secret": "name file environment external labels",
    "Config": "name file environment content external labels",
    "Deploy": "mode replicas labels update_config rollback_config resources restart_policy placement endpoint_mode",
    "Build": "context dockerfile dockerfile_inline entitlements args provenance sbom ssh labels cache_from cache_to",
}
"""docker compose's order of keys; keys that are not named come after those that are, in the models' order."""

SIZES = frozenset(
    ("mem_limit", "mem_reservation", "memswap_limit", "mem_swappiness", "shm_size", "memory", "size", "rate"),
)
DURATIONS = frozenset(
    ("interval", "timeout", "start_period", "start_interval", "stop_grace_period", "delay", "window", "monitor"),
)
MODES = frozenset(("mode",))
ALWAYS = {
    (Port, "mode"),
    (Port, "protocol"),
    (Dependency, "condition"),
    (Dependency, "required"),
    (Device, "permissions"),
    (Build, "context"),
    (EnvFile, "required"),
}
"""Keys that are printed with their default too."""
IF_WRITTEN = {
    (RestartPolicy, "condition"),
    (Mount, "bind"),
    (Mount, "volume"),
    (Mount, "tmpfs"),
    (BindOptions, "create_host_path"),
    (Service, "attach"),
}
"""Keys that are printed as soon as a file has them, or its short form means them, however little they say."""


def render(stack: Stack, *, env_files: bool = False) -> dict[str, Json]:
    """Plain data of the whole stack. `env_files` prints the files that environments were read from as well."""
    found: dict[str, Json] = {"name": stack.name}
    found["services"] = {name: _service(item, env_files) for name, item in sorted(stack.services.items())}
    for kind in ("networks", "volumes", "secrets", "configs"):
        resources = getattr(stack, kind)
        if resources:
            found[kind] = {name: _part(item) for name, item in sorted(resources.items())}
    if stack.models:
        found["models"] = _value(stack.models, "models")
    return found | _extensions(stack.extensions)


def yaml_text(stack: Stack, *, env_files: bool = False) -> str:
    """A stack file of the same meaning."""
    return escaped(to_yaml(render(stack, env_files=env_files)))


def escaped(text: str) -> str:
    """Dollars doubled, but for those of variables that were not to be evaluated."""
    return text.replace("$", "$$").replace(MARK, "$")


def json_text(stack: Stack, *, env_files: bool = False) -> str:
    """The same as JSON: sections by name, and what docker compose's encoder prints though it is empty."""
    data = render(stack, env_files=env_files)
    done: dict[str, Json] = dict(sorted(data.items()))
    for kind, completed in (("services", _service_json), ("networks", _network_json)):
        section = done.get(kind)
        if isinstance(section, dict):
            done[kind] = {name: completed(item) if isinstance(item, dict) else item for name, item in section.items()}
    return go_json(done, escaped)


def go_json(data: Json, escaped: Callable[[str], str] = str) -> str:
    text = escaped(json.dumps(data, indent=2, ensure_ascii=False))
    for letter in "<>&\u2028\u2029":  # as Go's encoder does
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text


def _service_json(service: dict[str, Json]) -> dict[str, Json]:
    """`command` and `entrypoint` are null when the image decides: there, empty is something else."""
    found: dict[str, Json] = {"command": None, "entrypoint": None} | service
    deploy = found.get("deploy")
    if isinstance(deploy, dict):
        found["deploy"] = _in_order({"resources": {}, "placement": {}} | deploy, "Deploy")
    return _in_order(found, "Service")


def _network_json(network: dict[str, Json]) -> dict[str, Json]:
    return _in_order({"ipam": {}} | network, "Network")


def _in_order(found: dict[str, Json], kind: str) -> dict[str, Json]:
    order = {name: index for index, name in enumerate(ORDER[kind].split())}
    return dict(sorted(found.items(), key=lambda item: order.get(item[0], len(order))))


def _service(service: Service, env_files: bool) -> dict[str, Json]:
    found = _part(service)
    if not env_files:
        found.pop("env_file", None)
        found.pop("label_file", None)
    hosts = [f"{host}={address}" for host, addresses in service.extra_hosts.items() for address in addresses]
    if hosts:
        found["extra_hosts"] = [*sorted(hosts)]
    if service.configs:
        found["configs"] = [_config(item) for item in service.configs]
    return found


def _config(grant: Grant) -> Json:
    """Its usual target is not printed, unlike a secret's."""
    found = _part(grant)
    return {key: value for key, value in found.items() if (key, value) != ("target", f"/{grant.source}")}


def _part(part: Part) -> dict[str, Json]:
    kind = type(part)
    found: dict[str, Json] = {}
    for name in _names(kind):
        value = getattr(part, name)
        is_default = value == kind.model_fields[name].get_default(call_default_factory=True)
        if is_default and (kind, name) not in ALWAYS and not _is_written(part, name):
            continue
        found[name] = _value(value, name)
    if isinstance(part, Build):
        _complete_build(found)
    if isinstance(part, TmpfsOptions) and part.mode is not None:
        found["mode"] = part.mode  # a number, unlike a secret's
    return found | _extensions(part.extensions)


def _extensions(found: Mapping[str, Json]) -> dict[str, Json]:
    return {key: _value(value, "") for key, value in sorted(found.items())}


def _names(kind: type[Part]) -> list[str]:
    first = [name for name in ORDER.get(kind.__name__, "").split() if name in kind.model_fields]
    return first + [name for name in kind.model_fields if name not in first and name != "extensions"]


def _is_written(part: Part, name: str) -> bool:
    return (type(part), name) in IF_WRITTEN and name in part.model_fields_set and getattr(part, name) is not None


def _complete_build(found: dict[str, Json]) -> None:
    hosts = found.get("extra_hosts")
    if isinstance(hosts, dict):
        found["extra_hosts"] = [*sorted(f"{k}={a}" for k, v in hosts.items() if isinstance(v, list) for a in v)]


def _value(value: object, name: str) -> Json:
    match value:
        case Attachment() | ModelUse():
            return _part(value) or None
        case Ulimit():
            return value.soft if value.soft == value.hard else {"soft": value.soft, "hard": value.hard}
        case Part():
            return _part(value)
        case dict():
            return {str(key): _value(item, "") for key, item in sorted(value.items())}
        case list() | tuple():
            return [_value(item, "") for item in value]
        case bool() | str() | None:
            return value
        case int():
            return _whole(value, name)
        case float():
            return int(value) if value.is_integer() else value
        case _:
            raise TypeError(f"{type(value).__name__} is not data")


_WHOLE: tuple[tuple[frozenset[str], Callable[[int], str]], ...] = (
    (SIZES, str),
    (DURATIONS, format_duration),
    (MODES, lambda mode: f"0{mode:o}"),
)


def _whole(value: int, name: str) -> Json:
    for names, spelled in _WHOLE:
        if name in names:
            return spelled(value)
    return value
