"""What the JSON files of artifacts hold: content of another form is damage, however well signed."""

import math
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, TypeAdapter, model_validator

from repsim.results.schemas import RESULTS

__all__ = ["ACROSS", "ROWS", "SIMPLE", "TRAINING", "VALUES", "finite"]

Number = float | None


def finite(value: float) -> Number:
    """The value, or None for what JSON has no number for."""
    return float(value) if math.isfinite(value) else None


class _Form(BaseModel):
    """Fields that are read; others may stand beside them."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)


class _Epoch(_Form):
    epoch: int
    learning_rate: float
    train_loss: float
    train_score: Number
    test_score: Number
    seconds: float


class _Training(_Form):
    history: list[_Epoch]
    device: str
    precision: str
    parameters: int
    kept_epoch: int
    score: Literal["accuracy", "r2", "perplexity"] | None

    @model_validator(mode="after")
    def _kept_one_of_them(self) -> Self:
        # An untrained network has no history: what is kept of it is from before the first epoch.
        epochs = [epoch.epoch for epoch in self.history] or [0]
        if self.kept_epoch not in epochs:
            raise ValueError(f"epoch {self.kept_epoch} was kept, which is none of its history")
        return self


class _Values(_Form):
    values: list[Number]
    caution: str | None


class _Row(_Form):
    measure: str
    epsilon: Number
    value: Number
    null: list[Number]
    within: list[Number]
    without: list[Number]
    drawn: list[Number]
    halves: list[Number]
    quarters: list[Number]
    groups: int
    best: float
    bounds: tuple[Number, Number]
    larger_is_more_similar: bool
    neurons_x: int
    neurons_y: int
    dead_x: int
    dead_y: int
    samples: int
    condition: Number
    method: Literal["moments", "factor"]
    centred: bool
    caution: str | None
    matched_x: int | None = None
    matched_y: int | None = None
    ties: int | None = None

    @model_validator(mode="after")
    def _columns_alone(self) -> Self:
        unknown = (self.model_extra or {}).keys() - RESULTS.keys()
        if unknown:
            raise ValueError(f"no columns: {', '.join(sorted(unknown))}")
        return self


Sides = tuple[list[int], list[int]]


class _SimpleMatch(_Form):
    match: Sides
    minimal_for: Sides
    minimum_for: Sides
    slack: float
    certified: bool


class _Structure(_Form):
    theta_least: Number
    theta_most: Number
    gap_needed: Number
    gap_most: Number
    excluded: bool
    words: str


class _Simple(_Form):
    eps: float
    p: int
    q: int
    order: str
    seed: int
    restarts: int
    method: str
    whole: Sides
    matches: list[_SimpleMatch]
    structure: _Structure | None = None


class _Matrix(_Form):
    network_a: str
    layers_a: list[tuple[str, int]]
    network_b: str
    layers_b: list[tuple[str, int]]
    measure: str
    features: str
    values: list[list[Number]]

    @model_validator(mode="after")
    def _of_these_layers(self) -> Self:
        widths = {len(row) for row in self.values}
        if len(self.values) != len(self.layers_a) or widths - {len(self.layers_b)}:
            raise ValueError("values are not layers × layers")
        return self


class _Principal(_Form):
    network: str
    layer: str
    depth: int
    features: str
    first_share: Number
    examples: int


class _Identification(_Form):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    measure: str
    features: str
    correct: int
    total: int
    undefined: int
    expected: float


class _Across(_Form):
    matrices: list[_Matrix]
    principal: list[_Principal]
    identification: list[_Identification]


TRAINING: TypeAdapter[Any] = TypeAdapter(_Training)
VALUES: TypeAdapter[Any] = TypeAdapter(_Values)
ROWS: TypeAdapter[Any] = TypeAdapter(list[_Row])
SIMPLE: TypeAdapter[Any] = TypeAdapter(_Simple)
ACROSS: TypeAdapter[Any] = TypeAdapter(_Across)
