"""What a command tells of itself."""

from __future__ import annotations

import pytest

from stackup.cli.call import unvalued


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("run -e PASSWORD=secret web env", "run -e PASSWORD web env"),
        ("run --env PASSWORD=secret web", "run --env PASSWORD web"),
        ("run --env=PASSWORD=secret web", "run --env=PASSWORD web"),
        ("run -ePASSWORD=secret web", "run -ePASSWORD web"),
        ("--env-file=a=b up -d", "--env-file=a=b up -d"),
        ("up --scale web=2", "up --scale web=2"),
        ("-e", "-e"),
        ("", ""),
    ],
)
def test_values_of_an_environment_are_not_told(typed: str, told: str) -> None:
    assert unvalued(typed.split()) == told.split()
