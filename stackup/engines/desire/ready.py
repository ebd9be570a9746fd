"""`x-stackup.ready`: when a service counts as ready, looked at from outside: no process runs in the container.

    x-stackup:
      ready: {tcp: 5432}
      ready: {http: 8080/healthz}
      ready: {file: /run/ready}
      ready: {log: ready to accept connections}
      ready: {notify: true}

It takes the place of `healthcheck.test`; intervals, retries and the rest of `healthcheck` hold for the first three. The
last two are signs that the program gives once a run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stackup.engines.desire.facts import Context
from stackup.runtime.probes import FILE, HTTP, TCP
from stackup.runtime.signs import LOG, NOTIFY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stackup.stackfile.model import Service

    Test = list[str] | None

EXTENSION, KEY = "x-stackup", "ready"


def ready(name: str, service: Service, context: Context) -> Test:
    """The test of its health check; None when the file asks for none of these, or cannot mean what it says."""
    asked = service.extensions.get(EXTENSION)
    if not isinstance(asked, dict) or KEY not in asked:
        return None
    said = asked[KEY]
    path = ("services", name, EXTENSION, KEY)
    if not isinstance(said, dict) or len(said) != 1 or next(iter(said)) not in _TESTS:
        _refuse(context, path, "it is one of tcp, http, file, log, notify with its value")
        return None
    [(kind, value)] = said.items()
    test = _TESTS[kind](value)
    if test is None:
        _refuse(context, (*path, kind), f"expected {_EXPECTED[kind]}")
    elif service.healthcheck is not None and (service.healthcheck.test is not None or service.healthcheck.disable):
        _refuse(context, path, "`healthcheck` says otherwise already: leave out its test, or this")
        return None
    return test


def _refuse(context: Context, path: tuple[str, ...], hint: str) -> None:
    context.problems.error(
        "SU112",
        "a sign of readiness cannot be read",
        detail=f'service "{path[1]}": {".".join(path[2:])}',
        span=context.span(*path),
        hint=hint,
    )


def _port(value: object) -> str:
    """A port as text, empty for what is none."""
    text = str(value)
    is_one = not isinstance(value, bool) and text.isascii() and text.isdigit() and 0 < int(text[:6]) < 65536
    return text if is_one and len(text) < 6 else ""


def _tcp(value: object) -> Test:
    port = _port(value)
    return [TCP, port] if port else None


def _http(value: object) -> Test:
    number, slash, path = str(value).partition("/")
    port = _port(number if slash or not isinstance(value, bool) else value)
    well = port and path.isascii() and path.isprintable() and " " not in path
    return [HTTP, port, f"/{path}"] if well else None


def _file(value: object) -> Test:
    return [FILE, value] if isinstance(value, str) and value.startswith("/") and "\0" not in value else None


def _log(value: object) -> Test:
    return [LOG, value] if isinstance(value, str) and 0 < len(value) <= 1024 and "\n" not in value else None


def _notify(value: object) -> Test:
    return [NOTIFY] if value is True or value == "true" else None


_TESTS: Mapping[str, Callable[[object], Test]] = {
    "tcp": _tcp, "http": _http, "file": _file, "log": _log, "notify": _notify,
}  # fmt: skip
_EXPECTED = {
    "tcp": "a port of the container, such as 5432",
    "http": "a port and a path, such as 8080/healthz",
    "file": "an absolute path in the container, such as /run/ready",
    "log": "a text of one line, such as `ready to accept connections`",
    "notify": "true",
}
