"""Build contexts that are archives: on this machine, behind a URL, on standard input; and what a hostile one may try."""

from __future__ import annotations

import gzip
import io
import os
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from stackup.engines.builtin.sources import STDIN, Sources
from stackup.engines.dockerfiles import dockerfile_of
from stackup.errors import HostError, StackupError, UsageError
from stackup.layout import Layout
from tests.conftest import OwnHost
from tests.images import tarballs as t
from tests.scenarios.test_remote import commit, git, serve_git

pytestmark = [pytest.mark.host]
ARCHIVE = gzip.compress(t.tarball(t.file("app/Dockerfile", b"FROM x\n"), t.file("app/f", b"one"), t.file(".wh.f")))
BOMB = t.tarball(t.symlink("out", "/etc"), t.file("out/stackup-test", b"evil"))


def sources(folder: Path) -> Sources:
    return Sources(Layout(str(folder / "state"), str(folder / "run")), {})


def form(context: str, dockerfile: str = "", **args: str) -> Any:
    return {"context": context, "args": args, "contexts": {}, "dockerfile": dockerfile, "inline": None}


def names(folder: str) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in Path(folder).rglob("*"))


def test_an_archive_of_this_machine(tmp_path: Path) -> None:
    (tmp_path / "a.tgz").write_bytes(ARCHIVE)
    found: Any = sources(tmp_path).brought_here(form(str(tmp_path / "a.tgz"), "app/Dockerfile"))
    assert names(found["context"]) == [".wh.f", "app", "app/Dockerfile", "app/f"]
    assert dockerfile_of(found) == ("FROM x\n", f"{found['context']}/app/Dockerfile")
    (tmp_path / "text").write_text("no archive")
    plain = form(str(tmp_path / "text"))
    assert sources(tmp_path).brought_here(plain) is plain


def test_behind_a_url_with_a_folder_in_it_or_just_a_dockerfile(own_host: OwnHost, tmp_path: Path) -> None:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            return None

    (tmp_path / "a.tgz").write_bytes(ARCHIVE)
    (tmp_path / "Plain").write_text("FROM y\n")
    server = ThreadingHTTPServer(("127.0.0.1", 8000), partial(Quiet, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = "http://127.0.0.1:8000"
    found: Any = sources(tmp_path).brought_here(form(f"{url}/a.tgz#:app"))
    assert names(found["context"]) == ["Dockerfile", "f"]
    found = sources(tmp_path).brought_here(form(f"{url}/Plain", "elsewhere/Dockerfile"))
    assert dockerfile_of(found)[0] == "FROM y\n"
    with pytest.raises(UsageError, match='has no folder "../.."'):
        sources(tmp_path).brought_here(form(f"{url}/a.tgz#:../.."))


@pytest.mark.parametrize(
    ("given", "dockerfile"), [(ARCHIVE, "app/Dockerfile"), (b"FROM x\n", "")], ids=["archive", "plain"]
)
def test_standard_input_is_an_archive_or_a_dockerfile(tmp_path: Path, given: bytes, dockerfile: str) -> None:
    name = sources(tmp_path).receive(io.BytesIO(given))
    found: Any = sources(tmp_path).brought_here(form(name, dockerfile))
    assert dockerfile_of(found)[0] == "FROM x\n"
    assert sources(tmp_path).receive(io.BytesIO(given)) == name


def test_nothing_on_standard_input_is_no_context(tmp_path: Path) -> None:
    assert sources(tmp_path).receive(io.BytesIO(b"")) == STDIN
    with pytest.raises(UsageError, match="nothing comes there"):
        sources(tmp_path).brought_here(form(STDIN))


@pytest.mark.parametrize(
    "archive",
    [
        BOMB,
        t.tarball(t.file("../stackup-test", b"evil")),
        t.tarball(t.file("f", b"x"), t.symlink("s", "/etc/hostname"), t.hardlink("h", "s")),
        ARCHIVE[:60],
    ],
    ids=["bomb", "out", "link", "cut"],
)
def test_a_hostile_archive_leaves_nothing(tmp_path: Path, archive: bytes) -> None:
    (tmp_path / "a.tar").write_bytes(archive)
    for received in (False, True):
        with pytest.raises(StackupError) as caught:
            if received:
                sources(tmp_path).receive(io.BytesIO(archive))
            else:
                sources(tmp_path).brought_here(form(str(tmp_path / "a.tar")))
        assert caught.value.code == "archive-refused"
    assert names(str(tmp_path / "state/build/sources")) == ["lock"]
    assert not os.path.exists("/etc/stackup-test")


def test_a_dockerfile_that_leads_out_is_not_read(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("secret")
    name = sources(tmp_path).receive(io.BytesIO(t.tarball(t.symlink("Dockerfile", str(outside)))))
    with pytest.raises(HostError, match="it leads out of its context"):
        dockerfile_of(sources(tmp_path).brought_here(form(name)))


def test_a_repository_as_a_context_keeps_its_git_folder_where_the_build_says_so(
    own_host: OwnHost, tmp_path: Path
) -> None:
    folder = tmp_path / "repositories/app.git"
    folder.mkdir(parents=True)
    git(folder, "init", "-q")
    (folder / "f").write_text("one\n")
    commit(folder, "first")
    serve_git(tmp_path / "repositories")
    environ = {"PATH": os.environ["PATH"]}
    brought = Sources(Layout(str(tmp_path / "state"), str(tmp_path / "run")), environ).brought_here
    plain: Any = brought(form("git://127.0.0.1/app.git"))
    assert names(plain["context"]) == ["f"]
    kept: Any = brought(form("git://127.0.0.1/app.git", BUILDKIT_CONTEXT_KEEP_GIT_DIR="1"))
    assert git(Path(kept["context"]), "log", "--format=%s") == "first"
