"""What every model of a stack file shares: frozen, nothing unknown, and `x-*` keys kept aside in `extensions`."""

from pydantic import BaseModel, ConfigDict, Field, model_validator

from stackup.stackfile.model.scalars import Loose


class Part(BaseModel):
    """A mapping with fixed keys. Built when the Stack is first validated, not when it is imported."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True, protected_namespaces=())

    extensions: dict[str, Loose] = Field(
        default_factory=dict, description="The x-* keys of this mapping: kept, printed back, without effect."
    )

    @model_validator(mode="before")
    @classmethod
    def set_extensions_aside(cls, value: object) -> object:
        if not isinstance(value, dict) or not any(key.startswith("x-") for key in value):
            return value
        kept = {key: item for key, item in value.items() if not key.startswith("x-")}
        return kept | {"extensions": {key: item for key, item in value.items() if key.startswith("x-")}}
