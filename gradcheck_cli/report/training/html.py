"""A training as one page: the curves, the verdict, what parted, the norms."""

from __future__ import annotations

from pathlib import PurePath

from gradcheck_cli.report.escaping import one_line
from gradcheck_cli.report.html.parts import bullets, document, table
from gradcheck_cli.report.html.style import STYLE
from gradcheck_cli.report.html.text import name, prose, shown
from gradcheck_cli.report.numbers import brief, counted, duration
from gradcheck_cli.report.training.model import Training
from gradcheck_cli.report.training.svg import svg_element
from gradcheck_cli.report.training.words import by_heart, figures, parted, rule_sentence

_STYLE = """
body { max-width: 60rem; }
h2 { margin-top: 2rem; }
.picture { margin: 1rem 0; border: 1px solid var(--line); border-radius: .4rem; overflow: hidden; }
.picture svg { width: 100%; }
"""


def training_html(training: Training) -> str:
    """One document, self-contained: it runs nothing and loads nothing."""
    title = shown(one_line(training.name))
    parts = [
        f'<header><h1>The training of {name(training.name)}</h1><p class="quiet">{_facts(training)}</p></header>',
        f'<p><span class="{training.status.value}">{training.status.value}</span>: {prose(training.verdict)}</p>',
        f'<div class="picture">{svg_element(training)}</div>',
        _cause(training),
        f"<h2>What parts</h2>{_parameters(training)}",
        f"<h2>Norm of the gradient</h2>{_norms(training)}",
        _more(training),
        bullets(training.notes),
    ]
    return document(f"gradcheck: the training of {title}", STYLE + _STYLE, "\n".join(filter(None, parts)))


def _facts(training: Training) -> str:
    place = name(f"{PurePath(training.path).name}:{training.line}")
    data = counted(training.examples, "example") + (
        f", {training.batch} a step" if training.batch < training.examples else ""
    )
    steps = counted(training.steps, "step")
    return f"{place} · {steps} · lr {training.rate:g} · {data} · seed {training.seed} · {duration(training.seconds)}"


def _cause(training: Training) -> str:
    cause = training.cause
    if cause is None:
        return ""
    findings = "".join(f"<dt>{finding.code}</dt><dd>{prose(finding.message)}</dd>" for finding in cause.findings[:3])
    return (
        f'<div class="finding"><h3>The cause: {name(cause.layer)}</h3><dl><dt>at</dt>'
        f"<dd>{name(f'{PurePath(cause.path).name}:{cause.line}')}, step {cause.step}</dd>"
        f"<dt>gradient</dt><dd>{name(cause.parameter)}, the first on the way back</dd>{findings}</dl></div>"
    )


def _parameters(training: Training) -> str:
    rows = [[name(one.name), *(shown(cell) for cell in parted(one))] for one in training.parameters]
    titles = ("parameter", "gradient differs", "by", "values part", "apart", "rounding alone")
    return table(titles, rows, (2, 4, 5), "What parts", "elements")


def _norms(training: Training) -> str:
    rows = []
    for one in training.layers:
        for run, norms in (("yours", one.yours), ("autodiff", one.autodiff)):
            rows.append([name(one.layer) if run == "yours" else "", run, *(shown(cell) for cell in figures(norms))])
    return table(("layer", "run", "first", "last", "min", "max"), rows, (2, 3, 4, 5), "Norms of gradients", "elements")


def _more(training: Training) -> str:
    facts = [("update", rule_sentence(training.rule, training.rate))]
    if training.flow:
        facts.append(("norms", training.flow))
    if training.overfit is not None and training.overfit.autodiff is not None:
        facts.append(("by heart", by_heart(training.overfit)))
    for end in training.ends:
        whose = "yours" if end.run == "yours" else "autodiff's"
        facts.append(("not finite", f"{whose}, at step {end.step}: `{end.layer}`, {end.what}"))
    facts.append(("losses", f"{_ends(training.losses_yours)} (yours), {_ends(training.losses_autodiff)} (autodiff)"))
    return "<dl>" + "".join(f"<dt>{label}</dt><dd>{prose(fact)}</dd>" for label, fact in facts) + "</dl>"


def _ends(losses: tuple[float, ...]) -> str:
    return f"from {brief(losses[0], 4)} to {brief(losses[-1], 4)}" if losses else "none"
