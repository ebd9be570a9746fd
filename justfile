# Everything a commit needs, under a minute: linters, types, and the tests that need no root.
python := env("STACKUP_PYTHON", if path_exists(".venv/bin/python") == "true" { ".venv/bin/python" } else { "python3" })

check: lint
    {{python}} -m pytest -q -m "not host and not slow" tests

lint:
    {{python}} -m ruff check stackup tests
    {{python}} -m ruff format --check stackup tests
    {{python}} -m mypy

fmt:
    {{python}} -m ruff check --fix -q stackup tests
    {{python}} -m ruff format -q stackup tests

# Writes the published schemas from the code they describe.
schemas:
    {{python}} -c "import json; from stackup.stackfile.model.schema import schema; print(json.dumps(schema(), indent=2))" > schemas/stack.json
