"""What was measured, as a table for people and JSON for machines."""

from __future__ import annotations

import json
import statistics
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Results:
    """Samples by what was measured and by tool. Ratios hold within one run only."""

    tools: dict[str, str] = field(default_factory=dict)
    samples: dict[tuple[str, str], dict[str, list[float]]] = field(default_factory=dict)

    def add(self, what: str, unit: str, tool: str, value: float) -> None:
        self.samples.setdefault((what, unit), {}).setdefault(tool, []).append(value)

    def rows(self) -> list[dict[str, object]]:
        return [
            {
                "what": what,
                "unit": unit,
                "median": {tool: statistics.median(values) for tool, values in tools.items()},
                "samples": tools,
            }
            for (what, unit), tools in self.samples.items()
        ]

    def write(self, file: Path) -> None:
        document = {"schema": 1, "tools": self.tools, "measures": self.rows()}
        file.write_text(json.dumps(document, indent=1) + "\n")

    def table(self) -> str:
        """Medians, and behind each of the others its ratio to stackup's."""
        names = list(self.tools)
        lines = [["measure", *names], ["---"] * (len(names) + 1)]
        for (what, unit), tools in self.samples.items():
            own = statistics.median(tools["stackup"]) if tools.get("stackup") else None
            lines.append([what, *(_cell(tools.get(name), unit, own, name) for name in names)])
        return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _cell(values: list[float] | None, unit: str, own: float | None, name: str) -> str:
    if not values:
        return ""
    median = statistics.median(values)
    text = f"{median:.3f} {unit}" if median < 10 else f"{median:.1f} {unit}"
    return f"{text} ({median / own:.1f}x)" if own and name != "stackup" else text
