"""Later documents over earlier ones, by one table from path pattern to rule; both sides are in long form.

Without a row a mapping merges by key, a sequence is appended, a scalar is replaced. `!override` on the later side
replaces whatever the rule is, `!reset` removes. Every node of the result is one of the two sides', spans and all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TypeAlias

from stackup.stackfile.document import OVERRIDE, RESET, Entry, Mapping, Node, Scalar, Sequence, with_entries, with_tag
from stackup.stackfile.patterns import Table, table

Act: TypeAlias = "Callable[[Node, Node, Table[Rule]], Node]"
Key: TypeAlias = "Callable[[Node], object]"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: what it does, and what the page made from the table says of it: an earlier and a later value."""

    act: Act
    means: str
    base: str
    over: str


def merge(base: Mapping, over: Mapping) -> Mapping:
    """`over` on top of `base`. Tags of `over` have acted and are gone from the result."""
    done = _merge(base, settle(over) if over.tag == OVERRIDE else over, TABLE)
    return done if isinstance(done, Mapping) else base


def merge_service(base: Mapping, over: Mapping) -> Mapping:
    """The same for one service, as `extends` needs it."""
    place = TABLE.below["services"].below["*"]
    done = _merge(base, over, place)
    return done if isinstance(done, Mapping) else base


def settle(node: Node) -> Node:
    """The node without its tags: what is reset is gone, what overrides stands."""
    match node:
        case Scalar():
            return with_tag(node, "")
        case Sequence():
            return Sequence(tuple(settle(item) for item in node.items if item.tag != RESET), node.span)
        case Mapping():
            kept = {k: Entry(e.key, settle(e.value)) for k, e in node.entries.items() if e.value.tag != RESET}
            return Mapping(kept, node.span)


def _merge(base: Node, over: Node, place: Table[Rule]) -> Node:
    if over.tag == OVERRIDE:
        return settle(over)
    if place.rule is not None:
        return place.rule.act(base, over, place)
    return by_kind(base, over, place)


def by_kind(base: Node, over: Node, place: Table[Rule]) -> Node:
    if isinstance(base, Mapping) and isinstance(over, Mapping):
        return _mappings(base, over, place)
    if isinstance(base, Sequence) and isinstance(over, Sequence):
        return replace(base, items=(*base.items, *_settled(over)))
    return settle(over)


def _mappings(base: Mapping, over: Mapping, place: Table[Rule]) -> Mapping:
    entries = dict(base.entries)
    for key, entry in over.entries.items():
        known = entries.get(key)
        if entry.value.tag == RESET:
            entries.pop(key, None)
        elif known is None or key.startswith("x-"):
            entries[key] = Entry(entry.key, _alone(entry.value, place.down(key)))
        else:
            value = _merge(known.value, entry.value, place.down(key) or _NOWHERE)
            # what grew stays where it began, what was replaced stands where the replacement does
            entries[key] = Entry(known.key if value.span == known.value.span else entry.key, value)
    return with_entries(base, entries)


def _alone(node: Node, place: Table[Rule] | None) -> Node:
    """What has nothing to be merged with still goes through its rule, which drops what it holds twice."""
    if place is None:
        return settle(node)
    match node:
        case Mapping() if node.tag != OVERRIDE:
            return _mappings(Mapping({}, node.span), node, place)
        case Sequence() if place.rule is not None and node.tag != OVERRIDE:
            return place.rule.act(Sequence((), node.span), node, place)
        case _:
            return settle(node)


def _settled(node: Sequence) -> tuple[Node, ...]:
    return tuple(settle(item) for item in node.items if item.tag != RESET)


def _replaced(base: Node, over: Node, place: Table[Rule]) -> Node:
    return settle(over)


REPLACE = Rule(_replaced, "The later one counts.", "[a, b]", "[c]")


def unique(key: Key, by: str, base: str, over: str) -> Rule:
    """Lists whose items have a key: a later item takes the place of the earlier one with its key."""

    def act(base: Node, over: Node, place: Table[Rule]) -> Node:
        if not isinstance(base, Sequence) or not isinstance(over, Sequence):
            return settle(over)
        found: dict[object, Node] = {key(item): item for item in base.items}
        for item in over.items:
            if item.tag == RESET:
                found.pop(key(item), None)
            else:
                found[key(item)] = settle(item)
        return replace(base if base.items else over, items=tuple(found.values()), tag="")

    return Rule(act, f"Joined by {by}; a later one takes the earlier one's place.", base, over)


def _logging(base: Node, over: Node, place: Table[Rule]) -> Node:
    """Options belong to a driver: they merge only while both sides mean the same one."""
    if not isinstance(base, Mapping) or not isinstance(over, Mapping):
        return settle(over)
    drivers = {_value(side.get("driver")) for side in (base, over)} - {None}
    return _mappings(base, over, place) if len(drivers) < 2 else settle(over)


LOGGING = Rule(
    _logging,
    "Options are joined while both mean one driver; those of another driver replace them.",
    "{driver: json-file, options: {max-size: 1m}}",
    "{driver: local}",
)


def _value(node: Node | None) -> object:
    return node.value if isinstance(node, Scalar) else None


def _whole(node: Node) -> object:
    """Equal values are equal keys; spans do not count."""
    match node:
        case Scalar():
            return str(node.value)
        case Sequence():
            return tuple(_whole(item) for item in node.items)
        case Mapping():
            return tuple((key, _whole(entry.value)) for key, entry in sorted(node.entries.items(), key=_name))


def _name(entry: tuple[str, Entry]) -> str:
    return entry[0]


def fields(*keys: str, **defaults: str) -> Key:
    """Items are keyed by some of their fields; an item without any is keyed by all that it says."""

    def key(node: Node) -> object:
        if not isinstance(node, Mapping):
            return _whole(node)
        found = tuple(_text(node.get(name)) or defaults.get(name, "") for name in keys)
        return found if any(_text(node.get(name)) for name in keys) else _whole(node)

    return key


def _text(node: Node | None) -> str:
    value = _value(node)
    return "" if value is None else str(value)


def granted(folder: str) -> Key:
    """Secrets and configs are keyed by the file they become."""

    def key(node: Node) -> object:
        if not isinstance(node, Mapping):
            return _whole(node)
        target = _text(node.get("target")) or _text(node.get("source"))
        return target if target.startswith("/") else f"{folder}/{target}"

    return key


def _pools(base: Node, over: Node, place: Table[Rule]) -> Node:
    """The later pools count; each keeps what the earlier one of its subnet said. A network has one of a family."""
    if not isinstance(base, Sequence) or not isinstance(over, Sequence) or not over.items:
        return settle(over)
    known = {_text(item.get("subnet")): item for item in base.items if isinstance(item, Mapping)}
    items = [
        _mappings(known[subnet], item, _NOWHERE)
        if isinstance(item, Mapping) and (subnet := _text(item.get("subnet"))) in known
        else settle(item)
        for item in over.items
    ]
    return replace(over, items=tuple(items), tag="")


def _before_colon(node: Node) -> object:
    return str(_value(node)).split(":", 1)[0]


def _rows(prefix: str, names: Iterable[str], rule: Rule) -> dict[str, Rule]:
    return {f"{prefix}.{name}": rule for name in names}


VALUES = (
    "expose",
    "dns",
    "dns_search",
    "dns_opt",
    "cap_add",
    "cap_drop",
    "links",
    "external_links",
    "profiles",
    "group_add",
    "security_opt",
    "device_cgroup_rules",
    "volumes_from",
    "networks.*.aliases",
    "networks.*.link_local_ips",
    "extra_hosts.*",
    "build.tags",
    "build.cache_from",
    "build.cache_to",
    "build.platforms",
    "build.no_cache_filter",
    "build.extra_hosts.*",
)
REPLACED = (
    "command",
    "entrypoint",
    "healthcheck.test",
    "ulimits.*",
    "build.ulimits.*",
    "provider.options.*",
)

BY_VALUE = unique(_whole, "value", "[a, b]", "[b, c]")
PORTS = unique(
    fields("host_ip", "target", "published", "protocol", protocol="tcp"),
    "all of host_ip, target, published and protocol",
    "[{target: 80, published: '8080'}]",
    "[{target: 80, published: '8080'}, {target: 80, published: '8081'}]",
)
BY_TARGET = unique(fields("target"), "target", "[{source: a, target: /x}]", "[{source: b, target: /x}]")
BY_FOLDER = unique(_before_colon, "path", "['/run:size=1m']", "['/run:size=2m']")
BY_PATH = unique(fields("path"), "path", "[{path: a.env}]", "[{path: a.env, required: false}]")
POOLS = Rule(
    _pools,
    "The later pools count, and keep what the earlier one of the same subnet said.",
    "[{subnet: 10.1.0.0/24, gateway: 10.1.0.1}, {subnet: 10.2.0.0/24}]",
    "[{subnet: 10.1.0.0/24, ip_range: 10.1.0.128/25}]",
)


def _grants(folder: str) -> Rule:
    by = f"target beneath {folder}/" if folder else "target"
    return unique(granted(folder), by, "[{source: a}]", "[{source: b, target: a}]")


_NOWHERE: Table[Rule] = table({})

TABLE: Table[Rule] = table(
    _rows("services.*", VALUES, BY_VALUE)
    | _rows("services.*", REPLACED, REPLACE)
    | {
        "services.*.logging": LOGGING,
        "services.*.ports": PORTS,
        "services.*.volumes": BY_TARGET,
        "services.*.devices": BY_TARGET,
        "services.*.tmpfs": BY_FOLDER,
        "services.*.env_file": BY_PATH,
        "services.*.secrets": _grants("/run/secrets"),
        "services.*.configs": _grants(""),
        "services.*.build.secrets": _grants(""),
        "networks.*.ipam.config": POOLS,
    }
)
"""Path pattern to rule: a list that merges by something else is a new row."""
