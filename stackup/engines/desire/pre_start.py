"""`pre_start` of a service: containers that run to their end, one after the other, before the service's own starts.

Each is a job on the service's networks and with its mounts. As with any job, one that ended well is not run again until
it has become another one, and one that failed is run again by the next `up`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

from stackup.engines.desire.facts import Context
from stackup.engines.desire.images import asked_for
from stackup.engines.engine import ONE_OFF
from stackup.reconcile.resource import Desired, Need, OnReplace, Until
from stackup.values import Address, Data

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stackup.engines.desire.facts import ImageFact
    from stackup.runtime.spec import Attachment, ContainerSpec
    from stackup.stackfile.model import Service
    from stackup.stackfile.model.mounts import InitHook

Job = tuple["InitHook", "ImageFact | None"]
"""With the image that it has instead of the service's."""


def jobs_of(name: str, service: Service, context: Context) -> list[Job]:
    """Their images must be had like the service's own."""
    return [
        (hook, asked_for(name, hook.image, context, service, ("pre_start", number, "image")) if hook.image else None)
        for number, hook in enumerate(service.pre_start)
    ]


def preceded(container: Desired, jobs: Sequence[Job], context: Context) -> Iterator[Desired]:
    """The jobs of a service's container, and itself, which begins anew when one of them is another one. Those of the
    first replica are the service's, but for those that every replica has.
    """
    name, index = container.address.name, container.address.index
    before: tuple[Need, ...] = ()
    for number, job in enumerate(jobs, 1):
        address = Address("container", f"{name}-pre-start-{number}", index if job[0].per_replica else 1)
        if address.index == index:
            span = context.span("services", name, "pre_start", number - 1)
            yield replace(
                container,
                address=address,
                spec=cast(Data, _spec(cast("ContainerSpec", container.spec), job, f"pre-start-{number}")),
                needs=tuple(map(_patient, (*container.needs, *before))),
                ready=Until.COMPLETED,
                origins={(): span} if span else {},
            )
        before += (Need(address, Until.COMPLETED, holds=True, on_replace=OnReplace.RESTART),)
    yield replace(container, needs=(*container.needs, *before))


def _patient(need: Need) -> Need:
    """What makes a service start anew is no reason to prepare it anew."""
    return replace(need, holds=False, on_replace=OnReplace.KEEP) if need.on.kind == "container" else need


def _spec(service: ContainerSpec, job: Job, suffix: str) -> ContainerSpec:
    """The service's container with another program. Who it is on its networks is the service's to be."""
    hook, image = job
    own = {"image": image.id, "image_name": str(hook.image), "user": None, "cwd": None} if image else {}
    environment = {key: value for key, value in hook.environment.items() if value is not None}
    return cast(
        "ContainerSpec",
        {
            **service,
            **own,
            "name": f"{service['name']}-{suffix}",
            "entrypoint": None,
            "command": list(hook.command) if hook.command is not None else None,
            "env": {**service["env"], **environment},
            "privileged": service["privileged"] or hook.privileged,
            **({"user": hook.user} if hook.user else {}),
            **({"cwd": hook.working_dir} if hook.working_dir else {}),
            "labels": {**service["labels"], ONE_OFF: "True"},
            "networks": {key: _unnamed(place) for key, place in service["networks"].items()},
            "ports": {},
            "expose": [],
            "restart": {"policy": "no", "attempts": 0, "delay": 0, "window": 0},
            "health": _NEVER_ASKED,
            "post_start": [],
            "pre_stop": [],
        },
    )


_NEVER_ASKED = {
    "test": ["NONE"], "interval": None, "timeout": None, "retries": None, "start_period": None, "start_interval": None,
}  # fmt: skip


def _unnamed(place: Attachment) -> Attachment:
    return {**place, "aliases": [], "ipv4": "", "ipv6": "", "mac": "", "link_local": []}
