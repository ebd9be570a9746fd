from __future__ import annotations

import pytest

from stackup.images.build.platforms import Platform, parse_platform, proxies
from tests.images.build.scenes import stages_of

HERE = Platform("linux", "arm64")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("linux/amd64", "linux/amd64"),
        ("linux/x86_64", "linux/amd64"),
        ("arm64", "linux/arm64"),
        ("aarch64", "linux/arm64"),
        ("arm64/v8", "linux/arm64"),
        ("arm/v7", "linux/arm/v7"),
        ("linux/arm/v6", "linux/arm/v6"),
        ("Linux/AMD64", "linux/amd64"),
        ("windows", "windows/arm64"),
        ("windows/amd64", "windows/amd64"),
    ],
)
def test_a_platform_has_one_spelling(text: str, expected: str) -> None:
    assert str(parse_platform(text, HERE)) == expected


@pytest.mark.parametrize("text", ["", "/", "linux/", "a/b/c/d", "linux amd64", "li*ux/amd64"])
def test_no_platform(text: str) -> None:
    with pytest.raises(ValueError, match="is not a platform"):
        parse_platform(text, HERE)


def test_proxies_are_there_in_both_spellings() -> None:
    assert proxies({"HTTP_PROXY": "p", "no_proxy": "n", "OTHER": "o"}) == {
        "http_proxy": "p",
        "HTTP_PROXY": "p",
        "no_proxy": "n",
        "NO_PROXY": "n",
    }


def test_values_that_nobody_takes_are_named() -> None:
    args = {"A": "1", "B": "2", "VERSON": "3", "http_proxy": "p", "SOURCE_DATE_EPOCH": "0", "TARGETARCH": "x"}
    assert stages_of({"text": "ARG A\nFROM x\nARG B=1\n", "args": args}).unused_args == ("VERSON",)
