"""A chart of the throughput as SVG, readable on light and dark pages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from xml.sax.saxutils import escape

__all__ = ["throughput"]

NOT_SHOWN = {"reading the bytes alone"}
LOOKS = {"ours": "ours", "bare": "floor"}
PANELS_IN_A_ROW = 2
PANEL_WIDTH, ROW, HEAD, GAP = 480, 24, 46, 28
LABEL_WIDTH, FIGURE_WIDTH = 176, 58

STYLE = """
  text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2328 }
  .title { font-size: 14px; font-weight: 600 }
  .note, .figure { fill: #59636e }
  .figure { font-variant-numeric: tabular-nums }
  .bar { fill: #afb8c1 }
  .floor { fill: #d8dee4 }
  .ours { fill: #6f42c1 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .note, .figure { fill: #9198a1 }
    .bar { fill: #656c76 }
    .floor { fill: #3d444d }
    .ours { fill: #a371f7 }
  }
"""


def throughput(cases: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    """Draw one panel of bars for each case, all clients in the order of their speed."""
    panels = [list(panel(title, rows)) for title, rows in cases.items()]
    shown = max(sum(name not in NOT_SHOWN for name in rows) for rows in cases.values())
    height = HEAD + shown * ROW + GAP
    width = PANEL_WIDTH * min(PANELS_IN_A_ROW, len(panels))
    rows_of_panels = -(-len(panels) // PANELS_IN_A_ROW)
    placed = [
        f'<g transform="translate({PANEL_WIDTH * (number % PANELS_IN_A_ROW)} {height * (number // PANELS_IN_A_ROW)})">'
        + "".join(lines)
        + "</g>"
        for number, lines in enumerate(panels)
    ]
    size = f'width="{width}" height="{height * rows_of_panels}" viewBox="0 0 {width} {height * rows_of_panels}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="Events per second">'
    return "\n".join([head, f"<style>{STYLE}</style>", *placed, "</svg>", ""])


def panel(title: str, rows: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Draw one case."""
    rates = {name: row["events_per_second"] for name, row in rows.items() if name not in NOT_SHOWN}
    longest = max(rates.values())
    yield f'<text class="title" x="12" y="24">{escape(title)}</text>'
    yield f'<text class="note" x="{PANEL_WIDTH - 16}" y="24" text-anchor="end">thousand events per second</text>'
    for number, name in enumerate(sorted(rates, key=lambda name: -rates[name])):
        top = HEAD + number * ROW
        length = (PANEL_WIDTH - LABEL_WIDTH - FIGURE_WIDTH - 12) * rates[name] / longest
        look = LOOKS.get(name.split(",")[0], "bar")
        yield f'<text x="{LABEL_WIDTH}" y="{top + 12}" text-anchor="end">{escape(name)}</text>'
        yield f'<rect class="{look}" x="{LABEL_WIDTH + 8}" y="{top}" width="{length:.1f}" height="16" rx="2"/>'
        yield (
            f'<text class="figure" x="{LABEL_WIDTH + 14 + length:.1f}" y="{top + 12}">{rates[name] / 1000:.0f}</text>'
        )
