"""Long forms of what belongs to a cluster, to Windows or to a runner of AI models: checked and printed, no more."""

from typing import Literal

from pydantic import Field

from stackup.stackfile.model.part import Part
from stackup.stackfile.model.scalars import Count, Duration, Number, Text


class Preference(Part):
    """One entry of `deploy.placement.preferences`."""

    spread: Text = Field(description="Label of nodes over whose values containers are spread.")


class Placement(Part):
    """`deploy.placement`."""

    constraints: tuple[Text, ...] = Field((), description="What a node must be, such as node.role==manager.")
    preferences: tuple[Preference, ...] = Field((), description="How containers are spread over nodes.")
    max_replicas_per_node: Count | None = Field(None, description="Containers a node may have.")


class Rollout(Part):
    """`deploy.update_config` and `deploy.rollback_config`."""

    parallelism: Count | None = Field(None, description="Containers replaced at a time; 0 for all.")
    delay: Duration = Field(0, description="Between two groups; 0s when absent.")
    failure_action: Text | None = Field(None, description="continue, rollback or pause.")
    monitor: Duration | None = Field(None, description="How long a new container is watched for failure.")
    max_failure_ratio: Number = Field(0.0, description="Share of failures that is put up with.")
    order: Literal["start-first", "stop-first"] | None = Field(None, description="Whether the new one starts first.")


class DiscreteResource(Part):
    """`discrete_resource_spec` of a generic resource."""

    kind: Text = Field(description="What the nodes call the resource.")
    value: Count = Field(description="How many of it.")


class GenericResource(Part):
    """One entry of `deploy.resources.reservations.generic_resources`."""

    discrete_resource_spec: DiscreteResource | None = Field(None, description="A resource that can be counted.")


class CredentialSpec(Part):
    """`services.<name>.credential_spec`."""

    config: Text | None = Field(None, description="Config that holds the specification.")
    file: Text | None = Field(None, description="File that holds it.")
    registry: Text | None = Field(None, description="Value of the Windows registry that holds it.")


class Model(Part):
    """One entry of top-level `models`."""

    name: Text | None = Field(None, description="Name for lookup in the runner.")
    model: Text = Field(description="Reference of the model's artifact.")
    context_size: Count | None = Field(None, description="Tokens of context.")
    runtime_flags: tuple[Text, ...] = Field((), description="Flags for the program that runs it.")


class ModelUse(Part):
    """One entry of `services.<name>.models`."""

    endpoint_var: Text | None = Field(None, description="Variable that gets the model's URL.")
    model_var: Text | None = Field(None, description="Variable that gets the model's name.")
