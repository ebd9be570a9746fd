"""Short forms become long forms, by one table from path pattern to rule, one document at a time and before merging.

So everything behind this stage knows one form only, and two files may write the same thing in two ways. A rule takes a
node and gives a node; it invents nothing that a later file could not take back, except where the specification says
that the short form means it. The rules are in `forms`.
"""

from __future__ import annotations

from dataclasses import replace

from stackup.diagnostics import Diagnostics
from stackup.stackfile.document import RESET, Entry, Mapping, Node, Sequence, with_entries, with_tag
from stackup.stackfile.form import Rule, Words
from stackup.stackfile.forms import (
    address,
    agents,
    all_devices,
    command_line,
    device,
    distinct_targets,
    drop_nulls,
    every,
    hosts,
    key_texts,
    key_values,
    keyed,
    mount,
    names,
    port,
    published,
    resource,
    section,
    shell_test,
    text_list,
    ulimit,
)
from stackup.stackfile.patterns import Table, table
from stackup.stackfile.raw import holds_variable


def canonical(root: Mapping, diagnostics: Diagnostics, *, raw: bool = False) -> Mapping:
    """The document in long form only. `raw` values still hold variables: what they would split stays in short form."""
    done = _walk(root, TABLE, Words(diagnostics, raw=raw))
    return done if isinstance(done, Mapping) else root


def _walk(node: Node, place: Table[Rule], words: Words) -> Node:
    if node.tag == RESET:
        return node
    if place.rule is not None and not (words.raw and place.rule in SPLITTING and holds_variable(node)):
        node = with_tag(place.rule.act(node, words), node.tag)
    if not place.below:
        return node
    match node:
        case Mapping():
            entries = {
                key: Entry(entry.key, _walk(entry.value, below, words)) if (below := place.down(key)) else entry
                for key, entry in node.entries.items()
            }
            return with_entries(node, entries)
        case Sequence() if below := place.down("*"):
            return replace(node, items=tuple(_walk(item, below, words) for item in node.items))
        case _:
            return node


SPLITTING = (command_line, device, distinct_targets, mount, published)
"""Rules that cut a text where a variable, once evaluated, could put its own marks."""

RESOURCE_ROWS: dict[str, Rule] = {"*": resource, "*.labels": key_texts}

BUILD_ROWS: dict[str, Rule] = {
    "": keyed("context"),
    "args": key_values,
    "labels": key_texts,
    "additional_contexts": key_texts,
    "ssh": agents,
    "extra_hosts": hosts,
    "extra_hosts.*": text_list,
    "extra_hosts.*.*": address,
    "ulimits.*": ulimit,
    "secrets.*": keyed("source"),
    "tags": text_list,
    "cache_from": text_list,
    "cache_to": text_list,
    "no_cache_filter": text_list,
}

HOOK_ROWS: dict[str, Rule] = {"": section, "command": command_line, "environment": key_values}

REQUEST_ROWS: dict[str, Rule] = {"": drop_nulls, "count": every, "options": key_texts}

SERVICE_ROWS: dict[str, Rule] = {
    "": drop_nulls,
    "command": command_line,
    "entrypoint": command_line,
    "environment": key_values,
    "env_file": text_list,
    "env_file.*": keyed("path"),
    "label_file": text_list,
    "labels": key_texts,
    "annotations": key_texts,
    "sysctls": key_texts,
    "storage_opt": key_texts,
    "healthcheck": drop_nulls,
    "healthcheck.test": shell_test,
    "depends_on": names(condition="service_started"),
    "depends_on.*": section,
    "ports": published,
    "ports.*": port,
    "networks": names(),
    "networks.*": section,
    "volumes": distinct_targets,
    "volumes.*": mount,
    "volumes.*.volume.labels": key_texts,
    "volumes.*.bind": section,
    "volumes.*.volume": section,
    "volumes.*.tmpfs": section,
    "tmpfs": text_list,
    "secrets.*": keyed("source"),
    "configs.*": keyed("source"),
    "devices.*": device,
    "extra_hosts": hosts,
    "extra_hosts.*": text_list,
    "extra_hosts.*.*": address,
    "dns": text_list,
    "dns_search": text_list,
    "dns_opt": text_list,
    "profiles": text_list,
    "ulimits.*": ulimit,
    "gpus": all_devices,
    "blkio_config": drop_nulls,
    "credential_spec": drop_nulls,
    "logging": drop_nulls,
    "deploy": drop_nulls,
    "deploy.labels": key_texts,
    "deploy.resources": drop_nulls,
    "deploy.resources.limits": drop_nulls,
    "deploy.resources.reservations": drop_nulls,
    "deploy.restart_policy": drop_nulls,
    "deploy.placement": drop_nulls,
    "deploy.update_config": drop_nulls,
    "deploy.rollback_config": drop_nulls,
    "develop": drop_nulls,
    "develop.watch.*": drop_nulls,
    "develop.watch.*.ignore": text_list,
    "develop.watch.*.include": text_list,
    "provider.options.*": text_list,
    "models": names(),
    "models.*": section,
    "extends": keyed("service"),
}


def _under(prefix: str, rows: dict[str, Rule]) -> dict[str, Rule]:
    return {f"{prefix}.{pattern}" if pattern else prefix: rule for pattern, rule in rows.items()}


TABLE: Table[Rule] = table(
    {"": drop_nulls}
    | _under("services.*", SERVICE_ROWS)
    | _under("services.*.build", BUILD_ROWS)
    | _under("services.*.pre_start.*", HOOK_ROWS)
    | _under("services.*.post_start.*", HOOK_ROWS)
    | _under("services.*.pre_stop.*", HOOK_ROWS)
    | _under("services.*.develop.watch.*.exec", HOOK_ROWS)
    | _under("services.*.gpus.*", REQUEST_ROWS)
    | _under("services.*.deploy.resources.reservations.devices.*", REQUEST_ROWS)
    | _under("networks", RESOURCE_ROWS)
    | _under("volumes", RESOURCE_ROWS)
    | _under("secrets", RESOURCE_ROWS)
    | _under("configs", RESOURCE_ROWS)
    | {
        "networks.*.ipam": drop_nulls,
        "models.*": drop_nulls,
        "include.*": keyed("path"),
        "include.*.path": text_list,
        "include.*.env_file": text_list,
    }
)
"""Path pattern to rule: a new short form is a new row."""
