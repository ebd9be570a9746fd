"""The small grammars, as far as they refuse; what they accept is in the case files."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stackup.stackfile import shortforms


@pytest.mark.parametrize(
    "text",
    ["", "x", "80:", "0", "1-0", "65536", "80:1-2", "1-2:1-3", "80/icmp", "80/", "a:80:80:", "٣"],
)
def test_what_is_no_port_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"port|protocol"):
        shortforms.ports(text)


def test_a_range_on_one_port_stays_a_range() -> None:
    assert [port["published"] for port in shortforms.ports("8000-8010:80")] == ["8000-8010"]
    assert [(port["published"], port["target"]) for port in shortforms.ports("1-2:3-4")] == [("1", 3), ("2", 4)]


@pytest.mark.parametrize("text", ["", ":", "a:", ":/x", "a:b:c:d", "a::ro"])
def test_what_is_no_mount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="source:target"):
        shortforms.mount(text)


def test_options_without_a_meaning_are_given_back() -> None:
    assert shortforms.mount("./a:/b:ro,hmm")[1] == ["hmm"]
    assert shortforms.mount("data:/b:rshared")[1] == ["rshared"]
    assert shortforms.mount("./a:/b:nocopy")[1] == ["nocopy"]
    assert shortforms.mount("a:/b:z,ro,cached")[1] == []


@pytest.mark.parametrize("text", ["", "a:b:c:d", "a:b:x", ":b"])
def test_what_is_no_device_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"source|permissions"):
        shortforms.device(text)


def test_a_device_name_of_an_interface_is_kept_whole() -> None:
    assert shortforms.device("vendor.com/class=one:two")["source"] == "vendor.com/class=one:two"


@pytest.mark.parametrize("text", ["", "h", "h=", "=1.1.1.1"])
def test_what_is_no_host_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="name=address"):
        shortforms.host(text)


def test_an_open_quote_is_refused() -> None:
    with pytest.raises(ValueError, match="quote"):
        shortforms.words("echo 'a")


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=st.sampled_from("ab '\"\\\n$`"), max_size=20))
def test_words_are_a_shell_s(text: str) -> None:
    try:
        expected = shlex.split(text.replace("\\\n", ""), posix=True)
    except ValueError:
        return
    if "\\$" in text or "\\`" in text or "\\\n" in text:
        return  # a shell unescapes these inside double quotes, shlex does not
    assert shortforms.words(text) == expected


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=20))
def test_no_text_raises_anything_but_a_refusal(text: str) -> None:
    refusals = []
    for grammar in (shortforms.ports, shortforms.mount, shortforms.device, shortforms.host, shortforms.words):
        try:
            grammar(text)
        except ValueError as problem:
            refusals.append(str(problem))
    assert all(refusals)
