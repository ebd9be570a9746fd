"""What somebody else's stack file asks of the machine is told with its line, and what is no risk is not told."""

from __future__ import annotations

from pathlib import Path

import pytest

from stackup.project.plan import plan
from stackup.project.risks import Places, given_away, outside, risks
from stackup.project.up import UpOptions, up
from tests.project.shop import SHOP, Shop

HOME = "/home/me"


def told(folder: Path, text: str) -> list[str]:
    shop = Shop(folder, text)
    session = shop.session()
    made = plan(session, UpOptions())
    return [
        f"{risk.place} {risk.text}"
        for risk in risks(made, Places(("/var/lib/stackup", "/run/stackup"), HOME, session.directory))
    ]


ASKED = [
    ("volumes: ['/:/host']", "mounts the whole of this machine"),
    ("volumes: ['/:/host:ro']", "mounts the whole of this machine, read-only"),
    ("volumes: ['~/.ssh:/keys']", "mounts /home/me/.ssh, of the home folder"),
    ("volumes: ['~:/me']", "mounts /home/me, of the home folder"),
    ("volumes: ['/var/run/docker.sock:/s']", "docker.sock, which commands a container engine"),
    ("volumes: ['/var/lib/stackup/images:/x']", "where stackup keeps its own state"),
    ("volumes: ['/var:/x']", "where stackup keeps its own state"),
    ("volumes: ['/etc:/x:ro']", "mounts /etc, read-only"),
    ("volumes: ['/etc/shadow:/x']", "mounts /etc/shadow"),
    ("volumes: ['/proc/1/root:/x']", "mounts "),
    ("privileged: true", "is privileged"),
    ("pid: host", "all processes of this machine"),
    ("ipc: host", "shares memory"),
    ("uts: host", "can rename this machine"),
    ("network_mode: host", "on this machine's own network"),
    ("cap_add: [CAP_SYS_ADMIN]", "has the capability SYS_ADMIN"),
    ("cap_add: [ALL]", "has the capability ALL"),
    ("security_opt: ['seccomp=unconfined']", "runs with seccomp=unconfined"),
    ("security_opt: ['seccomp:unconfined']", "runs with seccomp:unconfined"),
    ("devices: ['/dev/kvm:/dev/kvm']", "has the device /dev/kvm"),
    (
        "build: {context: ., cache_to: ['type=local,dest=/etc/cron.d']}",
        "writes the cache of its build into /etc/cron.d",
    ),
    ("device_cgroup_rules: ['b *:* rwm']", "may make nodes for devices: b *:* rwm"),
]


@pytest.mark.parametrize(("line", "words"), ASKED, ids=[line for line, _ in ASKED])
def test_what_reaches_beyond_the_containers_is_told_with_its_line(tmp_path: Path, line: str, words: str) -> None:
    text = f"services:\n  web:\n    image: nginx\n    {line.replace('~', HOME)}\n"
    found = told(tmp_path, text)
    assert len(found) == 1
    assert found[0].startswith("stack.yaml:4 ")
    assert words in found[0]


QUIET = [
    "./data:/data",
    "data:/data",
    "/etc/localtime:/etc/localtime:ro",
    "/etc/ssl/certs:/c:ro",
    "/srv/www:/www",
    "/dev/shm:/s",
]
QUIET += ["/sys/fs/cgroup:/c:ro", "/lib/modules:/m:ro", "/home/me/src/shop:/src", "/tmp:/tmp", "/var/log:/logs"]


@pytest.mark.parametrize("mount", QUIET)
def test_what_people_mount_every_day_is_not_told(tmp_path: Path, mount: str) -> None:
    text = f"services:\n  web: {{image: nginx, volumes: ['{mount}'], cap_add: [CHOWN, NET_RAW]}}\nvolumes: {{data: }}\n"
    assert told(tmp_path, text) == []


def test_a_stack_without_risks_is_quiet(tmp_path: Path) -> None:
    assert told(tmp_path, SHOP) == []


def test_a_link_that_leads_out_is_followed(tmp_path: Path) -> None:
    (tmp_path / "data").symlink_to("/")
    text = "services:\n  web:\n    image: nginx\n    volumes: ['./data:/data']\n"
    assert told(tmp_path, text) == [f"stack.yaml:4 mounts the whole of this machine ({tmp_path}/data, which is /)"]


def test_a_volume_that_is_a_bind_mount_in_disguise_is_seen(tmp_path: Path) -> None:
    text = "services:\n  web: {image: nginx, volumes: ['all:/x']}\nvolumes:\n  all:\n    driver_opts: {type: none, o: bind, device: /}\n"
    assert told(tmp_path, text) == ["stack.yaml:5 is the whole of this machine"]


def test_a_stack_that_lives_in_a_hidden_folder_may_have_its_own(tmp_path: Path) -> None:
    (tmp_path / ".config/shop").mkdir(parents=True)
    places = Places((), str(tmp_path), f"{tmp_path}/.config/shop")
    assert given_away(f"{tmp_path}/.config/shop/data", places) == ""
    assert "of the home folder" in given_away(f"{tmp_path}/.config", places)


def test_replicas_say_it_once_and_what_is_there_was_told(tmp_path: Path) -> None:
    text = "services:\n  web: {image: nginx, privileged: true, scale: 3}\n"
    assert len(told(tmp_path, text)) == 1
    shop = Shop(tmp_path, text)
    assert up(shop.session(), UpOptions()).ok
    assert risks(plan(shop.session(), UpOptions()), Places((), "", str(tmp_path))) == []


def test_files_from_outside_of_the_project_are_listed(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (tmp_path / "shared.env").write_text("A=1\n")
    (tmp_path / "base.yaml").write_text("services: {base: {image: nginx}}\n")
    (tmp_path / "far.env").write_text("B=1\n")
    (project / "near.env").symlink_to(tmp_path / "far.env")
    (project / "own.env").write_text("C=1\n")
    text = "services:\n  web:\n    extends: {file: ../base.yaml, service: base}\n    env_file: [../shared.env, near.env, own.env]\n"
    shop = Shop(project, text + f"    secrets: [key]\nsecrets: {{key: {{file: {tmp_path}/key}}}}\n")
    session = shop.session()
    made = plan(session, UpOptions())
    assert outside(made, str(project), session.directory) == [
        "../base.yaml",
        "../shared.env",
        f"{tmp_path}/key",
        f"near.env, which is {tmp_path}/far.env",
    ]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ("{type: none, o: bind, device: /etc}", "is /etc"),
        ("{type: none, o: 'rbind,ro', device: /}", "is the whole of this machine"),
        ("{type: bind, device: /etc}", "is /etc"),
        ("{type: ext4, device: /dev/sda1}", "is the device /dev/sda1"),
    ],
)
def test_a_volume_that_stands_for_more_is_told(tmp_path: Path, options: str, text: str) -> None:
    stack = f"services: {{web: {{image: nginx, volumes: ['v:/v']}}}}\nvolumes: {{v: {{driver_opts: {options}}}}}\n"
    found = told(tmp_path, stack)
    assert found == [f"stack.yaml:2 {text}"]
