"""What the report states about a study beside its tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from repsim.claims import Verdict


@dataclass(frozen=True, kw_only=True)
class StudyFacts:
    """The words and settings of a study that its tables do not hold.

    `conventions` are (term, words) that the report adds to its own; a term that the report has
    too is replaced. `missing` are sentences on networks or pairs that the report lacks. `variants`
    are the names of the study's variants in its order, none where it has none; `sweep` has for each
    variant of a sweep its numbers by swept key. `verdicts` are those on the claims of papers that
    the study names.
    """

    name: str
    description: str = ""
    study_toml: str  # The text as run.
    epsilons: Sequence[float]
    centred: bool
    conventions: Sequence[tuple[str, str]] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)
    missing: Sequence[str] = ()
    variants: Sequence[str] = ()
    sweep: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    verdicts: Sequence[Verdict] = ()
