"""One look for all figures, and the same bytes for the same numbers.

Figures are made with matplotlib's object interface, so nothing here needs a display, touches
pyplot's global list of figures, or depends on the user's own matplotlib settings.
"""

import html
import io
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import matplotlib as mpl
import matplotlib.style
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from repsim.report.phrasing import plain, tolerance

INK = "#1c2127"
MUTED = "#6b7480"
GRID = "#dfe3e8"
PAPER = "#ffffff"
ACCENT = "#0f5c8c"
# Okabe and Ito (2008), without yellow and black: told apart by colour-blind readers.
CATEGORICAL = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")

# Inches: a digit of DejaVu Sans at 8 points.
_DIGIT = 0.071

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
_STYLE = {
    "axes.edgecolor": MUTED,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.labelcolor": INK,
    "axes.labelsize": 9,
    "axes.linewidth": 0.7,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.facecolor": PAPER,
    "font.family": "DejaVu Sans",  # Comes with matplotlib: the same metrics everywhere.
    "font.size": 8,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "lines.solid_capstyle": "round",
    "lines.solid_joinstyle": "round",
    "svg.fonttype": "none",  # Text stays text: it can be searched, edited and read aloud.
    "text.color": INK,
    "text.parse_math": False,  # A layer may be called $x$.
    "xtick.color": MUTED,
    "xtick.labelcolor": INK,
    "xtick.labelsize": 8,
    "xtick.major.size": 3,
    "xtick.major.width": 0.7,
    "ytick.color": MUTED,
    "ytick.labelcolor": INK,
    "ytick.labelsize": 8,
    "ytick.major.size": 0,
}


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """A figure with its words: what it finds, from the numbers, and how it is read."""

    name: str  # File name without its ending.
    title: str
    finding: str
    reading: str
    figure: Figure


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


@contextmanager
def house_style(salt: str = "repsim") -> Iterator[None]:
    """Matplotlib's defaults and the house's settings over them, for this block only."""
    with matplotlib.style.context(["default", {**_STYLE, "svg.hashsalt": salt}]):
        yield


def epsilon_colours(amount: int, *, dark: bool = False) -> list[str]:
    """Sequential colours, strict to tolerant, that a colour-blind reader can order."""
    plasma = mpl.colormaps["plasma"]
    first, last = (0.38, 0.95) if dark else (0.04, 0.82)
    steps = [0.5] if amount == 1 else [i / (amount - 1) for i in range(amount)]
    return [to_hex(plasma(first + (last - first) * step)) for step in steps]


def colours_of(tolerances: Sequence[float]) -> dict[float, str]:
    """The colour of each epsilon of a study, the same in all figures."""
    return dict(zip(tolerances, epsilon_colours(len(tolerances)), strict=True))


def render(drawing: Drawing, *, epsilons: int) -> Picture:
    """The drawing as SVG, as PNG, and as inline SVG, for a study with colours for so many epsilons.

    Identical drawings give identical bytes: ids come from the name, and no date is written.
    """
    variables = CSS_VARIABLES | {
        colour: f"var(--epsilon-{place})" for place, colour in enumerate(epsilon_colours(epsilons))
    }
    svg, png = io.BytesIO(), io.BytesIO()
    with house_style(drawing.name), warnings.catch_warnings():
        # A name in a script that the font lacks must not stop a report.
        warnings.filterwarnings("ignore", message="Glyph", category=UserWarning)
        drawing.figure.savefig(
            svg, format="svg", metadata={"Date": None, "Creator": None}, bbox_inches="tight"
        )
        drawing.figure.savefig(
            png, format="png", dpi=_DPI, metadata={"Software": None}, bbox_inches="tight"
        )
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


def layer_axis(axes: Axes, names: Sequence[str], *, inches: float) -> None:
    """Layer names along the x axis: level while they fit, then slanted, then upright."""
    slot = inches / max(len(names), 1)
    labels = [shortened(name, 30) for name in names]
    longest = max((len(label) for label in labels), default=0)
    axes.set_xlim(-0.5, len(names) - 0.5)
    axes.set_xticks(range(len(names)), labels)
    axes.grid(visible=False, axis="x")
    if longest * 0.075 < slot:  # Inches that a character of 8 points takes.
        return
    slanted = slot >= 0.27
    for label in axes.get_xticklabels():
        label.set(
            rotation=38 if slanted else 90,
            rotation_mode="anchor",
            ha="right",
            va="top" if slanted else "center",
            fontsize=8 if slot >= 0.16 else 6.5,
        )


def width_for(layers: int) -> float:
    """Width in inches of an axis over that many layers."""
    return min(max(0.36 * layers, min(5.4, 2.0 + 0.6 * layers)), 9.0)


def label_curves(axes: Axes, colours: Mapping[float, str], ends: Mapping[float, float]) -> None:
    """`ε = …` right of each curve (ε to its last value), pushed apart where they meet.

    The axes must fill the figure's height and run from about 0 to 1.
    """
    width, height = (side / axes.figure.dpi for side in axes.bbox.size)  # Inches.
    gap = 0.155 / height  # A line of 8 points, as a share of the axis.
    drawn = sorted(ends)
    most = max(2, int(1 / gap))
    # Similarity never falls with ε, so this order is also the order of the labels.
    labelled = sorted((drawn[i] for i in thinned(len(drawn), most)), key=lambda e: (ends[e], e))
    left, right = axes.get_xlim()
    reach = 0.2 / width * (right - left)
    for epsilon, level in zip(labelled, _spread([ends[e] for e in labelled], gap), strict=True):
        axes.plot(
            [right, right + 0.25 * reach, right + 0.75 * reach],
            [ends[epsilon], ends[epsilon], level],
            color=colours[epsilon],
            linewidth=1.2,
            clip_on=False,
        )
        axes.text(right + reach, level, f"ε = {tolerance(epsilon)}", va="center")


def shortened(name: str, most: int) -> str:
    """The end of a long name: the end is what tells layers apart.

    >>> shortened("features.denseblock4.denselayer16.relu2", 20)
    '…denselayer16.relu2'
    """
    return name if len(name) <= most else f"…{name[len(name) - most + 1 :].lstrip('.')}"


def thinned(amount: int, most: int) -> list[int]:
    """Places of at most so many of an amount, evenly spread, both ends among them."""
    if amount <= most:
        return list(range(amount))
    return sorted({round(i * (amount - 1) / (most - 1)) for i in range(most)})


def name_steps(axes: Axes, places: npt.ArrayLike, steps: npt.ArrayLike) -> None:
    """Number these rising places of the axis by training step, from the right, as many as fit."""
    places = np.asarray(places, float)
    labels = [f"{step:,.0f}" for step in np.asarray(steps, float)]
    inches = axes.bbox.width / axes.get_figure(root=True).dpi  # type: ignore[union-attr]
    scale = axes.xaxis.get_transform()
    along = scale.transform(places) / np.ptp(scale.transform(np.array(axes.get_xlim()))) * inches
    chosen: list[int] = []
    for at in reversed(range(len(labels))):
        # Half of both labels, and a digit between them.
        room = _DIGIT * (1 + (len(labels[at]) + len(labels[chosen[-1]])) / 2) if chosen else 0.0
        if not chosen or along[chosen[-1]] - along[at] >= room:
            chosen.append(at)
    axes.set_xticks(places[chosen], [labels[at] for at in chosen])
    axes.set_xticks([], minor=True)


def _spread(ends: Sequence[float], gap: float) -> list[float]:
    """Ascending places at least `gap` apart, near their ends and about inside 0 to 1."""
    places = list(ends)
    for i in range(1, len(places)):
        places[i] = max(places[i], places[i - 1] + gap)
    excess = places[-1] - 1.02 if places else 0.0
    if excess > 0:
        places[-1] -= excess
        for i in range(len(places) - 2, -1, -1):
            places[i] = min(places[i], places[i + 1] - gap)
    return places


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
