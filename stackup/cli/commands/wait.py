"""`stackup wait`."""

from __future__ import annotations

from stackup.project.wait import wait

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.cli.call import Call
    from stackup.cli.options import Options
    from stackup.engines.engine import Container


def run(call: Call, options: Options) -> int:
    def tell(row: Container) -> None:
        call.terminal.print(f'container "{row["name"]}" exited with status code {row["exit_code"]}')

    code = wait(call.session(), options.texts("services"), tell)
    if not options.flag("down_project"):
        return code
    from stackup.cli.changing import change
    from stackup.project.down import DownOptions, down

    return change(call, lambda session: down(session, DownOptions())) or code
