"""A figure of a report with its words, as files and as markup: equal numbers, equal bytes."""

import html
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass

from repsim.drawing import (
    ACCENT,
    GRID,
    INK,
    MUTED,
    PAPER,
    HouseFigure,
    epsilon_colours,
    house_style,
    without_glyph_warnings,
)
from repsim.report.phrasing import plain

__all__ = ["Drawing", "Picture", "render"]

# The page swaps these for CSS variables, which its dark scheme redefines.
CSS_VARIABLES = {
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    GRID: "var(--rule)",
    PAPER: "var(--paper)",
    ACCENT: "var(--accent)",
}

_DPI = 200
_FONTS = "'Helvetica Neue', Helvetica, Arial, 'DejaVu Sans', sans-serif"


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """A figure with its words: what it finds, from the numbers, and how it is read."""

    name: str  # File name without its ending.
    title: str
    finding: str
    reading: str
    figure: HouseFigure


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A drawing as files and as markup that can stand in the page."""

    name: str
    title: str
    finding: str
    reading: str
    svg: bytes
    png: bytes
    inline: str


def render(drawing: Drawing, *, epsilons: int) -> Picture:
    """The drawing as SVG, as PNG, and as inline SVG, for a study with colours for so many epsilons.

    Identical drawings give identical bytes: ids come from the name, and no date is written.
    """
    variables = CSS_VARIABLES | {
        colour: f"var(--epsilon-{place})" for place, colour in enumerate(epsilon_colours(epsilons))
    }
    svg, png = io.BytesIO(), io.BytesIO()
    with house_style(drawing.name), without_glyph_warnings():
        drawing.figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
        drawing.figure.savefig(png, format="png", dpi=_DPI, metadata={"Software": None})
    text = _shortened(svg.getvalue().decode())
    return Picture(
        name=drawing.name,
        title=drawing.title,
        finding=drawing.finding,
        reading=drawing.reading,
        svg=text.encode(),
        png=png.getvalue(),
        inline=_inline(text, f"{drawing.title}. {plain(drawing.finding)}", variables),
    )


def _shortened(svg: str) -> str:
    """Path coordinates to a hundredth of a point: half the bytes, the same picture."""
    return re.sub(
        r' d="[^"]*"', lambda path: re.sub(r"(\.\d\d)\d+", r"\1", path.group()), svg
    ).replace("'DejaVu Sans'", _FONTS)


def _inline(svg: str, description: str, variables: Mapping[str, str]) -> str:
    """The svg element alone, named for screen readers, in the colours of the page."""
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r'<g id="[^"]*"', "<g", body)  # Ids of groups repeat from figure to figure.
    size = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', body)
    assert size is not None  # Matplotlib always writes one.
    width = float(size[1]) * 96 / 72
    opening = (
        f'<svg role="img" aria-label="{html.escape(description, quote=True)}" '
        f'viewBox="{size[0][9:-1]}" style="--natural: {width:.0f}px">'
    )
    body = re.sub(r"<svg[^>]*>", lambda _: opening, body, count=1)
    body = body.replace(_FONTS, "inherit")
    for colour, variable in variables.items():
        body = body.replace(colour, variable)
    return body
