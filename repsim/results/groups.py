"""Groups of pairs: within a variant of a study, between two, and of a network with itself."""

import polars as pl

__all__ = ["OVER_TRAINING", "group_of", "with_groups"]

# Of a snapshot with the network that it became.
OVER_TRAINING = "over training"

# What a pair takes over from each of its networks.
OF_NETWORK = ("variant", "snapshot", "step")


def group_of(first: str, second: str) -> str:
    """The group of a pair of networks of these variants, which stand in the order of the study.

    >>> group_of("true", "true"), group_of("true", "random"), group_of("", "")
    ('true', 'true – random', '')
    """
    return first if first == second else f"{first} – {second}"


def with_groups(results: pl.DataFrame, networks: pl.DataFrame) -> pl.DataFrame:
    """The results with the variants, snapshots and group of each pair, from the table of networks.

    A pair has the same group whichever of its networks is named first.
    """
    known = {row["network"]: row for row in networks.iter_rows(named=True)}
    order = {
        name: place for place, name in enumerate(networks["variant"].unique(maintain_order=True))
    }

    def group(a: str, b: str) -> str:
        one, other = known[a], known[b]
        same = (one["variant"], one["seed"]) == (other["variant"], other["seed"])
        if same and one["snapshot"] != other["snapshot"]:
            return OVER_TRAINING
        return group_of(*sorted((one["variant"], other["variant"]), key=order.__getitem__))

    pairs = results.select("network_a", "network_b").unique(maintain_order=True)
    groups = {(a, b): group(a, b) for a, b in pairs.iter_rows()}
    derived = [
        pl.Series(
            f"{column}_{side}",
            [known[name][column] for name in results[f"network_{side}"]],
            dtype=networks.schema[column],
        )
        for side in "ab"
        for column in OF_NETWORK
    ]
    of_rows = [groups[pair] for pair in results.select("network_a", "network_b").iter_rows()]
    return results.with_columns(*derived, pl.Series("group", of_rows, dtype=pl.String))
