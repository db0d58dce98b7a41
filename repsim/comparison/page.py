"""The files of a comparison's report: a page with a picture of each pair and measure, the table."""

import html
import io
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from repsim.drawing import INK, MUTED, PAPER
from repsim.report.drawing import Drawing, render

if TYPE_CHECKING:
    from repsim.comparison.result import Comparison

__all__ = ["comparison_files"]

# Of the table on the page; the files hold all rows.
MOST_ROWS = 500
STYLE = f"""body {{ color: {INK}; background: {PAPER}; font: 15px/1.5 sans-serif; margin: 2em auto;
max-width: 60em; padding: 0 1em }} table {{ border-collapse: collapse; font-size: 13px }}
td, th {{ padding: 2px 8px; text-align: left }} figcaption, small {{ color: {MUTED} }}
img {{ max-width: 100% }} figure {{ margin: 2em 0 }}"""


def comparison_files(comparison: "Comparison") -> dict[str, bytes]:
    """Name (with `/`) and content of each file; the page is ``report.html``."""
    files: dict[str, bytes] = {}
    figures: list[str] = []
    for a, b in combinations(comparison.layers, 2):
        for measure in comparison.measures:
            if not np.isfinite(comparison.matrix(measure, (a, b))).any():
                continue
            name = f"figure-{len(figures) + 1}"
            title = f"{a} and {b}: {measure}"
            figure: Any = comparison.plot(measure, (a, b))
            drawing = Drawing(name=name, title=title, finding="", reading="", figure=figure)
            picture = render(drawing, epsilons=1)
            files[f"figures/{name}.svg"] = picture.svg
            files[f"figures/{name}.png"] = picture.png
            alt = html.escape(title, quote=True)
            figures.append(
                f'<figure><img src="figures/{name}.svg" alt="{alt}">'
                f"<figcaption>{html.escape(title)}</figcaption></figure>"
            )
    rows = comparison.table()
    with pl.Config(tbl_rows=MOST_ROWS, tbl_cols=-1, fmt_str_lengths=200):
        table = rows._repr_html_()
    title = html.escape(" and ".join(comparison.layers))
    notes = "".join(f"<p>{html.escape(note)}</p>" for note in comparison.notes)
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{STYLE}</style></head><body><h1>{title}</h1>{notes}{''.join(figures)}"
        f"{table}</body></html>\n"
    )
    parquet = io.BytesIO()
    rows.write_parquet(parquet, compression="zstd")
    return {
        "report.html": page.encode(),
        **files,
        "comparison.csv": rows.write_csv().encode(),
        "comparison.parquet": parquet.getvalue(),
    }
