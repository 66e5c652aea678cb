# SPDX-License-Identifier: Apache-2.0
"""The plot: one bar a figure, how many times better than the rival, on a logarithmic axis, with the target as a line."""

import math
from html import escape

from .results import Row, is_uncorrected

BAR_HEIGHT = 16
ROW_HEIGHT = 24
LABEL_WIDTH = 380
AXIS_WIDTH = 520
RIGHT_MARGIN = 80
TOP = 56
COLOURS = {True: "#2a7f62", False: "#b5442e", None: "#4a6fa5"}


def ratio_plot(rows: list[Row], title: str) -> str:
    """An SVG document; rows without a ratio are left out."""
    drawn = [row for row in rows if row.ratio and not is_uncorrected(row)]
    ratios = [row.ratio for row in drawn] + [row.figure.min_ratio for row in drawn if row.figure.min_ratio]
    top = math.ceil(math.log10(max([10.0, *ratios])))
    bottom = math.floor(math.log10(min([1.0, *ratios])))

    def x_of(ratio: float) -> float:
        return LABEL_WIDTH + AXIS_WIDTH * (math.log10(ratio) - bottom) / (top - bottom)

    height = TOP + ROW_HEIGHT * len(drawn) + 24
    width = LABEL_WIDTH + AXIS_WIDTH + RIGHT_MARGIN
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
           'font-family="sans-serif" font-size="12">',
           f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
           f'<text x="12" y="22" font-size="15" font-weight="bold">{escape(title)}</text>']
    for exponent in range(bottom, top + 1):
        out += grid_line(x_of(10.0**exponent), exponent, height)
    for i, row in enumerate(drawn):
        out += bar(row, TOP + ROW_HEIGHT * i, x_of)
    return "\n".join([*out, "</svg>", ""])


def grid_line(x: float, exponent: int, height: int) -> list[str]:
    colour = "#222222" if exponent == 0 else "#dddddd"
    return [f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 8}" y2="{height - 20}" stroke="{colour}"/>',
            f'<text x="{x:.1f}" y="{TOP - 14}" text-anchor="middle">{10.0**exponent:g} ×</text>']


def bar(row: Row, y: float, x_of) -> list[str]:
    start, end = sorted((x_of(1.0), x_of(row.ratio)))
    baseline = y + BAR_HEIGHT - 3
    label = escape(f"{row.scenario.name}: {row.figure.title}")
    out = [f'<text x="{LABEL_WIDTH - 8}" y="{baseline}" text-anchor="end">{label}</text>',
           f'<rect x="{start:.1f}" y="{y}" width="{max(end - start, 1):.1f}" height="{BAR_HEIGHT}" fill="{COLOURS[row.met]}"/>',
           f'<text x="{end + 6:.1f}" y="{baseline}">{row.ratio:.3g}</text>']
    if row.figure.min_ratio:
        x = x_of(row.figure.min_ratio)
        out.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{y - 3}" y2="{y + BAR_HEIGHT + 3}" stroke="#222222" stroke-width="2"/>')
    return out
