"""What a user may hand to a measure, brought to the statistic it is a function of."""

from repsim.errors import InputError
from repsim.moments import ArrayLike, Moments
from repsim.moments.principal import PrincipalPair

__all__ = ["check_samples", "moments_of"]


def moments_of(x: Moments | ArrayLike, y: ArrayLike | None) -> Moments:
    """Moments of two arrays, or the moments of a pair as they are.

    Raises
    ------
    InputError
        When `y` is missing, or given beside moments; when there are no samples.
    """
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


def check_samples(measure: str, pair: PrincipalPair, *, x: int, y: int) -> None:
    """Refuse layers that span all samples, where a measure would be 1 for any two layers.

    Parameters
    ----------
    measure
        Its name, for the message.
    pair
        The pair; centring takes one sample's worth of freedom.
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
