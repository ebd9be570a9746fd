"""The pipeline: a Request to a Loaded, as a list of stages that reads from top to bottom.

Problems of the files are collected, never raised; what is raised (UsageError) is about the command line. Reads files
through the request only. What it read and which variables it asked for is in `inputs`, so that a cache can tell
whether the answer still holds.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable
from collections.abc import Mapping as MappingLike
from dataclasses import dataclass

from stackup.diagnostics import Diagnostic, Diagnostics, Span
from stackup.errors import UsageError
from stackup.stackfile.advice import meant
from stackup.stackfile.assemble import Asking, Assembly
from stackup.stackfile.check import check
from stackup.stackfile.complete import complete, enabled_services, profiles_of
from stackup.stackfile.discover import Found, Request, find, is_name, normal_name
from stackup.stackfile.document import Mapping, Path, Scalar, origins, section
from stackup.stackfile.envfiles import fill_environment, read_env_files
from stackup.stackfile.environment import Environment
from stackup.stackfile.honour import warn_unhonoured
from stackup.stackfile.interpolate import Evaluation, Malformed, Missing
from stackup.stackfile.model.stack import Stack
from stackup.stackfile.select import chosen
from stackup.stackfile.sources import Sources
from stackup.stackfile.through import with_steps
from stackup.stackfile.validate import typed
from stackup.stackfile.variables import with_values

__all__ = ["Found", "Inputs", "Loaded", "Request", "find", "load"]

UNREAD = ("SU010", "SU011", "SU025")
"""Codes of values that stand as something else in the tree once they were told."""
UNDEFINED = ("SU017", "SU030", "SU031")
"""Codes of names that nothing has; in a file that could not be read something may."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What the answer depends on: every path that was read or looked for, with its stamp from before that, None where
    nothing was; every variable that was asked for, with the caller's value, None where it has none (an env file may
    have given one).
    """

    files: MappingLike[str, list[int] | None]
    variables: MappingLike[str, str | None]


@dataclass(frozen=True, slots=True)
class Loaded:
    """`stack` is None when a diagnostic is an error. `origins` says where a value stands, by its path in the long form
    (`("services", "web", "ports", 0, "target")`): the value of a scalar, the key of anything larger."""

    root: Mapping
    """The merged tree in long form; all that there is when variables were not to be evaluated."""
    stack: Stack | None
    diagnostics: tuple[Diagnostic, ...]
    origins: MappingLike[Path, Span]
    inputs: Inputs
    files: tuple[str, ...]
    directory: str
    name: str
    disabled: tuple[str, ...]
    sources: MappingLike[str, str]
    environment: MappingLike[str, str]
    """The variables of the run's env files; the caller's own win over them."""
    asking: tuple[Asking, ...] = ()
    """Every document that was read, in order, with the variables that it could ask for."""


def load(request: Request) -> Loaded:
    """Raises UsageError when there is no stack file or the name given for the stack cannot be one."""
    found = find(request)
    diagnostics = Diagnostics()
    sources = Sources(request, diagnostics)
    sources.home = found.directory
    _note_ignored(found, sources, diagnostics)
    consulted: dict[str, str | None] = dict(found.variables)
    caller = Environment(request.environ, (), consulted)
    layers = read_env_files(found.env_files, caller, sources)
    environment = Environment(request.environ, layers, consulted)
    assembly = Assembly(sources, caller.get("HOME") or "")
    name = _name(found, assembly, environment, diagnostics)
    named = Environment(request.environ, layers, consulted, {"COMPOSE_PROJECT_NAME": name})
    root = assembly.stack(found.files, found.directory, named, ())
    enabled = enabled_services(root, found.profiles, request.services)
    _note_profiles(root, request.profiles, diagnostics)
    if not {"env_resolution", "interpolate"} & request.without:
        root = fill_environment(root, enabled, named, sources)
    folder = "." if "path_resolution" in request.without else found.directory
    root = complete(root, name, folder, normal="normalize" not in request.without)
    stack = typed(root, diagnostics, raw=assembly.raw)
    where = origins(root)
    if stack is not None and not {"consistency", "interpolate"} & request.without:
        stack = check(stack, where, enabled, diagnostics)
        warn_unhonoured(root, enabled, diagnostics)
    whole = stack if stack is not None and not diagnostics.failed else None
    return Loaded(
        root=root,
        stack=chosen(whole, enabled, everything=request.all_resources) if whole else None,
        diagnostics=_told(root, enabled, assembly),
        origins=where,
        inputs=Inputs(sources.stamps | found.looked_for, consulted),
        files=found.files,
        directory=found.directory,
        name=name,
        disabled=tuple(sorted(_all_services(root) - enabled)),
        sources=sources.texts,
        environment=environment.files,
        asking=tuple(assembly.asking),
    )


def _told(root: Mapping, enabled: frozenset[str], assembly: Assembly) -> tuple[Diagnostic, ...]:
    """What was found, without what only follows from it, and with what explains it."""
    found = _once(item for item in assembly.diagnostics if assembly.whole or item.code not in UNDEFINED)
    return tuple(with_values(with_steps(found, assembly.steps, _standing(root, enabled)), assembly.asking))


def _once(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """A place that several services share, by an alias or `extends`, is named once; so is a value that could not be
    read, which would be of a wrong type besides."""
    diagnostics = tuple(diagnostics)
    first: dict[object, Diagnostic] = {}
    unread: dict[tuple[str, int], list[int]] = {}
    for item in diagnostics:
        if item.code in UNREAD and item.span:
            insort(unread.setdefault((item.span.source, item.span.line), []), item.span.column)
    for item in diagnostics:
        if item.code != "SU021" or not _begins_in(item.span, unread):
            first.setdefault((item.code, item.span, item.label) if item.span else id(item), item)
    return tuple(first.values())


def _begins_in(span: Span | None, places: MappingLike[tuple[str, int], list[int]]) -> bool:
    """Whether one of the columns of the span's line is in it."""
    if span is None:
        return False
    columns = places.get((span.source, span.line), [])
    at = bisect_left(columns, span.column)
    return at < len(columns) and columns[at] < span.end_column


def _standing(root: Mapping, enabled: frozenset[str]) -> set[Span]:
    services = section(root, "services").entries
    return {entry.key for name, entry in services.items() if name in enabled}


def _all_services(root: Mapping) -> set[str]:
    services = root.get("services")
    return set(services.entries) if isinstance(services, Mapping) else set()


def _note_ignored(found: Found, sources: Sources, diagnostics: Diagnostics) -> None:
    if found.ignored:
        names = ", ".join(f'"{sources.name(path)}"' for path in found.ignored)
        diagnostics.warning(
            "SU028",
            "several stack files stand side by side",
            detail=f'"{sources.name(found.files[0])}" is used, not {names}',
            hint="name one with -f",
        )


def _note_profiles(root: Mapping, asked: tuple[str, ...], diagnostics: Diagnostics) -> None:
    """Of the command line only: COMPOSE_PROFILES may be meant for several stacks."""
    known = {name for entry in section(root, "services").entries.values() for name in profiles_of(entry.value)}
    for name in asked:
        if name != "*" and name not in known:
            diagnostics.warning(
                "SU029",
                "a profile is switched on that no service has",
                detail=f'"{name}"',
                hint=meant(name, known, f"profiles: {', '.join(sorted(known)) or 'none'}"),
            )


def _name(found: Found, assembly: Assembly, environment: Environment, diagnostics: Diagnostics) -> str:
    """-p, then COMPOSE_PROJECT_NAME, then the last `name` of the files, then the folder."""
    if found.stack_name:
        if not is_name(found.stack_name):
            raise UsageError(
                f'"{found.stack_name}" cannot be the name of a stack',
                subject=found.stack_name,
                hint="use lower-case letters, digits, - and _, with a letter or digit first",
            )
        return found.stack_name
    nodes = [document.root.get("name") for path in found.files for document in assembly.parsed(path)]
    named = [node for node in nodes if isinstance(node, Scalar) and node.value]
    if not named:
        return found.folder_name
    node = named[-1]
    try:
        text = Evaluation(environment.get, lambda variable: None).text(str(node.value))
    except (Malformed, Missing):  # reported when the whole file is interpolated
        return found.folder_name
    if text and not is_name(text):
        return _normal_name(text, node.span, diagnostics) or found.folder_name
    return text or found.folder_name


def _normal_name(text: str, span: Span, diagnostics: Diagnostics) -> str:
    """What is left of a name when it is spelled as one; empty when that is nothing."""
    normal = normal_name(text)
    detail = f'"{text}" cannot be the name of a stack' + (f', "{normal}" is taken' if normal else "")
    say = diagnostics.warning if normal else diagnostics.error
    hint = "use lower-case letters, digits, - and _, with a letter or digit first"
    say("SU026", "a name is not valid", detail=detail, span=span, hint=hint)
    return normal
