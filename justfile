# Everything a commit needs, under a minute: linters, types, and the tests that need no root.
python := env("STACKUP_PYTHON", if path_exists(".venv/bin/python") == "true" { ".venv/bin/python" } else { "python3" })

check: lint
    {{python}} -m pytest -q -n 2 --dist worksteal -m "not host and not slow" tests

# Everything, as root: installs the Debian packages that the tests need, and ends with pytest's closing line.
test: packages lint
    {{python}} -m pytest -q -n 2 --dist worksteal tests

# Only what runs the real command on a machine of its own.
scenarios:
    {{python}} -m pytest -q -n 2 --dist worksteal tests/scenarios

# Chosen tests in a virtual machine with Debian's stock kernel, systemd, AppArmor and cgroup v2 only; see ARCHITECTURE.md.
[positional-arguments]
vm *words:
    {{python}} -m tests.vm "$@"
# T50, T53, by hand: a fault (kill, ENOSPC, EROFS, EMFILE, ...) at every call of every verb, then harm to every file of the
# state. Twenty minutes and more; EVERY tries only some of the calls.
matrix word="kill" every="1" *verbs:
    {{python}} -m tests.scenarios.faults.matrix {{word}} {{every}} {{verbs}}
    {{python}} -m tests.scenarios.faults.damage

# By hand: containers that crash, flap and lose their monitors; then nothing may have grown.
soak seconds="600" containers="50":
    {{python}} -m tests.scenarios.faults.soak {{seconds}} {{containers}}

# stackup beside its peers; see bench/README.md.
bench *words:
    {{python}} -m bench {{words}}

[private]
packages:
    #!/bin/sh
    set -eu
    command -v apt-get >/dev/null || { echo "no apt-get here: tests that miss a program will be skipped"; exit 0; }
    missing=
    for name in busybox-static crun docker-registry git iproute2 mmdebstrap nftables procps skopeo; do
        dpkg-query -W -f '${Status}' "$name" 2>/dev/null | grep -q 'ok installed' || missing="$missing $name"
    done
    [ -n "$missing" ] || exit 0
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing

lint:
    {{python}} -m ruff check stackup tests bench examples
    {{python}} -m ruff format --check stackup tests bench examples
    {{python}} -m mypy

fmt:
    {{python}} -m ruff check --fix -q stackup tests bench examples
    {{python}} -m ruff format -q stackup tests bench examples

# Writes the published schemas from the code they describe.
schemas:
    {{python}} -m tests.published schemas/

# Writes the pages that are made from tables and tests.
docs:
    {{python}} -m tests.published docs/

# The command line as a table, from the grammar that typer knows.
hot:
    {{python}} -c "from stackup.cli.hot_writer import write; write()"
