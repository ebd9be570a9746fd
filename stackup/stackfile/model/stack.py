"""The Stack: everything that the stack files say, in long form, typed, frozen. The loader makes it, engines read it.

Keys of the four resource mappings are the file's names; `name` of a network, volume, secret or config is the real
one. Read it by attribute (`stack.services["web"].ports[0].target`); where a value came from is in `Loaded.origins`
under the same path.
"""

from pydantic import Field

from stackup.stackfile.model.foreign import Model
from stackup.stackfile.model.mounts import Config, Secret, Volume
from stackup.stackfile.model.network import Network
from stackup.stackfile.model.part import Part
from stackup.stackfile.model.scalars import Text
from stackup.stackfile.model.service import Service


class Stack(Part):
    """A whole stack."""

    name: Text = Field(
        "", description="Name of the stack: lower-case letters, digits, - and _; the folder's when absent."
    )
    services: dict[str, Service] = Field(default_factory=dict, description="The programs of the stack, by name.")
    networks: dict[str, Network] = Field(default_factory=dict, description="Networks that services are on, by name.")
    volumes: dict[str, Volume] = Field(default_factory=dict, description="Volumes that outlive containers, by name.")
    secrets: dict[str, Secret] = Field(
        default_factory=dict, description="Files that only services see which ask for them, by name."
    )
    configs: dict[str, Config] = Field(default_factory=dict, description="Files that services ask for, by name.")
    models: dict[str, Model] = Field(default_factory=dict, description="AI models that services use, by name.")
