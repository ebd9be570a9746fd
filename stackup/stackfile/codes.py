"""Every diagnostic code with its meaning: what `explain SU014` prints. A code is never given a second meaning.

Plain data that costs nothing to load. The first text is a headline, the second says why it is a problem and what to do.
"""

from __future__ import annotations

CODES: dict[str, tuple[str, str]] = {
    "SU001": (
        "a file is not valid YAML",
        "The text cannot be parsed. The place is where the parser gave up; the cause is often a line above: a missing "
        "colon, a quote that is not closed, a tab, or an indentation that does not fit.",
    ),
    "SU002": (
        "a key is given twice",
        "One mapping has the same key twice, and one of the two would be lost. Merge their contents under one key.",
    ),
    "SU003": (
        "a key is not text",
        "Keys of a stack file are texts. A number, true, null or a list as a key is mostly a slip; quote it if it is "
        "meant.",
    ),
    "SU004": (
        "an alias stands inside its own anchor",
        "The value would contain itself and never end. Move the alias out of the value that carries the anchor.",
    ),
    "SU005": (
        "a file exceeds a limit",
        "Files are read up to 10 MiB, 100 levels of nesting and 200,000 values, counted after aliases are expanded, so "
        "that a hostile file cannot exhaust the machine; Dockerfiles up to 5,000 instructions and 100 problems.",
    ),
    "SU006": (
        "a tag is not known",
        "The tags of a stack file are !reset and !override, and YAML's own for plain types. Tags that make objects of "
        "a programming language are never followed.",
    ),
    "SU007": (
        "an alias has no anchor",
        "*name repeats the value that carries &name, which must stand above it in the same document.",
    ),
    "SU008": (
        "a file is not a stack file",
        "A stack file is UTF-8 text that holds a mapping with keys such as services.",
    ),
    "SU009": (
        "a merge key takes a mapping or a list of mappings",
        "<<: *name puts the keys of another mapping into this one; the alias must be of a mapping.",
    ),
    "SU010": (
        "a variable is not written as one",
        "A variable is $NAME or ${NAME}, with one of the operators :- - :? ? :+ + behind the name. Write $$ for a "
        "dollar sign that is meant as one.",
    ),
    "SU011": (
        "a required variable is missing",
        "${NAME:?message} and ${NAME?message} ask that a variable is set. Set it in the environment, in .env, or in a "
        "file given with --env-file.",
    ),
    "SU012": (
        "a variable is not set",
        "The variable is replaced with an empty text. Set it, or write ${NAME:-default}; ${NAME:-} says that empty is "
        "meant and silences the warning.",
    ),
    "SU013": (
        "a line of an env file cannot be read",
        "Lines are NAME=value, NAME: value or NAME alone. Values may stand in single quotes (literal) or double quotes "
        "(with escapes and variables) and then span lines.",
    ),
    "SU014": (
        "a service depends on one that is switched off",
        "The other service belongs to a profile that this run does not activate. Activate it with --profile, or write "
        "`required: false` if the service can do without.",
    ),
    "SU015": (
        "a named file does not exist",
        "env_file, label_file, extends and include name files relative to the stack's folder, or to the folder of the "
        "file that names them if that came by extends or include.",
    ),
    "SU016": (
        "services extend each other in a circle",
        "A service cannot be built on itself. The detail names the chain; let one of them stand on its own.",
    ),
    "SU017": (
        "an extended service does not exist",
        "extends names a service of the same file or of the file that it names.",
    ),
    "SU018": (
        "files include each other in a circle",
        "A file cannot include itself, directly or through others. The detail names the chain.",
    ),
    "SU019": (
        "a number becomes another text",
        "An unquoted value that YAML reads as a number is handed on as that number: 1.10 as 1.1, 0777 as 511. Quote it "
        "to keep its spelling.",
    ),
    "SU020": (
        "a key is not known",
        "The Compose Specification has no such key at this place. Keys of your own start with x-.",
    ),
    "SU021": (
        "a value is not valid",
        "The value has the wrong type, or is none of the words that may stand here.",
    ),
    "SU022": (
        "a required key is missing",
        "The mapping makes no sense without this key.",
    ),
    "SU023": (
        "a key is not honoured",
        "The key belongs to the Compose Specification, is read, merged and printed, and changes nothing when the stack "
        "runs.",
    ),
    "SU024": (
        "the key version is obsolete",
        "Files are read by the current specification whatever version says. Remove it.",
    ),
    "SU025": (
        "a short form cannot be read",
        "Ports, volumes, devices, hosts and commands have short forms with a grammar of their own; the long form says "
        "the same with keys.",
    ),
    "SU026": (
        "a name is not valid",
        "Names of stacks are lower-case letters, digits, - and _, with a letter or digit first. Names of services and "
        "resources are letters, digits, dots, - and _.",
    ),
    "SU027": (
        "an option is not known",
        "An option at the end of a volume's short form means nothing here and is ignored.",
    ),
    "SU028": (
        "several stack files stand side by side",
        "One folder has several files that would be found by name; the first of stack.yaml, compose.yaml and "
        "docker-compose.yaml is used. Name one with -f.",
    ),
    "SU029": (
        "a profile is switched on that no service has",
        "--profile names a profile, and no service of the files is in it, so that it changes nothing.",
    ),
    "SU030": (
        "something is used and not defined",
        "Networks, volumes, secrets and configs that services use are defined at the top of the file; an empty "
        "definition is enough for a network or volume.",
    ),
    "SU031": (
        "a service depends on one that does not exist",
        "depends_on, links, volumes_from and namespaces of the form service:NAME name services of the same stack.",
    ),
    "SU032": (
        "services wait for each other in a circle",
        "No order of starting would do. The detail names the circle; links and shared namespaces count too.",
    ),
    "SU033": (
        "a host port is published twice",
        "A port of an address belongs to one service, whose replicas share it. Publish one of them on another port, on "
        "another address, or only the container port, which takes a free one.",
    ),
    "SU034": (
        "several containers cannot have one name",
        "container_name fixes the name of the one container of a service; with replicas it is left out.",
    ),
    "SU035": (
        "a container name is given twice",
        "Two services ask for the same container_name.",
    ),
    "SU036": (
        "network_mode excludes networks",
        "A container has either networks of its own or somebody else's.",
    ),
    "SU037": (
        "two keys contradict each other",
        "The service's own key and its counterpart under deploy say different things. Keep one of them.",
    ),
    "SU038": (
        "two things are mounted at one place",
        "Volumes, tmpfs, secrets and configs of a service need different targets. A volume of an override file "
        "replaces the earlier one with its target; within one list it is a slip.",
    ),
    "SU039": (
        "a service waits for health that is never probed",
        "service_healthy needs a health check, and the other service's is disabled.",
    ),
    "SU040": (
        "a service has no image",
        "A service needs image, build or both.",
    ),
    "SU041": (
        "a secret or config needs one source",
        "file, environment, external, and content for configs: exactly one of them says where the bytes come from.",
    ),
    "SU042": (
        "something external cannot be described",
        "external says that it exists and is managed elsewhere, so only its name can be given here.",
    ),
    "SU043": (
        "an override leaves a container port published twice",
        "Lists of several files are appended, so the earlier port stays published too. `ports: !override` replaces the "
        "list.",
    ),
    "SU044": (
        "a static address needs a subnet",
        "The network that the address is in must say its subnet under ipam.config, and the address must be in it.",
    ),
    "SU045": (
        "a label is reserved",
        "Labels that begin with com.docker.compose. are written by whoever runs the stack, and tools read them. Where "
        "both say one, the one of the file is lost.",
    ),
    "SU046": (
        "a stack from elsewhere cannot be had",
        "include, extends and -f take oci://registry/name:tag and git repositories "
        "(https://host/team/app.git#branch:folder). What they name is fetched once, after a question, and is at hand "
        "from then on; `stackup pull` looks anew.",
    ),
}
