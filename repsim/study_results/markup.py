"""A study in words and, for notebooks, with its first figure."""

import html
from typing import TYPE_CHECKING, Any

from repsim.text import count

if TYPE_CHECKING:
    from repsim.study_results.results import StudyResults

__all__ = ["counted", "markup"]


def counted(study: "StudyResults") -> str:
    """How many networks, pairs and so on a study has."""
    snapshots = study.networks["snapshot"].is_not_null()
    pairs = study.results.select("network_a", "network_b").unique().height
    amounts = (
        (int((~snapshots).sum()), "network"),
        (int(snapshots.sum()), "snapshot"),
        (pairs, "pair"),
        (study.results["layer"].n_unique(), "layer"),
        (len(study.measures), "measure"),
    )
    return ", ".join(count(amount, noun) for amount, noun in amounts if amount)


def markup(study: "StudyResults") -> str:
    """What the study is, what it lacks, its first figure, and the names of all figures."""
    lines = [f"<h3>{html.escape(study.name)}</h3>"]
    if study.facts.description:
        lines.append(f"<p>{html.escape(study.facts.description)}</p>")
    lines.append(f"<p>{counted(study)}</p>")
    if study.missing:
        items = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in study.missing)
        lines.append(f"<p>Missing:</p><ul>{items}</ul>")
    if study.figures:
        figure: Any = study.plot(study.figures[0])
        names = html.escape(", ".join(study.figures))
        lines.append(f"{figure.svg()}<p>Figures, for plot: {names}</p>")
    return "".join(lines)
