"""Match profiles: from the moments of a comparison, the critical ε of every neuron."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from repsim.graph import Cost, Node, Product, on_store
from repsim.matching import MatchProfile, match_profile
from repsim.moments import Factor, Moments
from repsim.stages.activations import paired_blocks, stored_activations
from repsim.stages.comparison import ComparisonSpec
from repsim.stages.moments import read_statistic, stored_moments
from repsim.store import Artifact, Store

if TYPE_CHECKING:
    from repsim.stages.plan import StudyPlan

__all__ = ["PROFILE_OPERATIONS", "nodes", "profile_layer", "stored_profile", "stored_source"]

KINDS = ("profiles",)

ARRAYS = "arrays.npz"
FACTOR = "factor.npz"

# Of a match profile, in third powers of the neurons of a pair: `python -m tests.benchmarks`.
PROFILE_OPERATIONS = 17


def nodes(plan: "StudyPlan") -> Iterator[Node]:
    """A node for each comparison."""
    for tile in plan.tiles:
        for spec in tile.comparisons:
            yield Node(
                task="profile",
                label=spec.label,
                makes=(Product(folder=spec.profile_folder, label=spec.label, result=True),),
                # Activations are read where moments have too few digits.
                needs=(spec.moments_folder, *(layer.folder for layer in spec.layers)),
                make=on_store(profile_layer, spec),
                share=tile.key,
                memory=spec.memory,
                cost=Cost(operations=PROFILE_OPERATIONS * spec.neurons_cubed),
            )


def profile_layer(store: Store, spec: ComparisonSpec) -> None:
    """Compute the match profile of a comparison.

    Where the digits of the moments are not enough, the activations are read once more for their
    triangular factor, which has twice as many. It is kept beside the profile.
    """
    centred = spec.matching.centred
    draft = Artifact.at(store, spec.profile_folder).draft()
    profile = match_profile(stored_moments(store, spec.moments_folder, spec.sides), centred=centred)
    if not profile.settled:
        x, y = (stored_activations(store, layer) for layer in spec.layers)
        factor = Factor.zeros(x.shape[2], y.shape[2])
        for x_block, y_block in paired_blocks(x, y):
            factor = factor.update(x_block, y_block)
        draft.write_arrays(FACTOR, factor.arrays())
        profile = match_profile(factor, centred=centred)
    draft.write_arrays(ARRAYS, profile.arrays())
    draft.publish()


def stored_profile(store: Store, spec: ComparisonSpec) -> MatchProfile:
    """A published match profile."""
    artifact = Artifact.at(store, spec.profile_folder)
    arrays = artifact.read_arrays(ARRAYS)
    with artifact.as_expected(ARRAYS):
        profile = MatchProfile.from_mapping(arrays)
    if (profile.p, profile.q) != spec.sides:
        raise artifact.damaged(f"the profile of {profile.p} and {profile.q} neurons in {ARRAYS}")
    return profile


def stored_source(store: Store, spec: ComparisonSpec) -> Moments | Factor:
    """The factor where the profile needed it, the moments elsewhere."""
    artifact = Artifact.at(store, spec.profile_folder)
    marker = artifact.marker()
    if any(part.name == FACTOR for part in marker.parts):
        return read_statistic(artifact, FACTOR, Factor, spec.sides)
    return stored_moments(store, spec.moments_folder, spec.sides)
