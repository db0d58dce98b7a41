"""Groups of pairs: within a variant of a study, and between two."""

import polars as pl

__all__ = ["group_of", "with_groups"]


def group_of(first: str, second: str) -> str:
    """The group of a pair of networks of these variants, which stand in the order of the study.

    >>> group_of("true", "true"), group_of("true", "random"), group_of("", "")
    ('true', 'true – random', '')
    """
    return first if first == second else f"{first} – {second}"


def with_groups(results: pl.DataFrame, networks: pl.DataFrame) -> pl.DataFrame:
    """The results with the variants and the group of each pair, from the table of networks.

    A pair has the same group whichever of its networks is named first.
    """
    variant_of = dict(networks.select("network", "variant").iter_rows())
    order = {name: place for place, name in enumerate(dict.fromkeys(variant_of.values()))}
    groups = [
        group_of(*sorted((variant_of[a], variant_of[b]), key=order.__getitem__))
        for a, b in results.select("network_a", "network_b").iter_rows()
    ]
    return results.with_columns(
        pl.col("network_a").replace_strict(variant_of, return_dtype=pl.String).alias("variant_a"),
        pl.col("network_b").replace_strict(variant_of, return_dtype=pl.String).alias("variant_b"),
        pl.Series("group", groups, dtype=pl.String),
    )
