from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from stackup.cli.views.unit import unit

PLACES = {"STACKUP_ROOT": "/srv/a b/100%", "STACKUP_RUN": '/run/"quoted"'}


def test_words_reach_the_program_as_they_are() -> None:
    text = unit(["/opt/my tools/python", "-m", "stackup"], PLACES, "/srv/a b/100%", user=False)
    assert 'ExecStart="/opt/my tools/python" -m stackup resume\n' in text
    assert 'Environment="STACKUP_ROOT=/srv/a b/100%%"\n' in text
    assert 'Environment="STACKUP_RUN=/run/\\"quoted\\""\n' in text
    assert 'RequiresMountsFor="/srv/a b/100%%"\n' in text


def test_a_users_unit_belongs_to_the_users_manager() -> None:
    text = unit(["stackup"], {}, "/home/a", user=True)
    assert text.endswith("WantedBy=default.target")
    assert "network-online" not in text


@pytest.mark.slow
def test_systemd_has_nothing_to_say_against_it(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    file = tmp_path / "stackup.service"
    file.write_text(
        unit([sys.executable, "-m", "stackup"], {"STACKUP_ROOT": "/srv/a b"}, "/srv/a b", user=False) + "\n"
    )
    done = subprocess.run(["systemd-analyze", "verify", str(file)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    file.write_text(file.read_text().replace("TimeoutStopSec", "TimeoutStopSecs"))
    done = subprocess.run(["systemd-analyze", "verify", str(file)], capture_output=True, text=True, check=False)
    assert "TimeoutStopSecs" in done.stderr, "it would say so"
