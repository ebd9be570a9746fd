"""Long forms of what a service may use and how many of it there are: deploy, limits, ulimits, build."""

from typing import Literal

from pydantic import Field

from stackup.stackfile.model.devices import ReservedDevice
from stackup.stackfile.model.foreign import GenericResource, Placement, Rollout
from stackup.stackfile.model.mounts import Grant
from stackup.stackfile.model.part import Part
from stackup.stackfile.model.scalars import Count, Duration, Flag, Number, Size, Text, Word


class Ulimit(Part):
    """One entry of `services.<name>.ulimits`; -1 is unlimited. A single number has become both."""

    soft: Count = Field(description="Limit that a process may raise up to the hard one.")
    hard: Count = Field(description="Limit that a process cannot raise.")


class Limits(Part):
    """`deploy.resources.limits`."""

    cpus: Number | None = Field(None, description="Processors that a container may use, such as 0.5.")
    memory: Size | None = Field(None, description="Memory that a container may use, such as 512m.")
    pids: Count | None = Field(None, description="Processes and threads that a container may have.")


class Reservations(Part):
    """`deploy.resources.reservations`."""

    cpus: Number | None = Field(None, description="Fraction of processors that is kept free.")
    memory: Size | None = Field(None, description="Memory that is left to a container when the machine runs short.")
    devices: tuple[ReservedDevice, ...] = Field((), description="Device requests.")
    generic_resources: tuple[GenericResource, ...] = Field((), description="Swarm only: accepted, without effect.")


class Resources(Part):
    """`deploy.resources`."""

    limits: Limits | None = Field(None, description="Hard limits.")
    reservations: Reservations | None = Field(None, description="Soft guarantees.")


class RestartPolicy(Part):
    """`deploy.restart_policy`; wins over `restart`."""

    condition: Literal["none", "on-failure", "any"] = Field("any", description="When to restart.")
    delay: Duration | None = Field(None, description="Time before it is started again.")
    max_attempts: Count | None = Field(None, description="How often it is started again until that is given up.")
    window: Duration | None = Field(None, description="A start counts as good after this time.")


class Deploy(Part):
    """`services.<name>.deploy`."""

    mode: Text | None = Field(None, description="replicated or global; one machine runs both alike.")
    replicas: Count | None = Field(None, description="How many containers.")
    resources: Resources | None = Field(None, description="Limits and reservations.")
    restart_policy: RestartPolicy | None = Field(None, description="When to restart.")
    labels: dict[str, Word] = Field(default_factory=dict, description="Labels of the service.")
    endpoint_mode: Text | None = Field(None, description="Swarm only: accepted, without effect.")
    placement: Placement | None = Field(None, description="Swarm only: accepted, without effect.")
    update_config: Rollout | None = Field(None, description="Swarm only: accepted, without effect.")
    rollback_config: Rollout | None = Field(None, description="Swarm only: accepted, without effect.")


class Build(Part):
    """`services.<name>.build`."""

    context: Text = Field(".", description="What COPY takes files from: folder, archive, URL, or - for standard input.")
    dockerfile: Text | None = Field(None, description="Its Dockerfile, from the context's folder.")
    dockerfile_inline: Text | None = Field(None, description="The Dockerfile itself, written here.")
    args: dict[str, Word | None] = Field(
        default_factory=dict,
        description="Values of ARG instructions; a name without a value takes the one from your shell.",
    )
    target: Text | None = Field(None, description="Stage of the Dockerfile that becomes the image.")
    labels: dict[str, Word] = Field(default_factory=dict, description="Labels of the image.")
    tags: tuple[Text, ...] = Field((), description="Additional names of the image.")
    cache_from: tuple[Text, ...] = Field(
        (), description="Where steps may come from: a name at a registry, or type=local,src=FOLDER."
    )
    cache_to: tuple[Text, ...] = Field(
        (), description="Where steps go: a name at a registry, or type=local,dest=FOLDER; mode=max for all stages."
    )
    no_cache: Flag = Field(False, description="Build every instruction again.")
    no_cache_filter: tuple[Text, ...] = Field((), description="Stages that are built again.")
    pull: Flag = Field(False, description="Look for newer base images.")
    additional_contexts: dict[str, Text] = Field(
        default_factory=dict, description="Other folders, images or services that FROM and COPY --from may name."
    )
    secrets: tuple[Grant, ...] = Field((), description="Secrets for RUN --mount=type=secret.")
    ssh: tuple[Text, ...] = Field((), description="SSH agents or keys for RUN --mount=type=ssh: default, or ID=PATH.")
    network: Text | None = Field(None, description="Network of RUN instructions.")
    extra_hosts: dict[str, tuple[Text, ...]] = Field(default_factory=dict, description="Additional host names.")
    shm_size: Size | None = Field(None, description="Size of /dev/shm in RUN instructions, such as 128m.")
    ulimits: dict[str, Ulimit] = Field(default_factory=dict, description="Limits of RUN instructions.")
    platforms: tuple[Text, ...] = Field((), description="Platforms that the image is built for, such as linux/arm64.")
    privileged: Flag = Field(False, description="RUN instructions with all capabilities.")
    entitlements: tuple[Text, ...] = Field((), description="Rights of the build, such as network.host.")
    isolation: Text | None = Field(None, description="Windows only: accepted, without effect.")
    provenance: Word | None = Field(None, description="Attestation: accepted, without effect.")
    sbom: Word | None = Field(None, description="Attestation: accepted, without effect.")
