"""Every diagnostic code of Dockerfiles with its meaning: what `explain SU201` prints. See stackfile/codes.py."""

from __future__ import annotations

CODES: dict[str, tuple[str, str]] = {
    "SU201": (
        "a parser directive is not valid",
        "Directives (# syntax=, # escape=, # check=) stand at the top of a Dockerfile, each at most once. escape is a "
        "backslash or a backtick. syntax names a frontend to download and run: it is noted, and never run.",
    ),
    "SU202": (
        "an instruction is not known",
        "The first word of a line is no instruction of a Dockerfile. Often the line above should have ended with a "
        "backslash, or a heredoc has spaces before its closing word.",
    ),
    "SU203": (
        "an instruction's arguments are not what it takes",
        "The arguments are missing, too many, or not of the form that the instruction needs.",
    ),
    "SU204": (
        "a heredoc is not closed",
        "After <<NAME there must be a line that holds NAME and nothing else; with <<-NAME tabs may stand before it.",
    ),
    "SU205": (
        "a Dockerfile has no instructions",
        "There is nothing to build in an empty file, or in one that has only comments.",
    ),
    "SU206": (
        "a flag is not one of the instruction's",
        "Flags (--name=value) stand between the instruction and its arguments; each instruction has its own.",
    ),
    "SU207": (
        "a variable cannot be expanded",
        "A word has a quote or a brace that is not closed, an operator that does not exist, or asks with ${NAME:?} for "
        "a variable that is not set.",
    ),
    "SU208": (
        "a stage does not exist",
        "--target, COPY --from and RUN --mount=from name a stage by its name (FROM ... AS name) or its number, counted "
        "from 0; a stage can use those above it.",
    ),
    "SU209": (
        "an instruction stands outside of a stage",
        "Before the first FROM only ARG may stand: there is no image yet that an instruction could work on.",
    ),
    "SU210": (
        "stages need each other",
        "A stage copies from itself, or from one that is built from it: there is no order in which they can be built.",
    ),
    "SU211": (
        "a trigger cannot be one",
        "ONBUILD takes every instruction but FROM, MAINTAINER and ONBUILD itself.",
    ),
    "SU220": (
        "a check of the Dockerfile has found something",
        "The build works, but probably not as it is meant. The name of the rule is Docker's; a line "
        "`# check=skip=Rule` at the top of the file turns it off, `# check=error=true` makes all of them errors.",
    ),
}

DOING: dict[str, tuple[str, str]] = {
    "SU221": (
        "a step of the build failed",
        "What RUN runs ended with an exit code other than 0, or could not be started. Its output stands above. The "
        "steps before it are kept: the next build goes on from there.",
    ),
    "SU222": (
        "a step of the build cannot be done",
        "COPY, ADD, WORKDIR or a mount of RUN names a file that is not there, or a place where the file cannot go. "
        "What .dockerignore leaves out is not there.",
    ),
    "SU223": (
        "what ADD fetches cannot be had",
        "A URL or a repository that ADD names does not answer, or is not what --checksum says. An address of this "
        "machine or its networks is not asked, also not through a redirect or a name that leads there, unless "
        '`private = true` stands below ["host:port"] in registries.toml of stackup\'s configuration folder.',
    ),
}
"""What only a build itself can run into, so that there is no example of it."""
