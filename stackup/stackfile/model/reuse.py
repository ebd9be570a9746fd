"""What only files say, and a Stack does not: how they are built on other files. The loader has used it up by then."""

from pydantic import Field

from stackup.stackfile.model.part import Part
from stackup.stackfile.model.scalars import Text


class Include(Part):
    """One entry of top-level `include`."""

    path: tuple[Text, ...] = Field(description="Files that are merged and then included.")
    project_directory: Text | None = Field(None, description="Base of their relative paths; the first file's folder.")
    env_file: tuple[Text, ...] = Field((), description="Variables for them; the .env of that folder when absent.")


class Extends(Part):
    """`services.<name>.extends`."""

    service: Text = Field(description="Service that this one is built on.")
    file: Text | None = Field(None, description="File that has it; this one when absent.")


INCLUDE_KEYS = tuple(key for key in Include.model_fields if key != "extensions")
EXTENDS_KEYS = tuple(key for key in Extends.model_fields if key != "extensions")
