"""`watch` and `up --watch`: each round of changes has a session of its own. Lines, nothing is drawn.

The first Ctrl-C ends what is under way in order, and the watch with it.
"""

from __future__ import annotations

from stackup.cli.call import Call
from stackup.cli.changing import Frame, frame, shown, told
from stackup.cli.options import Options
from stackup.cli.views.watch import WatchView
from stackup.project.watch import Done, Failed, Told, Watch, WatchOptions, watch


class Watching:
    def __init__(self, call: Call, found: Watch, options: Options) -> None:
        self._call = call
        self._watch = found
        self._options = options
        self._view = WatchView(call.terminal, call.progress)

    def wait(self) -> None:
        self._watch.wait()

    def begin(self) -> None:
        made = self._frame()
        with shown(made):
            self._watch.begin(made.session, lambda event: self._tell(made, event))
        self._view.enabled(self._watch.rules)

    def handle(self) -> list[str]:
        """The services that something was done for. Raises KeyboardInterrupt once it is done, when that was pressed."""
        made = self._frame()
        with shown(made):
            services = self._watch.handle(made.session, lambda event: self._tell(made, event))
        if made.session.interrupt is not None and made.session.interrupt.cancelled:
            raise KeyboardInterrupt
        return services

    def close(self) -> None:
        self._watch.close()

    def _frame(self) -> Frame:
        """Lines of output may come in between, so that nothing is drawn over."""
        mode = "plain" if self._call.progress in ("auto", "tty") else ""
        return frame(self._call, mode="quiet" if self._options.values.get("quiet") else mode, yes=True)

    def _tell(self, made: Frame, event: Told) -> None:
        if isinstance(event, Failed):
            self._call.fail(event.problem)
        elif isinstance(event, Done) and event.report is not None and not event.report.ok:
            told(made, event.report)
        else:
            self._view(event)


def watched(made: Frame, options: Options) -> Watching:
    """From now on. Raises StackupError when there is nothing to watch for."""
    prune = bool(options.values.get("prune", True))
    return Watching(made.call, watch(made.session, WatchOptions(options.texts("services"), prune)), options)
