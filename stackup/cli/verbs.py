"""Every command in one table: its name, where its grammar and its body are, and the line that `--help` shows. Hot.

The body of `image ls` is `commands/image_ls.py`; modules are imported when their command is chosen.
"""

from __future__ import annotations

GRAMMARS = {
    "lifecycle": ("up", "down", "create", "start", "stop", "restart", "scale", "rm", "kill", "pause", "unpause"),
    "planning": ("plan", "apply", "lock", "why", "explain", "config", "vars", "doctor", "version", "completion"),
    "looking": ("ps", "logs", "ls", "images", "port", "top", "volumes"),
    "inside": ("exec", "run", "attach", "wait"),
    "contents": ("commit", "cp", "export"),
    "building": ("build",),
    "image": (
        "image import",
        "image ls",
        "image inspect",
        "image history",
        "image tag",
        "image rm",
        "image prune",
        "image save",
        "image load",
        "image fsck",
        "image du",
        "image parse",
    ),
    "remote": ("pull", "push", "login", "logout", "image pull", "image push", "publish"),
    "network": (
        "network create",
        "network ls",
        "network inspect",
        "network rm",
        "network prune",
        "network connect",
        "network disconnect",
    ),
}
"""Grammar module to its commands."""

VERBS = {
    "apply": "Apply a plan that `plan -o` wrote",
    "attach": "Attach local standard input, output, and error streams to a service's running container",
    "build": "Build or rebuild services",
    "commit": "Create a new image from a service container's changes",
    "completion": "Print the script that completes commands in bash, zsh or fish",
    "config": "Parse, resolve and render the stack files in canonical format",
    "cp": "Copy files/folders between a service container and the local filesystem",
    "create": "Create containers for a service",
    "doctor": "Say what this machine can and cannot do",
    "down": "Stop and remove containers, networks",
    "exec": "Execute a command in a running container",
    "explain": "Explain the code of an error or a warning",
    "export": "Export a service container's filesystem as a tar archive",
    "image du": "Show what each image really costs",
    "image fsck": "Check that the image store is sound",
    "image history": "Show the history of an image",
    "image import": "Make an image from a folder or an archive of a root file system",
    "image inspect": "Show everything known of an image",
    "image load": "Load images from an archive or standard input",
    "image ls": "List the images of this machine",
    "image parse": "Show what a Dockerfile says, as data",
    "image prune": "Remove images without a name",
    "image rm": "Remove images",
    "image save": "Save images to an archive or standard output",
    "image tag": "Give an image another name",
    "images": "List images used by the created containers",
    "image pull": "Bring an image in from its registry",
    "image push": "Bring an image to its registry",
    "lock": "Write down which content each image has, in stackup.lock",
    "login": "Log in to a registry",
    "logout": "Log out from a registry",
    "pull": "Pull service images",
    "push": "Push service images",
    "publish": "Publish the stack to a registry",
    "kill": "Force stop service containers",
    "pause": "Pause services",
    "unpause": "Unpause services",
    "logs": "View output from containers",
    "ls": "List running stacks",
    "network connect": "Connect a container to a network",
    "network create": "Create a network",
    "network disconnect": "Disconnect a container from a network",
    "network inspect": "Show everything known of networks",
    "network ls": "List networks",
    "network prune": "Remove networks made by hand that no container is on",
    "network rm": "Remove networks",
    "plan": "Show what `up` would change, and why",
    "port": "Print the public port for a port binding",
    "ps": "List containers",
    "restart": "Restart service containers",
    "rm": "Remove stopped service containers",
    "run": "Run a one-off command on a service",
    "scale": "Scale services",
    "start": "Start services",
    "stop": "Stop services",
    "top": "Display the running processes",
    "up": "Create and start containers",
    "vars": "Show the variables that the files ask for, and who gave them their values",
    "version": "Show the version",
    "volumes": "List volumes",
    "wait": "Block until containers of all (or specified) services stop",
    "why": "Explain why something is as it is",
}

GROUPS = {
    "image": "Import, pull, push, list, save, load, check and remove images",
    "network": "Make, list, remove and connect networks",
}
ALIASES = {"convert": "config"}


def grammar_of(verb: str) -> str:
    """The module that has the command's options."""
    return next(module for module, verbs in GRAMMARS.items() if verb in verbs)


def function_of(verb: str) -> str:
    """The name of its function there, and of its body's module; `exec` is fine as a module but not as a function."""
    return verb.replace(" ", "_")
