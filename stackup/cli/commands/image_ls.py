"""`stackup image ls`. Hot."""

from __future__ import annotations

import time

from stackup.cli.exits import Exit
from stackup.cli.settings import form, moment
from stackup.cli.views import stored as view
from stackup.cli.views.tables import own_json
from stackup.cli.views.templates import is_template
from stackup.project.choosing import chosen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.cli.call import Call
    from stackup.cli.options import Options


def run(call: Call, options: Options) -> int:
    now = time.time()
    found = chosen(call.session(), options.text("repository"), options.texts("filter"), lambda text: moment(text, now))
    digests, shape = options.flag("digests"), options.text("format")
    rows = view.docker_rows(found, now, whole=options.flag("no_trunc"), digests=digests or bool(shape))
    if options.flag("quiet"):
        for row in rows:
            call.terminal.print(row["ID"])
    elif options.flag("json"):
        call.terminal.print(own_json("images", found))
    elif is_template(shape):
        view.show_template(call.terminal, shape, rows)
    elif form(shape, "table", "json"):
        view.show_json(call.terminal, rows)
    else:
        view.show_table(call.terminal, rows, digests=digests)
    return Exit.DONE
