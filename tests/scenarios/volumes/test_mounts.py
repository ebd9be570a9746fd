"""What a service may say of its mounts, seen from inside and from the host."""

from __future__ import annotations

import os
import subprocess

import pytest

from tests.scenarios.volumes.conftest import Vol

pytestmark = [pytest.mark.host, pytest.mark.slow]


def test_root_inside_must_be_the_owner_outside_and_the_other_way_round(vol: Vol) -> None:
    """An editor's loop: the owner writes, root in the container reads and writes over it, the owner has it back."""
    folder = vol.folder / "code"
    folder.mkdir()
    (folder / "mine").write_text("outside")
    (folder / "roots").write_text("")
    for path in (folder, folder / "mine"):
        os.chown(path, 1234, 2345)
    vol.write(f"""
services:
  web: {vol.service("volumes: [{type: bind, source: ./code, target: /code, x-stackup: {uid: host}}]")}
  plain: {vol.service("volumes: [{type: bind, source: ./code, target: /code, x-stackup: {uid: keep}}]")}
""")
    vol("up -d")
    assert vol.sh("web", "stat -c '%u:%g' /code /code/mine") == "0:0\n0:0"
    assert vol.sh("plain", "stat -c '%u:%g' /code/mine") == "1234:2345"
    vol.sh(
        "web", "echo inside > /code/new; sed -i s/outside/changed/ /code/mine; mkdir /code/deep; chmod 640 /code/new"
    )
    for name in ("new", "mine", "deep"):
        found = (folder / name).stat()
        assert (found.st_uid, found.st_gid) == (1234, 2345), name
    assert (folder / "mine").read_text() == "changed"
    assert vol.sh("web", "stat -c %u /code/roots") == "65534", "the host's root is nobody in there"
    assert "everything is as the file says" in vol.told("up -d")


def test_subordinate_ids_must_be_the_containers_other_users(vol: Vol) -> None:
    (vol.folder / "code").mkdir()
    os.chown(vol.folder / "code", 4321, 4321)
    vol.write(f"""
services: {{web: {vol.service("volumes: [{type: bind, source: ./code, target: /code, x-stackup: {uid: map}}]")}}}
""")
    assert "user 4321 has no ids in /etc/subuid" in vol.told("up -d", code=1)
    for name in ("subuid", "subgid"):
        (vol.folder / name).write_text("4321:700000:65536\n")
        if not os.path.exists(f"/etc/{name}"):
            pytest.skip(f"there is no /etc/{name} to mount on")
        subprocess.run(["mount", "--bind", vol.folder / name, f"/etc/{name}"], check=True)
    vol("up -d")
    vol.sh("web", "touch /code/roots /code/others; chown 33:44 /code/others")
    assert [(vol.folder / "code" / name).stat().st_uid for name in ("roots", "others")] == [4321, 700032]
    assert (vol.folder / "code/others").stat().st_gid == 700043


def test_a_folder_that_is_made_must_belong_to_whom_the_stack_file_belongs(vol: Vol) -> None:
    os.chown(vol.folder, 1234, 2345)
    vol.write(f"services: {{web: {vol.service('volumes: [./deep/er:/data]')}}}\n")
    vol("up -d")
    for name in ("deep", "deep/er"):
        found = (vol.folder / name).stat()
        assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (1234, 2345, 0o755)


def test_what_is_missing_must_be_told_with_its_line_before_anything_is_made(vol: Vol) -> None:
    vol.write(f"""
services:
  web: {vol.service('volumes: ["v:/v", {type: bind, source: ./none, target: /d, bind: {create_host_path: false}}]')}
  bad: {vol.service('volumes: [{type: bind, source: ., target: /d, x-stackup: {uid: me}}], tmpfs: "/t:uid=much"')}
volumes: {{v: {{driver_opts: {{type: none, o: bind, device: /no/such}}}}}}
""")
    before = vol.machine.inventory()
    told = vol.told("up -d", code=1)
    assert told.count("SU130") >= 2
    assert "stack.yaml:4:" in told
    assert 'uid is "me"' in told
    assert '"much" is not the number of a user' in told
    vol.machine.must_be_as(before)


def test_volumes_from_must_share_what_another_has(vol: Vol) -> None:
    (vol.folder / "code").mkdir()
    vol.write(f"""
services:
  db: {vol.service('volumes: ["data:/data", /anon, ./code:/code], tmpfs: /scratch')}
  web: {vol.service('volumes_from: ["db:ro"], volumes: ["own:/data"]')}
  third: {vol.service("volumes_from: [web]")}
volumes: {{data: {{}}, own: {{}}}}
""")
    vol("up -d")
    vol.sh("db", "echo a > /anon/file; echo c > /code/file; echo d > /data/file")
    assert vol.sh("web", "cat /anon/file /code/file") == "a\nc"
    assert "Read-only" in vol.sh("web", "touch /anon/x 2>&1", code=1)
    assert vol.sh("web", "ls /data") == "", "its own mount wins"
    assert vol.sh("third", "cat /anon/file; ls /data") == "a"
    assert vol.sh("web", "ls -d /scratch 2>&1; true").startswith("ls: ")
    assert "everything is as the file says" in vol.told("up -d")
    other = vol.folder / "other"
    other.mkdir()
    text = f"""
name: other
services: {{web: {vol.service('volumes_from: ["container:vol-db-1"]')}}}
"""
    (other / "stack.yaml").write_text(text.replace("vol-db-1", "nobody"))
    done = vol.machine.typed("up", "-d", cwd=other, code=1)
    assert "SU130" in done.stderr
    (other / "stack.yaml").write_text(text)
    vol.machine.typed("up", "-d", cwd=other)
    found = vol.machine.typed("exec", "-T", "web", "cat", "/data/file", "/anon/file", cwd=other).stdout
    assert found == "d\na\n"
    vol.machine.typed("down", "-v", cwd=other)
    assert vol.sh("db", "cat /data/file") == "d", "what is only lent stays"


def test_subpaths_must_be_inside(vol: Vol) -> None:
    (vol.folder / "secret").write_text("secret")
    vol.write(f"""
services:
  one: {vol.service('volumes: ["v:/v"]')}
  two: {vol.service("profiles: [later], volumes: [{type: volume, source: v, target: /s, volume: {subpath: a/b}}]")}
volumes: {{v: {{}}}}
""")
    vol("up -d")
    told = vol.told("--profile later up -d", code=1)
    assert 'there is no "a/b" in it' in told
    vol.sh("one", f"mkdir -p /v/a {vol.folder}; ln -s {vol.folder} /v/a/b")
    assert 'there is no "a/b" in it' in vol.told("--profile later up -d", code=1), "a link's target is the volume's own"
    vol.sh("one", "rm /v/a/b; mkdir /v/a/b; echo in > /v/a/b/file")
    vol("--profile later up -d")
    assert vol.sh("two", "cat /s/file") == "in"


def test_anonymous_volumes_must_be_kept_renewed_and_removed(vol: Vol) -> None:
    vol.write(
        f"services: {{web: {vol.service('volumes: [{type: volume, target: /anon, volume: {labels: {a: b}}}]')}}}\n"
    )
    before = vol.machine.inventory()
    vol("up -d")
    vol.sh("web", "echo kept > /anon/file")
    assert len(vol("volume ls -q -f label=a=b").split()) == 1
    vol("up -d --force-recreate")
    assert vol.sh("web", "cat /anon/file") == "kept"
    vol("up -d -V")
    assert vol.sh("web", "ls /anon") == ""
    vol("down -v")
    vol.machine.must_be_as(before)


def test_a_tmpfs_must_be_as_it_is_said(vol: Vol) -> None:
    service = vol.service("tmpfs: ['/t:size=1m,mode=750,uid=7,gid=8,exec,nr_inodes=50']")
    vol.write(f"services: {{web: {service}}}")
    vol("up -d")
    assert vol.sh("web", "stat -c '%u %g %a' /t") == "7 8 750"
    assert vol.sh("web", "cp /bin/true /t; /t/true; stat -f -c '%c' /t") == "50"


def test_read_only_and_propagation_must_reach_what_is_mounted_beneath(vol: Vol) -> None:
    top = vol.folder / "top"
    (top / "sub").mkdir(parents=True)
    (top / "late").mkdir()
    subprocess.run(["mount", "--bind", top, top], check=True)
    subprocess.run(["mount", "--make-shared", top], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "none", top / "sub"], check=True)
    (top / "sub/there").write_text("")

    def bound(how: str) -> str:
        return vol.service(f"volumes: [{{type: bind, source: ./top, target: /d, read_only: true, bind: {{{how}}}}}]")

    vol.write(f"""
services:
  deep: {bound("propagation: rslave")}
  flat: {bound("recursive: disabled")}
  soft: {bound("recursive: writable")}
""")
    vol("up -d")
    assert "Read-only" in vol.sh("deep", "touch /d/sub/x 2>&1", code=1)
    assert vol.sh("flat", "ls /d/sub") == "", "the folder beneath the mount"
    vol.sh("soft", "touch /d/sub/x")
    assert "Read-only" in vol.sh("soft", "touch /d/x 2>&1", code=1)
    subprocess.run(["mount", "-t", "tmpfs", "none", top / "late"], check=True)
    (top / "late/news").write_text("")
    assert vol.sh("deep", "ls /d/late") == "news"
    assert vol.sh("soft", "ls /d/late") == ""


def test_an_image_must_be_mounted_read_only_and_be_kept_while_it_is(vol: Vol) -> None:
    tree = vol.folder / "tree"
    (tree / "assets").mkdir(parents=True)
    (tree / "assets/file").write_text("from the image")
    vol("image import tree assets:1")
    vol.write(f"""
services:
  web: {vol.service("volumes: [{type: image, source: 'assets:1', target: /a, image: {subpath: assets}}]")}
""")
    told = vol.told("up -d")
    assert "SU023" not in told
    assert vol.sh("web", "cat /a/file") == "from the image"
    assert "Read-only" in vol.sh("web", "touch /a/x 2>&1", code=1)
    assert "vol-web-1" in vol.told("image rm assets:1", code=1)
    vol("image prune -a -f")
    vol("restart")
    assert vol.sh("web", "cat /a/file") == "from the image"
    assert "everything is as the file says" in vol.told("up -d")


def test_a_tmpfs_must_change_its_size_and_mode_while_it_is_in_use(vol: Vol) -> None:
    """In place, also for what the monitor starts later; what is in it stays, and what would not fit is refused."""
    mounts = "tmpfs: ['/run/my.dir:size=SIZE,mode=MODE'], volumes: [{type: tmpfs, target: /cache, tmpfs: {size: 4m}}]"
    service = vol.service(f"restart: always, {mounts}")

    def write(size: str, mode: str) -> None:
        vol.write(f"services: {{web: {service.replace('SIZE', size).replace('MODE', mode)}}}")

    def seen() -> str:
        return vol.sh("web", "stat -f -c '%b %S' /run/my.dir; stat -c %a /run/my.dir; stat -f -c %b /cache")

    write("1m", "700")
    vol("up -d")
    ids = vol.ids()
    assert seen() == "256 4096\n700\n1024"
    vol.sh("web", "dd if=/dev/zero of=/run/my.dir/kept bs=1k count=900")
    write("2m", "1770")
    assert "in place" in vol("plan")
    vol("up -d")
    assert seen() == "512 4096\n1770\n1024"
    assert vol.sh("web", "stat -c %s /run/my.dir/kept") == "921600"
    write("512k", "1770")
    told = vol.told("up -d", code=1)
    assert 'the kernel refuses to make the tmpfs "/run/my.dir" 524288 bytes large' in told
    assert "stackup up --force-recreate" in told
    write("3m", "1770")
    vol("up -d")
    assert vol.ids() == ids
    assert "everything is as the file says" in vol.told("up -d")
    vol("kill -s KILL web", code=None)
    vol("up -d")
    assert seen() == "768 4096\n1770\n1024"


def test_a_tmpfs_that_a_program_led_elsewhere_must_not_be_changed(vol: Vol) -> None:
    """The program takes its folder away and puts a link there, to a tmpfs that it shares with the host."""
    shared = vol.folder / "shared"
    shared.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "none", shared], check=True)
    text = vol.service("cap_add: [SYS_ADMIN], security_opt: [seccomp=unconfined], volumes: [./shared:/shared], "
                       "tmpfs: ['/work:size=SIZE']")  # fmt: skip
    vol.write(f"services: {{web: {text.replace('SIZE', '1m')}}}")
    vol("up -d")
    vol.sh("web", "umount /work && rmdir /work && ln -s /shared /work")
    vol.write(f"services: {{web: {text.replace('SIZE', '2m')}}}")
    assert '"/work" leads to something else than the container\'s tmpfs' in vol.told("up -d", code=1)
    assert os.statvfs(shared).f_blocks * os.statvfs(shared).f_frsize == 8 << 20
