"""`stackup explain SU014`; without a code, all of them."""

from __future__ import annotations

from difflib import get_close_matches
from textwrap import fill

from stackup.cli.exits import Exit
from stackup.cli.terminal import BOLD
from stackup.cli.views.diagnostics import draw
from stackup.errors import UsageError
from stackup.project.explain import ALL, CODES, example, problems_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from stackup.cli.call import Call
    from stackup.cli.options import Options
    from stackup.cli.terminal import Terminal

WIDEST = 100


def run(call: Call, options: Options) -> int:
    code = options.text("code").upper()
    if code.isdecimal():
        code = f"SU{code:>03}"
    if not code:
        for known, (headline, _) in sorted(ALL.items()):
            call.terminal.print(f"{call.terminal.paint(known, BOLD)}  {headline}")
        return Exit.DONE
    if code not in ALL:
        near = get_close_matches(code, ALL, 1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise UsageError(
            f'there is no code "{options.text("code")}"', subject=code, hint=f"{hint}`stackup explain` lists all codes"
        )
    _explain(call.terminal, code)
    return Exit.DONE


def _explain(terminal: Terminal, code: str) -> None:
    headline, explanation = ALL[code]
    terminal.print(terminal.paint(f"{code}: {headline}", BOLD))
    terminal.print("\n" + fill(explanation, min(terminal.size()[0], WIDEST)))
    if code in CODES:
        _show_example(terminal, code)


def _show_example(terminal: Terminal, code: str) -> None:
    shown = example(code)
    _show_files(terminal, "For example", shown.bad)
    flags = "".join(f" --profile {name}" for name in shown.profiles)
    terminal.print(terminal.paint(f"\nWhat stackup{flags} says\n", BOLD))
    terminal.print("\n\n".join(_indented(draw(row, terminal.paint)) for row in problems_of(shown.bad, shown.profiles)))
    _show_files(terminal, "Mended", shown.good)


def _show_files(terminal: Terminal, words: str, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        terminal.print(f"\n{terminal.paint(words, BOLD)}, {name}\n\n{_indented(text)}")


def _indented(text: str) -> str:
    return "\n".join(f"    {line}".rstrip() for line in text.rstrip("\n").split("\n"))
