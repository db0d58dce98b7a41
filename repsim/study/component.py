"""A data set, model or measure as a study names it."""

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from repsim.study.digest import canonical_json

__all__ = ["Component", "Model"]


class Component(BaseModel):
    """A data set, model or measure by name; the other keys are its own options.

    The name is a built-in one or ``package.module:function``. The options are checked by the
    component itself, which alone knows them.
    """

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    name: str = Field(min_length=1)

    @model_validator(mode="after")
    def _can_be_digested(self) -> Self:
        try:
            canonical_json(self.options)
        except (TypeError, ValueError):
            raise ValueError(
                "Expected finite numbers, words, true or false, lists and tables as options. "
                f"Got {self.options}"
            ) from None
        return self

    @property
    def options(self) -> dict[str, Any]:
        """Everything but the name."""
        return dict(self.model_extra or {})


class Model(Component):
    """A model by name, its options, and where it puts its logits."""

    output: str | int | None = Field(
        default=None,
        description="key, attribute or position of the logits, where the model puts out several "
        "tensors",
    )
