"""What may come next on a command line that is being typed, from the hot table. Hot: a person holds the tab key.

An answer is lines: a candidate, and behind a tab a word about it; or one line that begins with a colon and leaves the
rest to the shell. Whatever goes wrong, the answer is none. Nothing is offered that a shell would have to quote.
"""

from __future__ import annotations

from stackup.cli.argv import Syntax
from stackup.cli.hot_table import GLOBALS
from stackup.cli.hot_table import VERBS as LINES
from stackup.cli.verbs import GROUPS, VERBS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.cli.call import Call

FILES, FOLDERS = ":files", ":folders"
HIDDEN = ("--compatibility", "--verbose")
WORDS = {
    "ansi": "never always auto",
    "progress": "auto tty plain json quiet",
    "diagnostics": "json github sarif",
    "pull": "always missing never build",
    "rmi": "local all",
    "shell": "bash zsh fish",
    "status": "paused restarting removing running dead created exited",
    "protocol": "tcp udp",
}
"""Options and arguments whose values are words of a fixed set."""
FORMATS = {"config": "yaml json", "version": "pretty json"}
SERVICES = ("services", "service", "attach", "no_attach", "exit_code_from", "hash", "subject")
PATHS = ("file", "env_file", "env_from_file", "output", "out", "plan", "source", "command")


class Line:
    """The words before the one that is being typed, understood as far as they go."""

    __slots__ = ("flags", "given", "option", "passed", "syntax", "verb")

    def __init__(self, words: list[str]) -> None:
        self.flags = Syntax(GLOBALS)
        self.syntax = self.flags
        self.verb = ""
        self.given: list[str] = []
        self.option = ""
        self.passed = False
        for word in words:
            self._take(word)

    def _take(self, word: str) -> None:
        if self.option:
            self._keep(self.option, word)
            self.option = ""
        elif self.passed or not word.startswith("-") or word == "-":
            self._argument(word)
        elif word == "--":
            self.passed = True
        else:
            self._flag(word)

    def _flag(self, word: str) -> None:
        option, mark, value = word.partition("=")
        name, kind = self.syntax.options.get(option, ("", "flag"))
        if kind in ("flag", "off"):
            return
        if mark:
            self._keep(name, value)
        else:
            self.option = name

    def _keep(self, name: str, value: str) -> None:
        if self.syntax is self.flags and name in self.flags.values:
            known = self.flags.values[name]
            self.flags.values[name] = [*known, value] if isinstance(known, list) else value

    def _argument(self, word: str) -> None:
        longer = f"{self.verb} {word}".strip()
        if self.verb in LINES and (self.given or longer not in LINES):
            self.given.append(word)
            self.passed = self.passed or self.syntax.passes_rest
            return
        self.verb = longer
        if self.verb in LINES:
            self.syntax = Syntax(LINES[self.verb])

    @property
    def argument(self) -> str:
        """The name of the argument that would be next."""
        names = [(name, kind) for name, kind in self.syntax.arguments]
        for at, (name, kind) in enumerate(names):
            if kind in ("many", "some") or at == len(self.given):
                return name
        return ""


def complete(call: Call, words: list[str]) -> list[str]:
    """Lines for the last of the words, which may be empty."""
    *before, current = words or [""]
    line = Line(before)
    option, mark, value = current.partition("=")
    if not line.option and not line.passed and current.startswith("--") and mark:
        found = _values(call, line, line.syntax.options.get(option, ("", ""))[0], value)
        return [item if item.startswith(":") else f"{option}={item}" for item in found]
    if line.option:
        return _values(call, line, line.option, current)
    if current.startswith("-") and not line.passed:
        return _begin(current, [*(name for name in line.syntax.options if name not in HIDDEN), "--help"])
    if line.verb not in LINES:
        return _begin(current, _verbs(line.verb))
    found = _values(call, line, line.argument, current)
    return [item for item in found if item not in line.given]


def _verbs(group: str) -> list[str]:
    """Commands, and groups of them, with what they do; `group` is the first word of a longer command."""
    if group:
        prefix = f"{group} "
        return [f"{verb.removeprefix(prefix)}\t{about}" for verb, about in VERBS.items() if verb.startswith(prefix)]
    found = {**{verb: about for verb, about in VERBS.items() if " " not in verb}, **GROUPS}
    return [f"{verb}\t{about}" for verb, about in sorted(found.items())]


def _begin(current: str, candidates: list[str]) -> list[str]:
    return [item for item in candidates if item.startswith(current)]


def _values(call: Call, line: Line, name: str, current: str) -> list[str]:
    if name in PATHS:
        return [FILES]
    if name == "project_directory":
        return [FOLDERS]
    if name == "format":
        return _begin(current, FORMATS.get(line.verb, "table json").split())
    if name in WORDS:
        return _begin(current, WORDS[name].split())
    return _begin(current, _names(call, line, name))


def _names(call: Call, line: Line, name: str) -> list[str]:
    """What only the stack, or the machine, can say."""
    from stackup.cli.options import Options
    from stackup.project import names

    if name == "code":
        from stackup.stackfile.codes import CODES

        return [f"{code}\t{headline}" for code, (headline, _) in CODES.items()]
    call.heed(Options(line.flags.values), line.verb)
    session = call.session()
    if name in SERVICES or (name == "names" and line.verb == "config"):
        return names.services(session)
    if name in ("scale", "counts"):
        return [f"{service}=" for service in names.services(session)]
    if name == "profile":
        return names.profiles(session)
    return names.stacks(session) if name == "project_name" else []


def answer(call: Call, words: list[str]) -> None:
    """Prints the lines; silent, whatever happens, since nobody asked to read about it."""
    try:
        lines = complete(call, words)
    except Exception:  # a tab key that prints a traceback over what is being typed helps nobody
        return
    for item in lines:
        call.terminal.print(item)


def split(line: str) -> list[str]:
    """A line as far as it was typed, as a shell splits it; a quote that is still open ends with the line."""
    found: list[str] = [""]
    quote = ""
    at = 0
    while at < len(line):
        letter = line[at]
        if letter == "\\" and quote != "'":
            at += 1
            found[-1] += line[at : at + 1]
        elif quote or letter in "'\"":
            found[-1] += "" if letter == quote or not quote else letter
            quote = "" if letter == quote else quote or letter
        elif letter in " \t":
            found.append("")
        else:
            found[-1] += letter
        at += 1
    return [word for word in found[:-1] if word] + found[-1:]


def answer_bash(call: Call, line: str, current: str) -> None:
    """bash breaks words at `=` and `:` as well, and replaces only the last piece: that much is cut off in front."""
    words = split(line)
    piece = "" if current in ("=", ":") else current
    cut = len(words[-1]) - len(piece) if words[-1].endswith(piece) else 0
    try:
        lines = complete(call, words[1:])
    except Exception:  # as in `answer`
        return
    for item in lines:
        call.terminal.print(item if item.startswith(":") else item[cut:])
