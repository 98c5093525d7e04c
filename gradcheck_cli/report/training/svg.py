"""The loss curves of a training as a picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from gradcheck_cli.report.escaping import one_line
from gradcheck_cli.report.numbers import brief
from gradcheck_cli.report.training.model import Training
from gradcheck_cli.report.training.scale import Scale, scale_of, spans

WIDTH, HEIGHT = 760.0, 340.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 76.0, 24.0, 44.0, 46.0
_MOST_POINTS = 600
"""Steps drawn one by one; of more, the smallest and the largest loss of so many parts."""
_MARKS = 5

STYLE = """
.gradcheck-training { font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
.gradcheck-training .page { fill: #ffffff; }
.gradcheck-training .rule { stroke: #d3d9e0; stroke-width: 1; }
.gradcheck-training text { fill: #555f6b; font-size: 13px; font-variant-numeric: tabular-nums; }
.gradcheck-training .curve { fill: none; stroke-width: 2; stroke-linejoin: round; }
.gradcheck-training .autodiff { stroke: #0b5cad; stroke-width: 5; stroke-opacity: .45; }
.gradcheck-training .yours { stroke: #b3211a; }
.gradcheck-training text.name-yours { fill: #b3211a; font-weight: 600; }
.gradcheck-training text.name-autodiff { fill: #0b5cad; font-weight: 600; }
.gradcheck-training .parting { stroke: #b3211a; stroke-width: 1; stroke-dasharray: 4 4; }
@media (prefers-color-scheme: dark) {
  .gradcheck-training .page { fill: #14171c; }
  .gradcheck-training .rule { stroke: #3a424d; }
  .gradcheck-training text { fill: #a6b0bd; }
  .gradcheck-training .autodiff { stroke: #85bcff; }
  .gradcheck-training .yours, .gradcheck-training .parting { stroke: #ff958b; }
  .gradcheck-training text.name-yours { fill: #ff958b; }
  .gradcheck-training text.name-autodiff { fill: #85bcff; }
}
"""


def training_svg(training: Training) -> str:
    """One SVG document, ending in a line break. Nothing in it is loaded from elsewhere."""
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + svg_element(training) + "\n"


def svg_element(training: Training) -> str:
    """The same as an element to put into a page."""
    yours, autodiff = training.losses_yours, training.losses_autodiff
    scale = scale_of([yours, autodiff])
    steps = max(len(yours), len(autodiff)) - 1
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="gradcheck-training" role="img" width="{WIDTH:.0f}"'
        f' height="{HEIGHT:.0f}" viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}"'
        ' aria-labelledby="training-title training-desc">',
        f'<title id="training-title">The loss of {escape(one_line(training.name))}, step by step</title>',
        f'<desc id="training-desc">{escape(one_line(training.verdict))}</desc>',
        f"<style>{STYLE}</style>",
        f'<rect class="page" width="{WIDTH:.0f}" height="{HEIGHT:.0f}"/>',
    ]
    if scale is not None:
        parts += [*_rules(scale, steps), *_parting(training, steps)]
        for name, curve in (("autodiff", autodiff), ("yours", yours)):
            parts.append(f'<polyline class="curve {name}" points="{_points(curve, scale, steps)}"/>')
        parts += _legend()
    parts.append("</svg>")
    return "\n".join(parts)


def _x(step: float, steps: int) -> float:
    return _LEFT + (WIDTH - _LEFT - _RIGHT) * (step / steps if steps else 0.0)


def _y(height: float) -> float:
    return _TOP + (HEIGHT - _TOP - _BOTTOM) * (1 - height)


def _points(curve: Sequence[float], scale: Scale, steps: int) -> str:
    last = len(curve) - 1
    if last < _MOST_POINTS:
        places = [(float(step), loss) for step, loss in enumerate(curve)]
    else:
        found = spans(curve, _MOST_POINTS)
        places = [
            (position * last / (_MOST_POINTS - 1), loss)
            for position, span in enumerate(found)
            if span is not None
            for loss in dict.fromkeys(span)
        ]
    known = [(step, loss) for step, loss in places if math.isfinite(loss)]
    return " ".join(f"{_x(step, steps):.1f},{_y(scale.at(loss)):.1f}" for step, loss in known)


def _rules(scale: Scale, steps: int) -> list[str]:
    parts = []
    marks = _MARKS if scale.high > scale.low else 1
    for number in range(marks):
        height = number / (marks - 1) if marks > 1 else 0.5
        y = _y(height)
        parts.append(f'<path class="rule" d="M{_LEFT:.0f} {y:.1f}H{WIDTH - _RIGHT:.0f}"/>')
        parts.append(
            f'<text x="{_LEFT - 8:.0f}" y="{y + 4.5:.1f}" text-anchor="end">{brief(scale.value(height), 3)}</text>'
        )
    base = HEIGHT - _BOTTOM + 20
    parts.append(f'<text x="{_LEFT:.0f}" y="{base:.0f}">step 0</text>')
    parts.append(f'<text x="{WIDTH - _RIGHT:.0f}" y="{base:.0f}" text-anchor="end">step {steps:,}</text>')
    return parts


def _parting(training: Training, steps: int) -> list[str]:
    first = training.first_parted
    if first is None or first.parts is None:
        return []
    x = _x(first.parts, steps)
    anchor, beside = ("end", -6) if x > WIDTH / 2 else ("start", 6)
    y = HEIGHT - _BOTTOM + 38
    words = f"the runs part after step {first.parts:,}, at {escape(one_line(first.name))}"
    return [
        f'<path class="parting" d="M{x:.1f} {_TOP:.0f}V{HEIGHT - _BOTTOM:.0f}"/>',
        f'<text class="name-yours" x="{x + beside:.1f}" y="{y:.0f}" text-anchor="{anchor}">{words}</text>',
    ]


def _legend() -> list[str]:
    return [
        f'<path class="curve yours" d="M{_LEFT:.0f} 20h28"/>',
        f'<text class="name-yours" x="{_LEFT + 34:.0f}" y="24.5">yours</text>',
        f'<path class="curve autodiff" d="M{_LEFT + 96:.0f} 20h28"/>',
        f'<text class="name-autodiff" x="{_LEFT + 130:.0f}" y="24.5">autodiff</text>',
        f'<text x="{WIDTH - _RIGHT:.0f}" y="24.5" text-anchor="end">loss</text>',
    ]
