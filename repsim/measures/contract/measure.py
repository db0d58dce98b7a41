"""What every measure is: options, the exact definition as words, and a function of a statistic.

A measure derives from `MomentsMeasure` or `ExamplesMeasure` and holds its options as fields. It
says its ``convention``, its ``properties`` and its ``value``; everything else has a default here.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from jaxtyping import Float64
from pydantic import model_validator

from repsim.errors import InputError
from repsim.examples import ExampleGram, ExamplePair, Features, example_pair
from repsim.measures.contract.properties import Invariance, Properties
from repsim.moments import ArrayLike, Moments
from repsim.moments.principal import PrincipalPair, principal
from repsim.options import StrictOptions

__all__ = [
    "CentredOption",
    "ExamplesMeasure",
    "Measure",
    "MomentsMeasure",
    "Presets",
    "Statistic",
    "check_samples",
    "digits_lost",
    "rounding_of",
]

Statistic = Literal["moments", "examples"]
Presets = Mapping[str, Mapping[str, object]]


class Measure(StrictOptions, ABC):
    """A measure with its options."""

    statistic: ClassVar[Statistic]
    """What it is a function of: `Moments`, or an `ExamplePair`."""
    presets: ClassVar[Presets] = {}
    """For each library that ``compat`` may name, the options that it fixes."""
    spans: ClassVar[bool] = False
    """Whether all directions count equally, however little a layer varies along them."""
    halves: ClassVar[bool] = True
    """Whether fewer examples give an estimate of the same quantity."""
    undefined: ClassVar[str] = "it is constant over the examples"
    """What is wrong with a layer of which a measure of examples has no value."""

    if TYPE_CHECKING:

        @property
        def centred(self) -> bool:
            """Whether each neuron's mean is removed; an option, or a class variable."""

    @property
    @abstractmethod
    def convention(self) -> str:
        """Id of the exact definition with every choice, for tables."""

    @property
    @abstractmethod
    def properties(self) -> Properties:
        """Bounds, direction and invariances."""

    @abstractmethod
    def value(self, statistic: Any, /) -> float:
        """The measure of a pair at a layer; NaN where it is not defined.

        Raises InputError where any two layers of this size would get the same value.
        """

    @abstractmethod
    def statistic_of(self, x: Any, y: ArrayLike | None) -> Any:
        """The statistic of two arrays, or `x` as it is where it is one; InputError otherwise."""

    def caution(self, statistic: Any, /) -> str:  # noqa: ARG002 - for those that override it
        """What to know before relying on a value, beyond what holds for every measure."""
        return ""

    @abstractmethod
    def rounding(self, statistic: Any, /) -> float:
        """How far the value, or the distances it is made of, may be off by rounding."""

    @classmethod
    def by_examples(cls) -> "type[ExamplesMeasure] | None":
        """The same measure as one of examples × examples, if there is one.

        It takes layers with any number of features, and compares all layers with all others in one
        matrix product.
        """
        return None

    @property
    def saturates(self) -> bool:
        """Whether any two layers with as many neurons as samples get a high value."""
        return True

    @property
    def library(self) -> str:
        """The beginning of the convention: the library that the measure reproduces, if any."""
        compat = getattr(self, "compat", None)
        return f"compat={compat}," if compat else ""

    @model_validator(mode="before")
    @classmethod
    def _as_the_library_has_it(cls, given: Any) -> Any:
        library = given.get("compat") if isinstance(given, Mapping) else None
        if not isinstance(library, str) or library not in cls.presets:
            return given
        fixed = cls.presets[library]
        for name, value in fixed.items():
            got = given.get(name, value)
            if got not in (value, cls.model_fields[name].default):
                raise ValueError(
                    f'Expected {name} = {value!r} with compat = "{library}", which knows no other. '
                    f"Got {got!r}"
                )
        return {**given, **fixed}


class MomentsMeasure(Measure):
    """A measure of the second moments of a pair."""

    statistic: ClassVar[Statistic] = "moments"

    def statistic_of(self, x: Moments | ArrayLike, y: ArrayLike | None) -> Moments:
        """Moments of two arrays, or the given moments of a pair."""
        if isinstance(x, Moments):
            if y is not None:
                raise InputError("Expected two arrays, or the moments of a pair alone. Got both.")
            moments = x
        elif y is None:
            raise InputError("Expected two arrays, or the moments of a pair alone. Got one array.")
        else:
            moments = Moments.from_arrays(x, y)
        if moments.count == 0:
            raise InputError("Expected at least one sample. Got none.")
        return moments

    def rounding(self, moments: Moments) -> float:
        """Error of sums over the samples, relative to what is left of them about the means."""
        return rounding_of(moments) * digits_lost(moments)


class CentredOption(MomentsMeasure):
    """A measure of moments, centred or not."""

    centred: bool = True

    @property
    def centring(self) -> str:
        """The word for the convention."""
        return "centred" if self.centred else "uncentred"

    def unchanged_by(self, *changes: Invariance) -> frozenset[Invariance]:
        """These changes, and translation where the means are removed."""
        return frozenset({*changes, "translation"} if self.centred else changes)


class ExamplesMeasure(Measure):
    """A measure of examples × examples: the inner product of two unit vectors, one of each layer.

    So all layers against all others are one matrix product.
    """

    features: Features = "averaged"

    statistic: ClassVar[Statistic] = "examples"

    @abstractmethod
    def unit_vector(self, layer: ExampleGram) -> Float64[np.ndarray, " m"]:
        """What the measure takes of one layer, of length 1; NaN where it is not defined."""

    @classmethod
    def by_examples(cls) -> "type[ExamplesMeasure]":
        """The measure itself."""
        return cls

    def value(self, pair: ExamplePair) -> float:
        """The inner product of both vectors."""
        return float(self.unit_vector(pair.x) @ self.unit_vector(pair.y))

    def statistic_of(self, x: ExamplePair | ArrayLike, y: ArrayLike | None) -> ExamplePair:
        """Inner products of the examples of two arrays, or the given ones of a pair."""
        return example_pair(x, y, self.features)

    def rounding(self, pair: ExamplePair) -> float:  # noqa: ARG002 - for those that override it
        """Relative error of the distances between examples, for measures that depend on them."""
        return 0.0


def rounding_of(moments: Moments) -> float:
    """Relative error of sums over the samples."""
    return float(8 * np.finfo(np.float64).eps * (1 + np.sqrt(moments.count)))


def digits_lost(moments: Moments) -> float:
    """The largest factor by which the sums exceed what is left of them about the means."""
    pair = principal(moments, centred=True)
    return max(
        float(square.trace()) / layer.trace if layer.trace else 1.0
        for square, layer in ((moments.xx, pair.x), (moments.yy, pair.y))
    )


def check_samples(measure: str, pair: PrincipalPair, *, x: int, y: int) -> None:
    """Refuse layers that span all samples, where a measure would be 1 for any two layers.

    Parameters
    ----------
    measure
        Its name, for the message.
    pair
        The pair; centring uses up one sample.
    x, y
        Live neurons, or directions, that the measure uses of X and Y; 0 where it does not matter.

    Raises
    ------
    InputError
        It says what to do.
    """
    free = pair.count - pair.centred
    for name, used in (("X", x), ("Y", y)):
        if used and used >= free:
            raise InputError(
                f"Expected fewer live neurons than samples for {measure}. Got {used} of {name} and "
                f"{pair.count} samples{', one of which goes into the mean' * pair.centred}: any "
                "two such layers get the same value. Take more examples or positions, or svcca "
                "with fewer directions."
            )
