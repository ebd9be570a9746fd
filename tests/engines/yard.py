"""A build context with busybox in it, a state root to build on, and what a build told."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

from stackup.engines.builtin.build import build
from stackup.engines.builtin.build_caches import NO_CACHES, Caches
from stackup.engines.builtin.build_mounts import Surroundings
from stackup.images.build.request import Request, StepDone, StepSaid, Told
from stackup.images.store import Store, texts
from stackup.layout import Layout

BASE = "FROM scratch AS base\nCOPY busybox /bin/sh\n"
"""busybox knows its own commands by itself where it is /bin/sh."""


class Site:
    """A context with busybox in it, and a state root."""

    def __init__(self, folder: Path, layout: Layout | None = None) -> None:
        self.layout = layout or Layout(str(folder / "state"), str(folder / "run"))
        self.store = Store(self.layout.images_dir)
        self.context = folder / "context"
        self.context.mkdir(parents=True)
        shutil.copy("/bin/busybox", self.context / "busybox")
        self.environ: dict[str, str] | None = None
        """With one, what is not here is fetched."""
        self.told: list[Told] = []
        self.watching: Callable[[Told], None] = lambda _: None

    def beside(self) -> Site:
        """Another context on the same state root."""
        return Site(self.context / "beside", self.layout)

    def tell(self, told: Told) -> None:
        self.told.append(told)
        self.watching(told)

    def build(
        self,
        text: str,
        surroundings: Surroundings | None = None,
        caches: Caches = NO_CACHES,
        **rest: object,
    ) -> str:
        self.told = []
        source = str(self.context / "Dockerfile")
        request = Request(dockerfile=text, context=str(self.context), source=source, **rest)  # type: ignore[arg-type]
        tags = ["made"]
        return build(self.layout, request, tags, self.tell, surroundings, environ=self.environ, caches=caches).image

    @property
    def made(self) -> list[str]:
        """The instructions that were not cached."""
        done = [told for told in self.told if isinstance(told, StepDone) and not told.cached]
        return [told.label.partition("] ")[2] for told in done]

    @property
    def said(self) -> list[str]:
        return [told.text for told in self.told if isinstance(told, StepSaid)]

    def write(self, name: str, text: str) -> Path:
        path = self.context / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def top(self, image: str) -> Path:
        return Path(self.store.layer_dir(texts(self.store.get(image)["layers"])[-1]))

    def names(self, image: str) -> list[str]:
        top = self.top(image)
        return sorted(str(path.relative_to(top)) for path in top.rglob("*"))

    def killed_after(self, lines: int, text: str) -> None:
        """A build in a process of its own that ends with SIGKILL when steps have said so many lines."""
        pid = os.fork()
        if pid == 0:
            said = 0

            def told(event: Told) -> None:
                nonlocal said
                said += isinstance(event, StepSaid)
                if said == lines:
                    os.kill(os.getpid(), signal.SIGKILL)

            request = Request(dockerfile=text, context=str(self.context), source=str(self.context / "Dockerfile"))
            build(self.layout, request, [], told)
            os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL
