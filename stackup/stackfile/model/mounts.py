"""Long forms of what a service mounts: volumes, binds, tmpfs, images, and grants of secrets and configs."""

from typing import Literal

from pydantic import Field

from stackup.stackfile.model.part import Part
from stackup.stackfile.model.scalars import Flag, Mode, Size, Text, Word


class BindOptions(Part):
    """`bind:` of a mount."""

    propagation: Text | None = Field(None, description="Mount propagation: private, rprivate, shared, slave, ...")
    create_host_path: Flag = Field(True, description="Make a folder at the source when nothing is there.")
    recursive: Literal["enabled", "disabled", "writable", "readonly"] | None = Field(
        None, description="What becomes of mounts beneath the source."
    )
    selinux: Literal["z", "Z"] | None = Field(None, description="SELinux relabelling: z (shared) or Z (private).")


class VolumeOptions(Part):
    """`volume:` of a mount."""

    nocopy: Flag = Field(False, description="Do not fill an empty volume from the image's folder.")
    subpath: Text | None = Field(None, description="The folder inside the volume that is mounted.")
    labels: dict[str, Word] = Field(default_factory=dict, description="Labels of an anonymous volume.")


class TmpfsOptions(Part):
    """`tmpfs:` of a mount."""

    size: Size | None = Field(None, description="Upper bound in bytes.")
    mode: Mode | None = Field(None, description="Permission bits of the root of the tmpfs.")


class ImageOptions(Part):
    """`image:` of a mount."""

    subpath: Text | None = Field(None, description="The folder inside the image that is mounted.")


class Mount(Part):
    """One entry of `services.<name>.volumes`."""

    type: Literal["bind", "volume", "tmpfs", "image", "npipe", "cluster"] = Field(
        description="What is mounted: a folder of the host (bind), a volume, a tmpfs or an image."
    )
    source: Text | None = Field(None, description="Host path, volume name or image; absent for anonymous volumes.")
    target: Text = Field(description="Path inside the container.")
    read_only: Flag = Field(False, description="Writes are refused.")
    consistency: Text | None = Field(None, description="Accepted and ignored: a hint for desktop platforms.")
    bind: BindOptions | None = Field(None, description="Options of type bind.")
    volume: VolumeOptions | None = Field(None, description="Options of type volume.")
    tmpfs: TmpfsOptions | None = Field(None, description="Options of type tmpfs.")
    image: ImageOptions | None = Field(None, description="Options of type image.")


class Grant(Part):
    """One entry of `services.<name>.secrets` or `.configs`: a file put into the container."""

    source: Text = Field(description="Name of the secret or config at top level.")
    target: Text | None = Field(
        None, description="Name beneath /run/secrets, or a path; a config without one is at /NAME."
    )
    uid: Text | None = Field(None, description="Owner of the file.")
    gid: Text | None = Field(None, description="Group of the file.")
    mode: Mode | None = Field(None, description="Permission bits; 0444 when absent.")


class Source(Part):
    """A top-level secret or config: where its bytes come from."""

    name: Text = Field("", description="Its name elsewhere; STACK_NAME when absent.")
    file: Text | None = Field(None, description="File that has the bytes.")
    environment: Text | None = Field(None, description="Variable of your shell that has the bytes.")
    external: Flag = Field(False, description="Not managed here: it must exist already.")
    labels: dict[str, Word] = Field(default_factory=dict, description="Labels.")
    driver: Text | None = Field(None, description="Swarm only: accepted, without effect.")
    driver_opts: dict[str, Word] = Field(default_factory=dict, description="Swarm only: accepted, without effect.")
    template_driver: Text | None = Field(None, description="Swarm only: accepted, without effect.")


class Secret(Source):
    """One entry of top-level `secrets`. Its bytes never appear in the Stack."""


class Config(Source):
    """One entry of top-level `configs`."""

    content: Text | None = Field(None, description="The text of the config, written here; variables are filled in.")


class Volume(Part):
    """One entry of top-level `volumes`."""

    name: Text = Field("", description="Its name on the machine; STACK_NAME when absent.")
    external: Flag = Field(False, description="Not managed here: it must exist already.")
    driver: Text | None = Field(None, description="Volume driver; `local` when absent.")
    driver_opts: dict[str, Word] = Field(default_factory=dict, description="Driver options: type, o, device.")
    labels: dict[str, Word] = Field(default_factory=dict, description="Labels.")


class EnvFile(Part):
    """One entry of `services.<name>.env_file`."""

    path: Text = Field(description="The file.")
    required: Flag = Field(True, description="A missing file is an error.")
    format: Text | None = Field(None, description="`raw` takes lines as they are, without quotes and variables.")


class Program(Part):
    """What the hooks of a service share."""

    user: Text | None = Field(None, description="Who runs it: name or uid, optionally :group or :gid.")
    privileged: Flag = Field(False, description="With all capabilities.")
    working_dir: Text | None = Field(None, description="Folder that it starts in.")
    environment: dict[str, Word | None] = Field(
        default_factory=dict, description="Variables besides those of the service."
    )


class Hook(Program):
    """One entry of `post_start` or `pre_stop`."""

    command: tuple[Text, ...] = Field(description="What runs.")


class InitHook(Program):
    """One entry of `pre_start`: a container that runs to its end before the service's own."""

    command: tuple[Text, ...] | None = Field(None, description="What runs; the image's own command when absent.")
    image: Text | None = Field(None, description="Its image; the service's when absent.")
    per_replica: Flag | None = Field(None, description="Once for every replica.")


class Watch(Part):
    """One entry of `develop.watch`."""

    path: Text = Field(description="Folder or file that is watched.")
    action: Literal["rebuild", "restart", "sync", "sync+restart", "sync+exec"] = Field(
        description="What a change does."
    )
    target: Text | None = Field(None, description="Where synced files go in the container.")
    ignore: tuple[Text, ...] = Field((), description="Patterns not watched.")
    include: tuple[Text, ...] = Field((), description="Patterns watched.")
    initial_sync: Flag = Field(False, description="Sync once at the start.")
    exec: Hook | None = Field(None, description="What runs in the container after sync+exec.")


class Develop(Part):
    """`services.<name>.develop`."""

    watch: tuple[Watch, ...] = Field((), description="Rules for watching.")
