"""Builds, for real: FROM scratch with busybox, RUN in the runtime, layers as the store has them afterwards."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from stackup.engines.builtin.build_mounts import Surroundings
from stackup.errors import StackupError
from stackup.images.archive import pack_directory
from stackup.images.build.request import Unbuildable
from stackup.images.soundness import problems
from stackup.images.store import texts
from stackup.kernel import calls
from stackup.kernel.resolve import open_beneath
from tests.engines.yard import BASE, Site

pytestmark = [pytest.mark.host, pytest.mark.usefixtures("own_host")]


def test_a_build_makes_an_image_and_the_same_one_again(site: Site) -> None:
    site.write("a.txt", "one")
    text = BASE + 'WORKDIR /app\nCOPY a.txt .\nRUN read x < a.txt; echo got $x > out\nCMD ["/bin/sh"]\n'
    image = site.build(text)
    assert site.names(image) == ["app", "app/out"]
    assert (site.top(image) / "app/out").read_text() == "got one\n"
    assert site.store.rootfs(image).config.workdir == "/app"
    assert site.build(text) == image
    assert site.made == []
    assert problems(site.store) == ()


def test_times_do_not_count_and_contents_do(site: Site) -> None:
    path = site.write("a.txt", "one")
    text = BASE + "RUN echo first > /f\nCOPY a.txt /\nRUN echo last > /l\n"
    image = site.build(text)
    os.utime(path, (1, 1))
    assert site.build(text) == image
    assert site.made == []
    site.write("a.txt", "two")
    assert site.build(text) != image
    assert site.made == ["COPY a.txt /", "RUN echo last > /l"]


def test_only_what_the_target_needs(site: Site) -> None:
    text = BASE + "FROM base AS other\nRUN exit 1\nFROM base\nRUN echo x > /x\n"
    site.build(text)
    assert site.made == ["COPY busybox /bin/sh", "RUN echo x > /x"]


def test_nothing_of_a_mount_is_in_the_layer(site: Site) -> None:
    site.write("src/s", "source")
    text = BASE + (
        "RUN --mount=type=bind,source=src,target=/deep/src --mount=type=cache,target=/deep/cache "
        "--mount=type=tmpfs,target=/t --mount=type=secret,id=pw,target=/deep/pw "
        "read a < /deep/src/s; read b < /deep/pw; echo $a $b > /deep/cache/c; echo > /t/x; echo $a > /kept\n"
    )
    image = site.build(text, Surroundings(secrets={"pw": b"s3cr3t-7f"}))
    assert site.names(image) == ["kept"]
    site.build(text + "RUN --mount=type=cache,target=/deep/cache read x < /deep/cache/c; echo $x\n")
    assert site.said == ["source s3cr3t-7f"]
    everything = [path for path in Path(site.layout.images_dir).rglob("*") if path.is_file()]
    assert not [path for path in everything if b"s3cr3t-7f" in path.read_bytes()]


def test_a_failing_step_says_its_line_and_leaves_a_sound_store(site: Site) -> None:
    text = BASE + "RUN echo fine > /f\nRUN echo out; echo err >&2; exit 7\n"
    with pytest.raises(Unbuildable) as caught:
        site.build(text)
    (found,) = caught.value.diagnostics
    assert found.span is not None
    assert (found.code, found.span.line) == ("SU221", 4)
    assert found.detail.endswith("exit code 7")
    assert sorted(site.said) == ["err", "out"]
    assert problems(site.store) == ()
    site.build(BASE + "RUN echo fine > /f\nRUN echo out\n")
    assert site.made == ["RUN echo out"]


def test_a_source_that_is_not_there_is_a_problem_of_its_line(site: Site) -> None:
    site.write(".dockerignore", "hidden\n")
    site.write("hidden", "x")
    with pytest.raises(Unbuildable) as caught:
        site.build(BASE + "COPY hidden /\n")
    assert caught.value.diagnostics[0].code == "SU222"
    assert caught.value.diagnostics[0].span is not None


def test_without_the_cache_everything_is_made_again_and_then_kept(site: Site) -> None:
    text = BASE + "RUN read x < /proc/uptime; echo $x > /x\n"
    first = site.build(text)
    second = site.build(text, no_cache=True)
    assert second != first
    assert len(site.made) == 2
    assert site.build(text) == second
    assert site.made == []


def test_a_copy_through_a_link_stays_inside(site: Site, tmp_path: Path) -> None:
    """T48: links that the image made lead nowhere else than in the image."""
    outside = tmp_path / "outside"
    outside.mkdir()
    site.write("a.txt", "one")
    (site.write("d/f", "x").parent / "out").symlink_to(outside)
    text = BASE + "COPY d /\nCOPY a.txt /out/\n"
    image = site.build(text)
    assert list(outside.iterdir()) == []
    assert site.names(image)[-1] == f"{str(outside)[1:]}/a.txt"


def test_copies_have_the_owner_and_the_mode_that_are_asked_for(site: Site) -> None:
    site.write("etc/passwd", "root:x:0:0::/:/bin/sh\nweb:x:33:44::/:/bin/sh\n")
    site.write("d/f", "x")
    image = site.build(BASE + "COPY etc /etc\nCOPY --chown=web --chmod=u=rwX,go=rX d /srv/d\n")
    found = (site.top(image) / "srv/d/f").stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o7777) == (33, 44, 0o644)


def test_a_copy_over_what_lies_below_keeps_the_folder(site: Site) -> None:
    site.write("a.txt", "one")
    text = BASE + "COPY --chmod=0700 a.txt /deep/er/a\nCOPY a.txt /deep/er/b\nCOPY a.txt /deep/er/a\n"
    image = site.build(text)
    assert site.names(image) == ["deep", "deep/er", "deep/er/a"]


def test_from_another_stage_by_wildcard_and_link(site: Site) -> None:
    site.write("d/one.txt", "1")
    site.write("d/two.bin", "2")
    (site.context / "l").symlink_to("d")
    text = (
        BASE
        + "COPY . /all\nFROM scratch\nCOPY --from=base /all/l/*.txt /got/\nCOPY --from=base --link /all/d /linked\n"
    )
    image = site.build(text)
    assert site.names(image) == ["linked", "linked/one.txt", "linked/two.bin"]
    assert site.store.get(image)["layers"] != []


def test_the_same_digest_on_two_state_roots(site: Site, tmp_path: Path) -> None:
    (tmp_path / "again").mkdir()
    other = Site(tmp_path / "again")
    text = BASE + "ARG SOURCE_DATE_EPOCH\nRUN echo a > /a; mkdir -p /d/e; echo b > /d/e/b\n"
    packed = []
    for one in (site, other):
        image = one.build(text, args={"SOURCE_DATE_EPOCH": "1700000000"})
        layers = texts(one.store.get(image)["layers"])
        packed.append([_packed(one.store.layer_dir(layer)) for layer in layers])
    assert packed[0] == packed[1]
    assert site.store.resolve("made") == other.store.resolve("made")


def _packed(folder: str) -> bytes:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        return b"".join(pack_directory(fd))
    finally:
        os.close(fd)


def test_network_none_has_no_way_out(site: Site) -> None:
    site.build(BASE + "RUN --network=none while read a b; do echo $a; done < /proc/net/dev\n")
    assert [line for line in site.said if line.endswith(":")] == ["lo:"]


def test_a_step_is_under_the_filter_of_system_calls_unless_it_is_insecure(site: Site) -> None:
    site.build(BASE + "RUN grep ^Seccomp: /proc/self/status; unshare -U true || echo refused\n")
    assert [line.split() for line in site.said if line.startswith("Seccomp:")] == [["Seccomp:", "2"]]
    assert "refused" in site.said
    allowed = Surroundings(insecure=True)
    site.build(BASE + "RUN --security=insecure grep ^Seccomp: /proc/self/status\n", allowed)
    assert [line.split() for line in site.said] == [["Seccomp:", "0"]]


def test_the_cache_is_not_asked_about_the_stages_of_a_filter(site: Site) -> None:
    text = (
        BASE + "FROM base AS one\nRUN echo 1 > /one\nFROM base AS two\nCOPY --from=one /one /one\nRUN echo 2 > /two\n"
    )
    site.build(text)
    site.build(text, no_cache_filter=("two",))
    assert site.made == ["COPY --from=one /one /one", "RUN echo 2 > /two"]
    site.build(text)
    assert site.made == []


def test_add_unpacks_and_copy_does_not(site: Site, make_archive: Callable[[Path], None]) -> None:
    make_archive(site.context / "a.tar.gz")
    image = site.build(BASE + "ADD a.tar.gz /x/\n")
    assert site.names(image) == ["x", "x/in", "x/in/f"]
    image = site.build(BASE + "COPY a.tar.gz /x/\n")
    assert site.names(image) == ["x", "x/a.tar.gz"]


@pytest.fixture
def make_archive() -> Callable[[Path], None]:
    import tarfile

    def make(path: Path) -> None:
        inner = path.with_suffix(".d")
        (inner / "in").mkdir(parents=True)
        (inner / "in/f").write_text("x")
        with tarfile.open(path, "w:gz") as archive:
            archive.add(inner / "in", "in")
        shutil.rmtree(inner)

    return make


def test_the_machine_itself_as_a_base(site: Site) -> None:
    image = site.build("FROM host\nRUN echo $((6*7)) > /answer\n")
    root = site.store.layers(image)
    assert root[-1] == "/usr"
    fd = os.open(root[0], os.O_RDONLY | os.O_DIRECTORY)
    try:
        with os.fdopen(open_beneath(fd, "answer", os.O_RDONLY)) as file:
            assert file.read() == "42\n"
    finally:
        os.close(fd)


def test_a_build_that_is_killed_leaves_a_sound_store_and_the_next_goes_on(site: Site) -> None:
    text = BASE + "RUN echo one; echo > /one\nRUN echo two; while true; do read x < /proc/uptime; done\n"
    site.killed_after(2, text)
    site.build(BASE + "RUN echo one; echo > /one\nRUN echo three\n")
    assert site.made == ["RUN echo three"]
    assert problems(site.store) == ()
    left = [group for folder in Path("/sys/fs/cgroup").iterdir() for group in folder.glob("stackup/.build*")]
    assert left == []


def test_what_runs_beside_a_failing_step_is_ended(site: Site) -> None:
    text = BASE + (
        "FROM base AS one\nRUN while true; do read x < /proc/uptime; done\n"
        "FROM base AS two\nRUN read x < /proc/uptime; exit 3\n"
        "FROM scratch\nCOPY --from=one /x /\nCOPY --from=two /x /\n"
    )
    with pytest.raises(Unbuildable, match="exit code 3"):
        site.build(text)


def test_a_full_disk_is_said_and_leaves_a_sound_store(site: Site) -> None:
    os.makedirs(site.layout.state)
    calls.mount("tmpfs", site.layout.state, "tmpfs", 0, "size=6m")
    site.write("big", "x" * (8 << 20))
    with pytest.raises(StackupError, match="no space left"):
        site.build(BASE + "COPY big /big\n")
    site.store.sweep()
    assert problems(site.store) == ()
    site.build(BASE + "RUN echo fits\n")
    assert site.made == ["RUN echo fits"]


def test_steps_are_kept_for_the_next_build_until_everything_unused_goes(site: Site) -> None:
    text = BASE + "RUN echo x > /x\n"
    image = site.build(text)
    site.store.remove(image)
    site.build(text)
    assert site.made == []
    site.store.untag("made")
    site.store.prune(unused=True)
    assert site.store.layer_ids() == []
