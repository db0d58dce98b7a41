"""From the published results of a study to its tables and its report."""

import hashlib
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import metadata
from typing import Any

import polars as pl
import tomli_w

from repsim.claims import Evidence, judged
from repsim.report import StudyFacts, build_report
from repsim.results import MAXIMUM_MATCH, TIMINGS, Tables, in_context
from repsim.stages.across import AcrossSpec, stored_across
from repsim.stages.analyses import AnalysisSpec, analysis_rows
from repsim.stages.comparison import ComparisonSpec
from repsim.stages.matches import stored_ranks, stored_rows
from repsim.stages.networks import NetworkSpec
from repsim.stages.plan import StudyPlan
from repsim.stages.report_manifest import (
    Places,
    ReportManifest,
    read_manifest,
    report_folder,
    write_manifest,
)
from repsim.stages.report_rows import (
    critical_rows,
    layer_rows,
    named_scores,
    network_row,
    place_of,
    simple_rows,
    structure_rows,
)
from repsim.store import Store, published
from repsim.study import Matching, Study, digest

__all__ = [
    "Consolidated",
    "consolidate",
    "consolidated",
    "report_is_current",
    "study_toml",
]

# Rises when the same results would give another report.
REPORT_VERSION = 8
PACKAGES = ("repsim-workflows", "torch", "torchvision", "numpy", "scipy", "zarr", "dask", "ray")


def study_toml(study: Study) -> str:
    """The study as a file: every default filled in, every override applied."""
    table = study.model_dump(mode="json", exclude_none=True)
    table["variants"] = {name: _filled(one) for name, one in table["variants"].items()}
    if not study.trains:
        del table["seeds"], table["training"]
    return tomli_w.dumps(_filled(table))


def _filled(table: Mapping[str, Any]) -> dict[str, Any]:
    """A table without the empty tables in it."""
    return {key: value for key, value in table.items() if value != {}}


@dataclass(frozen=True)
class _Published:
    """What of a study exists, looked up once."""

    store: Store
    plan: StudyPlan
    failures: Mapping[str, str]

    @cached_property
    def _reduced(self) -> StudyPlan:
        """The study without the layers that failed."""
        layers = (layer for group in self.plan.layers.values() for layer in group)
        return self.plan.without({x.folder for x in layers if x.label in self.failures})

    @cached_property
    def existing(self) -> frozenset[str]:
        """Results, each as ``kind/key``."""
        folders = [product.folder for product in self.plan.graph.results]
        folders += [spec.folder for spec in self._reduced.across]
        return frozenset(published(self.store, folders))

    @cached_property
    def comparisons(self) -> tuple[ComparisonSpec, ...]:
        """Those of which all results exist."""
        lacking = {p.label for p in self.plan.graph.results if p.folder not in self.existing}
        return tuple(spec for spec in self.plan.comparisons if spec.label not in lacking)

    @cached_property
    def across(self) -> tuple[AcrossSpec, ...]:
        """Comparisons across layers, if need be without the layers that failed."""
        # The whole last: it is the one that counts where both exist.
        wanted = (*self._reduced.across, *self.plan.across)
        found = {spec.label: spec for spec in wanted if spec.folder in self.existing}
        return tuple(found[spec.label] for spec in self.plan.across if spec.label in found)

    @cached_property
    def analyses(self) -> tuple[AnalysisSpec, ...]:
        """Those that exist."""
        return tuple(spec for spec in self.plan.analyses if spec.folder in self.existing)

    @cached_property
    def records(self) -> dict[str, dict[str, Any]]:
        """The training records of networks, by label."""
        return {
            spec.label: spec.record(self.store)
            for spec in self.plan.networks
            if spec.folder in self.existing
        }

    def record_of(self, spec: NetworkSpec) -> dict[str, Any] | None:
        """The training record of a network, or of that of a snapshot, if it exists itself."""
        return self.records.get(spec.network.label) if spec.folder in self.existing else None

    @cached_property
    def state(self) -> str:
        """Digest of what the report is made of: equal states give equal reports."""
        return digest(
            {
                "version": REPORT_VERSION,
                "study": self.plan.study.model_dump(mode="json"),
                "accepted_code": self.plan.accepted_code,
                "artifacts": sorted(self.existing),
                "failures": dict(self.failures),
            }
        )


@dataclass(frozen=True, kw_only=True)
class Consolidated:
    """What of a study exists, as tables."""

    tables: Tables
    facts: StudyFacts
    places: dict[str, Places]
    """By the label of a network or snapshot."""


def consolidate(store: Store, plan: StudyPlan, failures: Mapping[str, str]) -> str:
    """Write the report of what exists; return the path of the page inside the store.

    Parameters
    ----------
    store
        The store.
    plan
        The study.
    failures
        Why a network, a layer of one or a comparison is missing, by its label.
    """
    published = _Published(store, plan, failures)
    found = _consolidated(published)
    folder = report_folder(plan.study.name)
    hashes = {}
    for file, content in build_report(found.tables, found.facts).items():
        store.write(f"{folder}/{file}", content)
        hashes[file] = hashlib.sha256(content).hexdigest()
    for path in store.sizes(folder):  # what an earlier report had and this one has not
        if path.removeprefix(f"{folder}/") not in hashes:
            store.delete(path)
    manifest = ReportManifest(
        state=published.state, files=hashes, facts=found.facts, places=found.places
    )
    write_manifest(store, plan.study.name, manifest)
    return f"{folder}/report.html"


def consolidated(store: Store, plan: StudyPlan, failures: Mapping[str, str]) -> Consolidated:
    """As `consolidate`, without writing anything."""
    return _consolidated(_Published(store, plan, failures))


def _consolidated(published: _Published) -> Consolidated:
    store, plan, failures = published.store, published.plan, published.failures
    study, name = plan.study, plan.study.name
    complete = published.comparisons
    resampling = study.resampling
    ranks = {spec.folder: stored_ranks(store, spec) for spec in complete}
    results = [
        {
            "study": name,
            **place_of(spec),
            "layer_a": spec.x.layer,
            "layer_b": spec.y.layer,
            **row,
            "examples": spec.x.examples,
        }
        | ({"ranks": ranks[spec.folder]} if row["measure"] == MAXIMUM_MATCH else {})
        for spec in complete
        for row in stored_rows(store, spec)
    ]
    level = resampling.level
    across = stored_across(store, [spec.folder for spec in published.across])
    epochs = [
        {"network": label, **named_scores(epoch, record)}
        for label, record in published.records.items()
        for epoch in record["history"]
    ]
    tables = Tables.from_rows(
        networks=[
            network_row(spec, published.record_of(spec), failures.get(spec.label))
            for spec in plan.states
        ],
        training=[{k: v for k, v in row.items() if k != "seconds"} for row in epochs],
        timings=[{name: row[name] for name in TIMINGS} for row in epochs],
        layers=layer_rows(plan),
        results=in_context(results, level=level),
        **across,
        simple_matches=[row for spec in complete for row in simple_rows(store, spec)],
        structure=[row for spec in complete for row in structure_rows(store, spec)],
        analyses=list(analysis_rows(store, published.analyses)),
        neurons=pl.concat(critical_rows(store, s, ranks[s.folder], level) for s in complete)
        if complete
        else (),
    )
    evidence = Evidence(
        tables=tables.kept,
        over_training=tables.results,
        analyses=tables.analyses.join(
            tables.networks.select("network", "variant", "seed"), on="network", how="left"
        ),
        settings={spec.network.variant: spec.network.settings for spec in plan.representatives},
    )
    facts = StudyFacts(
        name=name,
        description=study.description,
        study_toml=study_toml(study),
        epsilons=study.matching.epsilons,
        centred=study.matching.centred,
        versions=_versions(),
        digests={
            "study": digest(study.model_dump(mode="json")),
            **_data_digests(plan),
            **{f"network, {spec.label}": spec.key for spec in plan.networks},
        },
        conventions=_conventions(plan),
        missing=_missing(published),
        variants=[one.name for one in study.variations if one.name],
        verdicts=judged(study.claims, evidence),
        sweep={one.name: one.numbers for one in study.variations if one.numbers},
    )
    return Consolidated(tables=tables, facts=facts, places=_places(plan))


def _places(plan: StudyPlan) -> dict[str, Places]:
    """Where weights and activations are, or will be."""
    return {
        spec.label: Places(
            weights=spec.folder,
            activations={layer.layer: layer.folder for layer in plan.layers[spec.label]},
        )
        for spec in (*plan.networks, *plan.snapshots)
    }


def report_is_current(store: Store, plan: StudyPlan, failures: Mapping[str, str]) -> bool:
    """Whether the report in the store is of exactly what is there now, and undamaged."""
    name = plan.study.name
    manifest = read_manifest(store, name)
    if manifest is None or manifest.state != _Published(store, plan, failures).state:
        return False
    return all(
        hashlib.sha256(store.read(f"{report_folder(name)}/{file}") or b"").hexdigest() == sha256
        for file, sha256 in manifest.files.items()
    )


def _missing(published: _Published) -> list[str]:
    """Sentences on what the report lacks."""
    plan, failures = published.plan, published.failures
    sentences = []
    for network in plan.states:
        if network.label in failures:
            sentences.append(f"{network.label}: {failures[network.label]}")
        elif not network.snapshot and network.label not in published.records:
            how = "trained" if network.given is None else "loaded"
            sentences.append(f"{network.label}: not {how} yet.")
        sentences += [
            f"{layer.label}: {failures[layer.label]}"
            for layer in plan.layers.get(network.label, ())
            if layer.label in failures
        ]
    lacking = [spec for spec in plan.analyses if spec not in published.analyses]
    sentences += [f"{s.label}: {failures[s.label]}" for s in lacking if s.label in failures]
    if lacking:
        sentences.append(f"{len(lacking)} of {len(plan.analyses)} analyses are missing.")
    complete = {spec.folder for spec in published.comparisons}
    absent = [spec for spec in plan.comparisons if spec.folder not in complete]
    there = {spec.label: spec for spec in published.across}
    across = [spec for spec in plan.across if spec.label not in there]
    whole = {spec.folder for spec in plan.across}
    partial = [spec for spec in there.values() if spec.folder not in whole]
    compared: list[ComparisonSpec | AcrossSpec] = [*absent, *across]
    sentences += [f"{c.label}: {failures[c.label]}" for c in compared if c.label in failures]
    if absent:
        sentences.append(
            f"{len(absent)} of {len(plan.comparisons)} comparisons (a layer of a pair) are "
            "missing from every figure and table. Run the study again to make them."
        )
    if across:
        sentences.append(
            f"{len(across)} of {len(plan.across)} comparisons across layers are missing."
        )
    if partial:
        sentences.append(
            f"{len(partial)} of {len(plan.across)} comparisons across layers are without the "
            "layers that failed."
        )
    return sentences


def _data_digests(plan: StudyPlan) -> dict[str, str]:
    """Of each data set; with the variant that is trained on it where there are several."""
    digests = {spec.network.variant: spec.fingerprint for spec in plan.representatives}
    if len(set(digests.values())) == 1:
        return {"data": next(iter(digests.values()))}
    return {f"data, {variant}": fingerprint for variant, fingerprint in digests.items()}


def _conventions(plan: StudyPlan) -> list[tuple[str, str]]:
    accepted = [("Code that has changed", words) for words in plan.accepted_code]
    apart = [("Layers that do not correspond", " ".join(plan.apart))] if plan.apart else []
    asked = plan.study.capture.positions
    words = {
        "mean": "A sample is one example: a feature map is averaged over its positions.",
        "last": "A sample is one example: its last position, of a sequence its last token.",
    }
    listed = f"Positions that were captured (capture.positions): {asked}." if asked != "all" else ""
    said = words.get(str(asked), "" if isinstance(asked, int) else listed)
    averaged = [("Samples", said)] if said else []
    return [*accepted, *apart, *averaged, *_visiting_order(plan.study.matching)]


def _visiting_order(matching: Matching) -> list[tuple[str, str]]:
    if not matching.minimal_at:
        return []
    runs = (
        f"then in {matching.restarts} random orders (seed {matching.seed}), the smallest kept"
        if matching.restarts
        else "once"
    )
    order = f"Neurons are tried in the order of X by index and then Y, {runs}."
    return [("Visiting order", order)]


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        versions[package] = metadata.version(package)
    return versions
