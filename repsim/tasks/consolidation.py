"""From the published results of a study to its tables and its report."""

import hashlib
import json
import platform
from collections.abc import Iterator, Mapping
from importlib import metadata
from typing import Any

import polars as pl
import tomli_w

from repsim.report import StudyFacts, build_report
from repsim.results import MAXIMUM_MATCH, TIMINGS, Tables, in_context, neuron_rows
from repsim.store import Store
from repsim.study import Matching, Study, digest
from repsim.tasks.across import stored_across
from repsim.tasks.comparison import stored_ranks, stored_rows
from repsim.tasks.replicates import stored_profile
from repsim.tasks.simple import stored_simple, stored_structure
from repsim.tasks.specs import AcrossSpec, ComparisonSpec, NetworkSpec, StudyPlan
from repsim.uncertainty import RankedCriticals

__all__ = ["consolidate", "report_folder", "report_is_current", "study_toml"]

# Rises when the same results would give another report.
REPORT_VERSION = 4
PACKAGES = ("repsim-workflows", "torch", "torchvision", "numpy", "scipy", "zarr", "dask", "ray")


def report_folder(study: str) -> str:
    """Where the report of a study is in the store."""
    return f"studies/{study}/report"


def study_toml(study: Study) -> str:
    """The study as a file: every default filled in, every override applied."""
    return tomli_w.dumps(study.model_dump(mode="json", exclude_none=True))


def consolidate(location: str, plan: StudyPlan, failures: Mapping[str, str]) -> str:
    """Write the report of what is there; return the path of the page inside the store.

    Parameters
    ----------
    location
        Of the store.
    plan
        The study.
    failures
        Why a network, a layer of one or a comparison is missing, by its label.
    """
    store = Store(location)
    name = plan.study.name
    complete = _complete(store, plan)
    resampling = plan.study.resampling
    ranks = {spec.key: stored_ranks(store, spec) for spec in complete}
    results = [
        {"study": name, **_place(spec), **row, "examples": spec.x.examples}
        | ({"ranks": ranks[spec.key]} if row["measure"] == MAXIMUM_MATCH else {})
        for spec in complete
        for row in stored_rows(store, spec)
    ]
    level = resampling.level
    across = stored_across(store, [spec.key for spec in _across(store, plan, failures)])
    epochs = [row for spec in plan.networks for row in _training_rows(store, spec)]
    tables = Tables.from_rows(
        networks=[_network_row(store, spec, failures) for spec in plan.networks],
        training=[{k: v for k, v in row.items() if k != "seconds"} for row in epochs],
        timings=[{name: row[name] for name in TIMINGS} for row in epochs],
        layers=_layer_rows(plan),
        results=in_context(results, level=level),
        **across,
        simple_matches=[row for spec in complete for row in _simple_rows(store, spec)],
        structure=[row for spec in complete for row in _structure_rows(store, spec)],
        neurons=pl.concat(_neuron_rows(store, s, ranks[s.key], level) for s in complete)
        if complete
        else (),
    )
    facts = StudyFacts(
        name=name,
        description=plan.study.description,
        study_toml=study_toml(plan.study),
        epsilons=plan.study.matching.epsilons,
        centred=plan.study.matching.centred,
        versions=_versions(),
        digests={
            "study": digest(plan.study.model_dump(mode="json")),
            "data": plan.networks[0].fingerprint,
            **{f"network, {spec.label}": spec.key for spec in plan.networks},
        },
        conventions=_conventions(plan),
        missing=_missing(store, plan, failures),
    )
    folder = report_folder(name)
    hashes = {}
    for file, content in build_report(tables, facts).items():
        store.write(f"{folder}/{file}", content)
        hashes[file] = hashlib.sha256(content).hexdigest()
    for path in store.sizes(folder):  # what an earlier report had and this one has not
        if path.removeprefix(f"{folder}/") not in hashes:
            store.delete(path)
    manifest = {"state": _state(store, plan, failures), "files": hashes}
    store.write(_manifest_path(name), json.dumps(manifest, indent=2).encode())
    return f"{folder}/report.html"


def report_is_current(location: str, plan: StudyPlan, failures: Mapping[str, str]) -> bool:
    """Whether the report in the store is of exactly what is there now, and undamaged."""
    store, name = Store(location), plan.study.name
    content = store.read(_manifest_path(name))
    if content is None:
        return False
    try:
        manifest = json.loads(content)
        state = manifest["state"]
        files = {str(name): str(sha256) for name, sha256 in manifest["files"].items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return False  # damaged: the report is written again
    if state != _state(store, plan, failures) or any(".." in name for name in files):
        return False
    return all(
        hashlib.sha256(store.read(f"{report_folder(name)}/{file}") or b"").hexdigest() == sha256
        for file, sha256 in files.items()
    )


def _complete(store: Store, plan: StudyPlan) -> list[ComparisonSpec]:
    results = {spec.key: spec.results(store) for spec in plan.comparisons}
    there = store.existing(a.marker_path for group in results.values() for a in group)
    return [
        spec
        for spec in plan.comparisons
        if all(artifact.marker_path in there for artifact in results[spec.key])
    ]


def _across(store: Store, plan: StudyPlan, failures: Mapping[str, str]) -> list[AcrossSpec]:
    """Comparisons across layers that are there, if need be without the layers that failed."""
    failed = {x.key for group in plan.layers.values() for x in group if x.label in failures}
    rest = (spec.without(failed) for spec in plan.across)
    wanted = [spec for spec in (*plan.across, *rest) if spec is not None]
    paths = {spec.key: spec.artifact(store).marker_path for spec in wanted}
    there = store.existing(paths.values())
    # The whole first: of one that has it, the part is not read.
    found = {spec.label: spec for spec in reversed(wanted) if paths[spec.key] in there}
    return [found[spec.label] for spec in plan.across if spec.label in found]


def _manifest_path(study: str) -> str:
    return f"studies/{study}/report.json"


def _state(store: Store, plan: StudyPlan, failures: Mapping[str, str]) -> str:
    """Digest of what the report is made of: equal states give equal reports."""
    artifacts = [spec.artifact(store) for spec in plan.networks]
    artifacts += [artifact for spec in plan.comparisons for artifact in spec.results(store)]
    artifacts += [spec.artifact(store) for spec in _across(store, plan, failures)]
    there = store.existing(artifact.marker_path for artifact in artifacts)
    return digest(
        {
            "version": REPORT_VERSION,
            "study": plan.study.model_dump(mode="json"),
            "accepted_code": plan.accepted_code,
            "artifacts": [a.folder for a in artifacts if a.marker_path in there],
            "failures": dict(failures),
        }
    )


def _network_row(store: Store, spec: NetworkSpec, failures: Mapping[str, str]) -> dict[str, Any]:
    row: dict[str, Any] = {
        "network": spec.label,
        "variant": spec.network.variant,
        "seed": spec.network.seed.label,
    }
    if not spec.artifact(store).exists():
        error = failures.get(spec.label)
        return {**row, "status": "failed" if error else "missing", "error": error}
    record = spec.record(store)
    last = record["history"][-1]
    return {
        **row,
        "status": "failed" if spec.label in failures else "done",
        "error": failures.get(spec.label),
        "epochs": len(record["history"]),
        "train_accuracy": last["train_accuracy"],
        "test_accuracy": record["history"][record["kept_epoch"] - 1]["test_accuracy"],
        "train_loss": last["train_loss"],
        "parameters": record["parameters"],
        "device": record["device"],
        "precision": record["precision"],
    }


def _training_rows(store: Store, spec: NetworkSpec) -> Iterator[dict[str, Any]]:
    if spec.artifact(store).exists():
        for epoch in spec.record(store)["history"]:
            yield {"network": spec.label, **epoch}


def _layer_rows(plan: StudyPlan) -> list[dict[str, Any]]:
    return [
        {
            "layer": layer.layer,
            "depth": layer.depth,
            "type": layer.type,
            "neurons": layer.neurons,
            "positions": layer.positions,
            "total_positions": layer.total_positions,
        }
        for layer in plan.layers[plan.networks[0].label]
    ]


def _place(spec: ComparisonSpec) -> dict[str, Any]:
    return {
        "network_a": spec.x.network.label,
        "network_b": spec.y.network.label,
        "layer": spec.x.layer,
        "depth": spec.x.depth,
    }


def _neuron_rows(
    store: Store, spec: ComparisonSpec, ranks: RankedCriticals | None, level: float
) -> pl.DataFrame:
    place = [pl.lit(value).alias(name) for name, value in _place(spec).items()]
    profile = stored_profile(store, spec.profile_key, spec.sides)
    return neuron_rows(profile, ranks, level=level).with_columns(place)


def _simple_rows(store: Store, spec: ComparisonSpec) -> Iterator[dict[str, Any]]:
    for epsilon in spec.matching.minimal_at:
        found = stored_simple(store, spec.simple_key(epsilon))
        for number, simple in enumerate(found.matches):
            row = {**_place(spec), "epsilon": epsilon, "rank": number + 1, "size": simple.size}
            for name, match in (
                ("members", simple.match),
                ("minimal_for", simple.minimal_for),
                ("minimum_for", simple.minimum_for),
            ):
                row |= {f"{name}_x": match.x.tolist(), f"{name}_y": match.y.tolist()}
            yield {**row, "slack": simple.slack, "certified": simple.certified}


def _structure_rows(store: Store, spec: ComparisonSpec) -> Iterator[dict[str, Any]]:
    for epsilon in spec.matching.minimal_at:
        key = spec.simple_key(epsilon)
        found = stored_simple(store, key)
        yield {
            **_place(spec),
            "epsilon": epsilon,
            "matched": found.whole.size,
            "simple": len(found),
            "unique_share": found.unique_share,
            "complete": found.complete,
            **stored_structure(store, key),
        }


def _missing(store: Store, plan: StudyPlan, failures: Mapping[str, str]) -> list[str]:
    """Sentences on what the report lacks."""
    sentences = []
    for network in plan.networks:
        if network.label in failures:
            sentences.append(f"{network.label}: {failures[network.label]}")
        elif not network.artifact(store).exists():
            sentences.append(f"{network.label}: not trained yet.")
        sentences += [
            f"{layer.label}: {failures[layer.label]}"
            for layer in plan.layers[network.label]
            if layer.label in failures
        ]
    complete = {spec.key for spec in _complete(store, plan)}
    absent = [spec for spec in plan.comparisons if spec.key not in complete]
    there = {spec.label: spec for spec in _across(store, plan, failures)}
    across = [spec for spec in plan.across if spec.label not in there]
    partial = [spec for spec in there.values() if spec not in plan.across]
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


def _conventions(plan: StudyPlan) -> list[tuple[str, str]]:
    accepted = [("Code that has changed", words) for words in plan.accepted_code]
    return [*accepted, *_visiting_order(plan.study.matching)]


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
