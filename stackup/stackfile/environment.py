"""Where variables get their values: the tool, the caller's environment, then the env files, the last of them first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from stackup.diagnostics import Span


@dataclass(frozen=True, slots=True)
class Binding:
    """One variable of an env file and where its name stands."""

    name: str
    value: str
    span: Span


Layers: TypeAlias = "tuple[Mapping[str, Binding], ...]"
"""What each env file sets; of several, the later wins."""


class Environment:
    """The variables of a run. Remembers what was asked for.

    `given` are those that the tool itself sets. `consulted` holds the caller's value of every name that was looked up:
    env files are recorded as files.
    """

    def __init__(
        self,
        caller: Mapping[str, str],
        layers: Layers,
        consulted: dict[str, str | None],
        given: Mapping[str, str] | None = None,
    ) -> None:
        self.caller = caller
        self.layers = layers
        self.consulted = consulted
        self.given = given or {}
        self.files = {name: binding.value for layer in layers for name, binding in layer.items()}

    def get(self, name: str) -> str | None:
        value = self.consulted[name] = self.caller.get(name)
        if name in self.given:
            return self.given[name]
        return self.files.get(name) if value is None else value

    def names(self) -> Iterable[str]:
        """Everything that is set."""
        return {**self.caller, **self.files}

    def beneath(self, layers: Layers) -> Environment:
        """The same for an included file, whose own env files lose against everything here."""
        return Environment(self.caller, (*layers, *self.layers), self.consulted, self.given)
