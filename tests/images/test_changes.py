"""Instructions of `import --change`."""

from __future__ import annotations

import pytest

from stackup.errors import UsageError
from stackup.images.changes import apply_changes
from stackup.images.manifest import Healthcheck, ImageConfig


def changed(*changes: str, config: ImageConfig | None = None) -> ImageConfig:
    return apply_changes(config or ImageConfig(), changes)


def test_commands_have_an_exec_form_and_a_shell_form() -> None:
    assert changed('CMD ["nginx", "-g"]').cmd == ("nginx", "-g")
    assert changed("cmd echo $HOME").cmd == ("/bin/sh", "-c", "echo $HOME")
    assert changed("CMD []").cmd == ()
    assert changed("ENTRYPOINT [broken").entrypoint == ("/bin/sh", "-c", "[broken")


def test_environment_and_labels_are_merged_by_name() -> None:
    config = changed(
        "ENV A=1 B='two words'", "ENV A=3", "ENV OLD form with blanks", config=ImageConfig(env=("PATH=/bin",))
    )
    assert config.env == ("PATH=/bin", "A=3", "B=two words", "OLD=form with blanks")
    assert changed('LABEL a=b "c d"="e f"').labels == {"a": "b", "c d": "e f"}


def test_ports_have_a_protocol_and_may_be_ranges() -> None:
    assert changed("EXPOSE 80 53/udp 8000-8002/tcp").exposed == ("53/udp", "80/tcp", "8000/tcp", "8001/tcp", "8002/tcp")


def test_directories_users_volumes_and_signals() -> None:
    config = changed(
        "WORKDIR /srv", "WORKDIR app/../www", "USER www-data", 'VOLUME ["/a b"]', "VOLUME /c /d", "STOPSIGNAL int"
    )
    assert (config.workdir, config.user, config.volumes, config.stop_signal) == (
        "/srv/www",
        "www-data",
        ("/a b", "/c", "/d"),
        "SIGINT",
    )
    assert changed("STOPSIGNAL 9").stop_signal == "9"
    assert changed("STOPSIGNAL RTMIN+3").stop_signal == "SIGRTMIN+3"


def test_health_checks_carry_their_options() -> None:
    config = changed("HEALTHCHECK --interval=5s --start-period=1m --retries=2 CMD curl -f localhost")
    assert config.healthcheck == Healthcheck(
        ("CMD-SHELL", "curl -f localhost"), interval_ns=5 * 10**9, start_period_ns=60 * 10**9, retries=2
    )
    assert changed('HEALTHCHECK CMD ["true"]').healthcheck == Healthcheck(("CMD", "true"))
    assert changed("HEALTHCHECK NONE").healthcheck == Healthcheck(("NONE",))


@pytest.mark.parametrize(
    "change",
    [
        "RUN ls", "CMD", "", "ENV A", 'ENV A="open', "ENV A=1 B", "EXPOSE web", "EXPOSE 0", "EXPOSE 70000", "EXPOSE 9-8", "EXPOSE 80/icmp",
        "STOPSIGNAL 99", "STOPSIGNAL NEVER", "HEALTHCHECK maybe", "HEALTHCHECK --often=1 CMD x", "HEALTHCHECK --interval=x CMD x", "HEALTHCHECK CMD",
    ],
)  # fmt: skip
def test_what_cannot_be_applied_is_refused_with_its_text(change: str) -> None:
    with pytest.raises(UsageError) as caught:
        changed(change)
    assert f'"{change}"' in caught.value.message
