"""A picture of a run: how far each figure is from what is to be reached."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

from .report import Row

LEFT, WIDTH, LINE = 340, 260, 22  # of the labels, of a bar at the border, of a row
BORDER = 2.0  # times what is to be reached; a longer bar ends here


def write_plot(path: Path, rows: Sequence[Row]) -> None:
    """A bar for each row that has a figure to reach. Shorter is better; the line is the figure."""
    shown = [(row, _share(row)) for row in rows if row.is_reached is not None]
    height = LINE * (len(shown) + 2)
    at = LEFT + WIDTH / BORDER
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + 90} {height}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="100%" height="{height}" fill="#fff"/>',
    ]
    for number, (row, share) in enumerate(shown):
        y = LINE * (number + 1)
        length = WIDTH * min(share, BORDER) / BORDER
        colour = "#2b7a4b" if row.is_reached else "#b3402a"
        figure = f"{row.measured:.3g} {row.unit}".strip()
        parts += [
            f'<text x="{LEFT - 8}" y="{y + 14}" text-anchor="end">{escape(row.what)}</text>',
            f'<rect x="{LEFT}" y="{y + 3}" width="{length:.1f}" height="14" fill="{colour}"/>',
            f'<text x="{LEFT + length + 6:.1f}" y="{y + 14}">{escape(figure)}</text>',
        ]
    parts += [
        f'<line x1="{at}" y1="{LINE - 4}" x2="{at}" y2="{height - LINE + 4}" stroke="#000"/>',
        f'<text x="{at}" y="{LINE - 8}" text-anchor="middle">to reach</text>',
        "</svg>",
    ]
    path.write_text("\n".join(parts) + "\n", encoding="utf-8")


def _share(row: Row) -> float:
    """How many times what is to be reached; below 1 is better than that."""
    measured, reach = float(row.measured or 0), float(row.reach or 0)
    above, below = (reach, measured) if row.is_more_better else (measured, reach)
    if below:
        return above / below
    return 1.0 if above == below else BORDER
