"""One look for all figures, of reports and of results in a notebook.

Figures are made with matplotlib's object interface, so nothing here needs a display, touches
pyplot's global list of figures, or depends on the user's own matplotlib settings.
"""

import html
import io
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

import matplotlib as mpl
import matplotlib.style
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure, FigureBase, SubFigure
from matplotlib.gridspec import GridSpec

from repsim.errors import InputError

Place = TypeVar("Place", bound="HouseFigure | SubFigure")

# Inches: less than this shows nothing.
LEAST_SPACE = 0.3

INK = "#1c2127"
MUTED = "#6b7480"
GRID = "#dfe3e8"
PAPER = "#ffffff"
ACCENT = "#0f5c8c"
# Okabe and Ito (2008), without yellow and black: told apart by colour-blind readers.
CATEGORICAL = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")

# Inches: a digit of DejaVu Sans at 8 points.
_DIGIT = 0.071

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


# Where the next figure goes, if not on a page of its own.
_PLACE: ContextVar["HouseFigure | SubFigure | None"] = ContextVar("place", default=None)


class HouseFigure(Figure):
    """A figure that a notebook shows, and that is saved whole: labels stand outside the axes."""

    def savefig(self, *args: Any, **options: Any) -> None:
        """As matplotlib does, with ``bbox_inches="tight"`` unless another is given."""
        with without_glyph_warnings():
            super().savefig(*args, **{"bbox_inches": "tight", **options})

    def svg(self) -> str:
        """The svg element alone."""
        picture = io.BytesIO()
        with house_style():
            self.savefig(picture, format="svg", metadata={"Date": None, "Creator": None})
        text = picture.getvalue().decode()
        return text[text.index("<svg") :]

    def _repr_svg_(self) -> str:
        return self.svg()


def new_figure(width: float, height: float) -> HouseFigure:
    """A figure of so many inches; inside `drawn_in`, the part of the figure that it goes into."""
    place = _PLACE.get()
    if place is None:
        return HouseFigure(figsize=(width, height))
    return place  # type: ignore[return-value] # which has all that drawings use of a figure


def drawn_on(
    axes: Axes | None, draw: Callable[[Axes], object], *, width: float, height: float
) -> FigureBase:
    """Draw on these axes, in the style that they have, or on a page of its own in the house style.

    Returns
    -------
    Figure
        The page, or the figure that the axes are in.
    """
    if axes is None:
        with house_style():
            page = HouseFigure(figsize=(width, height))
            draw(page.add_axes((0, 0, 1, 1)))
        return page
    draw(axes)
    figure = axes.get_figure(root=False)
    assert figure is not None
    return figure


def drawn_in(axes: Axes, draw: Callable[[], HouseFigure]) -> SubFigure:
    """Draw a figure into the space of `axes`, whatever it consists of; text keeps its size.

    Parameters
    ----------
    axes
        Its own frame, ticks and labels are switched off.
    draw
        Draws with `new_figure`. It is called on pages of its own first, which show how much space
        the labels take around its axes, and then in place.

    Raises
    ------
    InputError
        When the axes are smaller than the labels.
    """
    parent = axes.get_figure(root=False)
    assert parent is not None
    wide, high = size_of(parent)
    box = axes.get_position()
    with house_style():
        labels = _around(draw())
        for last in (False, True):
            left, bottom, right, top = labels
            width, height = box.width * wide - left - right, box.height * high - bottom - top
            if min(width, height) <= LEAST_SPACE:
                raise InputError(
                    f"Expected axes with more space than the labels take ({left + right:.1f} × "
                    f"{top + bottom:.1f} inches). Got axes of {box.width * wide:.1f} × "
                    f"{box.height * high:.1f} inches. Make the figure larger: "
                    "figsize=(width, height)."
                )
            if not last:
                labels = _around(_drawn_at(HouseFigure(figsize=(width, height)), draw))
        columns = (box.x0 * wide + left, width, (1 - box.x1) * wide + right)
        rows = ((1 - box.y1) * high + top, height, box.y0 * high + bottom)
        # Negative where the axes reach out of their figure: nothing can be drawn there.
        ratios = [np.maximum(sizes, 0.0).tolist() for sizes in (columns, rows)]
        place = parent.add_subfigure(
            GridSpec(3, 3, width_ratios=ratios[0], height_ratios=ratios[1])[1, 1]
        )
        _drawn_at(place, draw)
    axes.set_axis_off()
    return place


def _drawn_at(place: Place, draw: Callable[[], object]) -> Place:
    """Draw with `new_figure` giving this place."""
    token = _PLACE.set(place)
    try:
        draw()
    finally:
        _PLACE.reset(token)
    return place


def pictured(figure: FigureBase, *sentences: str) -> str:
    """Markup of a picture under its sentences, for notebooks."""
    assert isinstance(figure, HouseFigure)
    words = "".join(f"<p>{html.escape(sentence)}</p>" for sentence in sentences if sentence)
    return f"{words}{figure.svg()}"


def size_of(figure: FigureBase) -> tuple[float, float]:
    """Width and height in inches, of a figure or a part of one."""
    width, height = figure.bbox.size / figure.dpi  # type: ignore[attr-defined]
    return float(width), float(height)


def _around(figure: HouseFigure) -> tuple[float, float, float, float]:
    """Inches that labels take left, below, right and above what is drawn on a page of its own."""
    with without_glyph_warnings():
        box = figure.get_tightbbox()
    width, height = size_of(figure)
    return -min(box.x0, 0), -min(box.y0, 0), max(box.x1 - width, 0), max(box.y1 - height, 0)


@contextmanager
def without_glyph_warnings() -> Iterator[None]:
    """A name in a script that the font lacks must not stop a report."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph", category=UserWarning)
        yield


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
        axes.text(right + reach, level, f"ε = {epsilon:.4g}", va="center")


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


def step_scale(axes: Axes, steps: npt.NDArray[np.float64]) -> None:
    """The x axis logarithmic in training step, with a place for 0."""
    least = steps[steps > 0].min(initial=np.inf)
    axes.set_xscale("symlog", linthresh=least if np.isfinite(least) else 1.0, linscale=0.4)


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
