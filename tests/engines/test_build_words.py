"""Words of Dockerfiles that reach the machine: which files COPY takes, heredocs, agents, limits, caches, hostile links."""

from __future__ import annotations

import os
import socket
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from stackup.engines.builtin.build_mounts import Surroundings
from stackup.images.build.request import Unbuildable
from tests.engines.yard import BASE, Site

pytestmark = [pytest.mark.host, pytest.mark.usefixtures("own_host")]


def test_parents_and_exclude_choose_files_and_keep_their_folders(site: Site) -> None:
    for name in ("a/b/one.txt", "a/b/two.md", "a/c/one.txt"):
        site.write(name, name)
    image = site.build(BASE + "COPY --parents --exclude=*/*.md a/./b a/c/*.txt /to/\n")
    assert [name for name in site.names(image) if "." in name] == ["to/a/c/one.txt", "to/b/one.txt"]
    image = site.build(BASE + "COPY --exclude=**/*.md a /to/\n")
    assert [name for name in site.names(image) if "." in name] == ["to/b/one.txt", "to/c/one.txt"]


def test_heredocs_are_run_and_copied(site: Site) -> None:
    text = BASE + "ARG WHO=you\nRUN <<E\necho first\necho second > /made\nE\nCOPY <<A <<'B' /to/\nhi $WHO\nA\n$WHO\nB\n"
    image = site.build(text)
    assert site.said == ["first"]
    assert [(site.top(image) / "to" / name).read_text() for name in "AB"] == ["hi you\n", "$WHO\n"]


def test_an_agent_answers_its_step_and_is_there_for_no_other(site: Site, tmp_path: Path) -> None:
    path = str(tmp_path / "agent")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()

    def answer() -> None:
        with listener.accept()[0] as one:
            one.sendall(b"agent says " + one.recv(64))

    threading.Thread(target=answer, daemon=True).start()
    ask = "$a = IO::Socket::UNIX->new($ENV{SSH_AUTH_SOCK}) or die $!; syswrite $a, qq(hi\\n); print scalar <$a>"
    text = f"FROM host\nRUN --mount=type=ssh perl -MIO::Socket::UNIX -e '{ask}'; echo $SSH_AUTH_SOCK\n"
    text += "RUN [ -z $SSH_AUTH_SOCK ] && [ ! -e /run/buildkit ] && echo > /gone\n"
    image = site.build(text, Surroundings(ssh={"default": path}))
    assert site.said == ["agent says hi", "/run/buildkit/ssh_agent.0"]
    assert site.names(image) == ["gone"]
    with pytest.raises(Unbuildable, match='no agent "other"'):
        site.build(BASE + "RUN --mount=type=ssh,id=other,required echo\n")


def test_limits_of_the_stack_file_hold_in_a_step(site: Site) -> None:
    site.build(BASE + "RUN ulimit -n; ulimit -c\n", Surroundings(ulimits={"nofile": {"soft": 77, "hard": 88}}))
    assert site.said[0] == "77"


def test_a_cache_is_no_part_of_the_key_and_starts_anew_when_it_is_removed(site: Site) -> None:
    step = "RUN --mount=type=cache,target=/c echo x >> /c/f; wc -l < /c/f # {}\n"
    assert [_said(site, step.format(number)) for number in range(2)] == ["1", "2"]
    for home in Path(site.layout.state, "build/caches").iterdir():
        (home / "data/f").unlink()
    assert _said(site, step.format("after")) == "1"


def _said(site: Site, step: str) -> str:
    site.build(BASE + step)
    return site.said[0]


@pytest.mark.parametrize("number", [3, 7, 9])
def test_a_working_directory_is_not_somebody_elses_descriptor(site: Site, number: int) -> None:
    """T48: also where it comes as a trigger of the base."""
    with pytest.raises(Unbuildable, match="enter the working directory"):
        site.build(BASE + f"WORKDIR /proc/self/fd/{number}\nRUN pwd\n")
    site.build(BASE + f"ONBUILD WORKDIR /proc/self/fd/{number}\n")
    with pytest.raises(Unbuildable, match="enter the working directory"):
        site.build("FROM made\nRUN pwd\n")


def test_a_link_out_of_the_context_is_copied_as_a_link(site: Site) -> None:
    (site.context / "out").symlink_to("/etc")
    (site.context / "sub").mkdir()
    (site.context / "sub/leak").symlink_to("/etc/hostname")
    image = site.build(BASE + "COPY sub /to\n")
    assert os.readlink(site.top(image) / "to/leak") == "/etc/hostname"
    with pytest.raises(Unbuildable):
        site.build(BASE + "COPY out/hostname /\n")


def test_a_source_of_a_mount_stays_in_its_stage(site: Site) -> None:
    text = (
        BASE + "FROM base AS evil\nRUN ln -s /etc /way\nFROM base\nRUN --mount=from=evil,source=way,target=/m ls /m\n"
    )
    with pytest.raises(Unbuildable):
        site.build(text)


def test_a_part_of_a_stage_may_be_written_and_stays_as_it_is(site: Site) -> None:
    stage = BASE + "FROM base AS old\nRUN mkdir -p /s/in; echo one > /s/in/f; ln -s in /s/way\nFROM base\n"
    for source, file in (("s/in", "/m/f"), ("s/way", "/m/f"), ("s/in/f", "/m")):
        step = f"RUN --mount=type=bind,from=old,source={source},target=/m,rw echo two >> {file}; cat {file}\n"
        image = site.build(stage + step)
        assert site.said == ["one", "two"]
        assert site.names(image) == []
    site.build(stage + "RUN --mount=type=bind,from=old,source=s/in,target=/m cat /m/f\n")
    assert site.said == ["one"]


def test_a_cache_begins_with_the_files_of_a_stage_and_shows_a_part(site: Site) -> None:
    stage = "FROM base AS old\nRUN mkdir -p /seed/in; echo one > /seed/in/f\nFROM base\n"
    step = "RUN --mount=type=cache,id=c,from=old,source=seed,target=/c cat /c/in/f; echo two > /c/in/f\n"
    assert _said(site, stage + step) == "one"
    assert _said(site, stage + step + "RUN --mount=type=cache,id=c,target=/c cat /c/in/f\n") == "two"
    assert _said(site, "RUN --mount=type=cache,id=c,source=in,target=/c cat /c/f\n") == "two"
    for step in ("id=c,source=not", "id=new,from=old,source=not"):
        with pytest.raises(Unbuildable, match='there is no "'):
            site.build(BASE + stage + f"RUN --mount=type=cache,{step},target=/c ls /c\n")
    assert list(Path(site.layout.state, "build/caches").glob("*/data.*")) == []


def test_t48_a_part_of_a_cache_that_others_swap_meanwhile_stays_in_the_cache(site: Site, tmp_path: Path) -> None:
    """Another step has the cache as well, and turns the folder into a link and back (CVE-2024-23651)."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    site.build(BASE + f"RUN --mount=type=cache,id=c,target=/c mkdir /c/part; ln -s {outside} /c/way\n")
    (data,) = Path(site.layout.state, "build/caches").glob("*/data")
    over = threading.Event()

    def swap() -> None:
        while not over.is_set():
            for names in (("part", "aside"), ("way", "part"), ("part", "way"), ("aside", "part")):
                os.rename(data / names[0], data / names[1])

    swapping = threading.Thread(target=swap)
    swapping.start()
    try:
        for number in range(5):
            step = f"RUN --mount=type=cache,id=c,source=part,target=/m ls /m; echo {number} > /m/mark || true\n"
            with suppress(Unbuildable):
                site.build(BASE + step)
            assert "secret" not in site.said
    finally:
        over.set()
        swapping.join()
    assert os.listdir(outside) == ["secret"]


def test_t48_a_frontend_is_never_fetched_nor_run(site: Site) -> None:
    with socket.create_server(("127.0.0.1", 5000)) as registry:
        registry.setblocking(False)
        site.environ = {"HOME": "/nowhere"}
        site.build("# syntax=127.0.0.1:5000/evil/frontend:1\n" + BASE)
        with pytest.raises(BlockingIOError):
            registry.accept()
    assert site.made == ["COPY busybox /bin/sh"]
