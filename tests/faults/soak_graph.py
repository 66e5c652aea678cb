# SPDX-License-Identifier: Apache-2.0
"""Draws a soak's samples as a small SVG: memory and descriptors over time, a line at each restart."""

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 900, 320, 60, 60, 40, 40
MEMORY, DESCRIPTORS, RESTART = "#1f6fb2", "#c0562b", "#bbbbbb"


def _polylines(samples, value, x, y, colour):
    """One line a life of the process."""
    lives = {}
    for sample in samples:
        lives.setdefault(sample.life, []).append(f"{x(sample.at):.1f},{y(value(sample)):.1f}")
    return [f'<polyline fill="none" stroke="{colour}" stroke-width="1.2" points="{" ".join(points)}"/>' for points in lives.values()]


def _text(x, y, text, anchor="middle", colour="#333"):
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" fill="{colour}">{text}</text>'


def draw(samples, restarts, title):
    """`samples` with at (s), life, resident_mib and descriptors; `restarts`: [(at, kind)]."""
    end = max(sample.at for sample in samples) or 1
    tops = [max(f(s) for s in samples) * 1.15 for f in (lambda s: s.resident_mib, lambda s: s.descriptors)]

    def x(at):
        return LEFT + at / end * (WIDTH - LEFT - RIGHT)

    def y_of(top):
        return lambda value: HEIGHT - BOTTOM - value / top * (HEIGHT - TOP - BOTTOM)

    memory_y, descriptors_y = y_of(tops[0]), y_of(tops[1])
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" font-size="11">',
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>', _text(WIDTH / 2, 18, title)]
    for at, kind in restarts:
        dash = "" if kind == "kill" else ' stroke-dasharray="3,3"'
        out.append(f'<line x1="{x(at):.1f}" x2="{x(at):.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" stroke="{RESTART}"{dash}/>')
    for part in range(5):
        share = part / 4
        out.append(_text(LEFT - 6, memory_y(tops[0] * share) + 4, f"{tops[0] * share:.0f}", "end", MEMORY))
        out.append(_text(WIDTH - RIGHT + 6, memory_y(tops[0] * share) + 4, f"{tops[1] * share:.0f}", "start", DESCRIPTORS))
        out.append(_text(x(end * share), HEIGHT - BOTTOM + 16, f"{end * share / 60:.1f} min"))
    out += _polylines(samples, lambda s: s.resident_mib, x, memory_y, MEMORY)
    out += _polylines(samples, lambda s: s.descriptors, x, descriptors_y, DESCRIPTORS)
    out.append(_text(LEFT, 34, "resident memory, MiB", "start", MEMORY))
    out.append(_text(WIDTH - RIGHT, 34, "descriptors", "end", DESCRIPTORS))
    out.append(_text(WIDTH / 2, HEIGHT - 8, "grey: kill -9; grey, dashed: SIGTERM", colour="#888"))
    return "\n".join([*out, "</svg>", ""])
