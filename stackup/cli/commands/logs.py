"""`stackup logs`. Hot."""

from __future__ import annotations

import time

from stackup.cli.exits import Exit
from stackup.cli.settings import lines, moment
from stackup.cli.views.logs import LogView
from stackup.project.logs import Followed, chosen, past

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.cli.call import Call
    from stackup.cli.options import Options


def run(call: Call, options: Options) -> int:
    session, now = call.session(), time.time()
    tail = lines(options.text("tail"))
    since, until = moment(options.text("since"), now), moment(options.text("until"), now)
    rows = chosen(session, options.texts("services"), options.number("index") or 0)
    view = LogView(
        call.terminal,
        rows,
        prefix=not options.flag("no_log_prefix"),
        color=not options.flag("no_color"),
        timestamps=options.flag("timestamps"),
        raw=options.flag("raw"),
    )
    if not options.flag("follow"):
        for row, at, _, data in past(session, rows, tail=tail, since=since, until=until):
            view.line(row, at, data)
        return Exit.DONE
    followed = Followed(session.host.direct, tail=tail, since=since, until=until)
    for row in rows:
        followed.add(row)
    for item in followed:
        if isinstance(item, tuple):
            view.line(item[0], item[1], item[3])
    return Exit.DONE
