"""`stackup login`."""

from __future__ import annotations

import getpass
import sys

from stackup.cli.call import Call
from stackup.cli.exits import Exit
from stackup.cli.options import Options
from stackup.errors import UsageError
from stackup.images.credentials import Credentials
from stackup.project.login import login, registry_name


def run(call: Call, options: Options) -> int:
    registry = registry_name(options.text("registry"))
    user, password = options.text("username"), _password(call, options)
    if not user or not password:
        _require_somebody(call, registry)
        user = user or _asked(call, "Username: ")
        password = password or getpass.getpass("Password: ", sys.stderr)
    if not user or not password:
        raise UsageError("a login takes a username and a password", subject=registry)
    place = login(call.session(), registry, Credentials(user, password))
    if place.startswith("/"):
        call.terminal.say(f'The password is kept readable in "{place}"; a credential helper would keep it better.')
    call.terminal.print("Login Succeeded")
    return Exit.DONE


def _password(call: Call, options: Options) -> str:
    if options.flag("password_stdin"):
        if options.text("password") or not options.text("username"):
            raise UsageError("--password-stdin goes with --username, and without --password")
        return sys.stdin.read().rstrip("\r\n")
    if options.text("password"):
        call.say_warning("a password on the command line can be seen by others: use --password-stdin")
    return options.text("password")


def _require_somebody(call: Call, registry: str) -> None:
    if not call.terminal.interactive:
        hint = f"pipe the password: stackup login -u NAME --password-stdin {registry}"
        raise UsageError("nobody is there to ask for the login", subject=registry, hint=hint)


def _asked(call: Call, prompt: str) -> str:
    call.terminal.err.write(prompt)
    call.terminal.err.flush()
    return sys.stdin.readline().strip()
