"""What docstrings say about arguments: shapes, kinds, ranges, keys. Course style, numpydoc, Google, Sphinx."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from gradcheck_cli.layers.inputs.dimensions import Dimensions, names_in, parse_axis, parse_shape
from gradcheck_cli.layers.inputs.docstring_entries import Entry, entries, flatten

_BRACKETED = r"[\(\[](?:[^()\[\]]|\([^()]*\))*[\)\]]"
_AXIS = r"[^\W\d]\w*'*|\d+"
_SHAPE_WORD = re.compile(rf"\b(?:shapes?|dimensions?|dims?|size)\b\s*(?:of|is|are|:|=|==)?\s*`*(?P<shape>{_BRACKETED})")
_TIMES = re.compile(rf"(?<![\w(])(?P<shape>(?:{_AXIS})(?:\s*×\s*(?:{_AXIS})|\s+[xX]\s+(?:{_AXIS})|-by-(?:{_AXIS}))+)")
_BARE_SHAPE = re.compile(rf"\bshape\s*(?:of|is|:|=)?\s*`*(?P<shape>{_AXIS})`*(?=[\s.,;)]|$)")
_LENGTH = re.compile(
    rf"\b(?:array|vector|list|tensor|labels|weights|biases)\b[^.()]*?"
    rf"\bof\s+(?:length|size|dimension)\s+`*(?P<axis>{_AXIS})"
    rf"|\blength[- ](?:of\s+)?`*(?P<axis2>{_AXIS})`*"
    rf"|\b(?P<axis3>{_AXIS})-(?:dimensional\s+)?(?:vector|dimensional array)"
)
_SAME = re.compile(
    r"\b(?:(?:same|identical)\s+)?(?:shape|size|dimensions?)(?:\s+and\s+(?:dtype|type))?\s+(?:as|identical to|equal to)"
    r"\s+(?:that of\s+|the\s+)?[`'\"]*(?P<name>\w+)"
    r"|\b(?:same|identical)\s+(?:shape|size|dimensions?)\s+(?:of|to)\s+(?:that of\s+|the\s+)?[`'\"]*(?P<name3>\w+)"
    r"|\b(?:of\s+)?shape\s*(?:of|:|=)?\s*[`'\"]?(?P<name2>\w+)\.shape"
)
_ANY = re.compile(r"\b(?:any|arbitrary)\s+(?:\w+\s+)?(?:shape|size|dimensions?)\b|\bshape\s*\(?any\b", re.IGNORECASE)
_RANGE = re.compile(
    rf"0\s*<=?\s*\w+(?:\[[^\]]*\])?\s*<\s*`*(?P<a>{_AXIS})|\[\s*0\s*,\s*(?P<b>{_AXIS})\s*[\)\[]"
    rf"|\{{\s*0\s*,[^}}]*?(?P<c>{_AXIS})\s*-\s*1\s*\}}|\b(?:between|from)\s+0\s+(?:and|to)\s+`*(?P<d>{_AXIS})\s*-\s*1"
    rf"|\b0\s*(?:,\s*)?(?:\.\.\.?|…)\s*(?:,\s*)?(?P<e>{_AXIS})\s*-\s*1|\[\s*0\s*,\s*(?P<f>{_AXIS})\s*-\s*1\s*\]"
)
_ZERO_OR_ONE = re.compile(r"\b0\b (?:if|for|or|and)\b.{0,30}\b1\b")
_ONE_AXIS = re.compile(r"\w*(?:dim|size|features|units)")
"""`x: (input_dim)`, where `(optional)` and `(float)` are no axes."""

_SIZE_OF = re.compile(r"\b[Ss]ize of (?:the )?(?P<what>\w+(?: \w+)?)(?=\s*[,)\]])")
_EQUATION = re.compile(r"(?<![\w<>=!'])(?P<name>[^\W\d]\w*'?)\s*=\s*(?P<expression>[^\n=;]+)")
_INTEGER = re.compile(
    r"\b(?:integers?|int\d*|uint\d+|labels?|indices|indexes|index array|class ids?|word ids?|token ids?|ids)\b", re.I
)
_COMPLEX = re.compile(r"\bcomplex(?:64|128)?\b(?!\s*(?:conjugate|values?\s+of))", re.I)
_BOOLEAN = re.compile(r"\b(?:booleans?|bool)\b", re.I)
_DICTIONARY = re.compile(r"\b(?:dictionary|dict|mapping)\b", re.I)
_ARRAY = re.compile(r"\b(?:array\w*|ndarray|tensor|matrix|vector|array_like|batch)\b", re.I)
_SCALAR_TYPE = re.compile(
    r"^\W*(?P<type>int(?:eger)?|float|bool(?:ean)?|str(?:ing)?|scalar|tuple|callable|None)\b(?!\s*(?:array|matrix|vector|tensor|label))",
    re.I,
)
_ONE_HOT = re.compile(r"\bone[- _]?hot\b", re.I)
_POSITIVE = re.compile(r"\b(?:positive|strictly positive|> ?0|variances?|standard deviations?)\b", re.I)
_DEFINITE = re.compile(r"\bpositive[- ]definite\b|\bSPD\b", re.I)
_UNIT = re.compile(
    r"\bin (?:the )?(?:(?:open|closed|unit|half-open) )?(?:(?:interval|range) )?[\[(] ?0(?:\.0?)? ?, ?1(?:\.0?)? ?[\])]"
)
_PROBABILITY = re.compile(r"\bprobabilit(?:y|ies)\b|\bin \(0, ?1\)", re.I)


@dataclass(frozen=True)
class Described:
    """What a docstring says of one argument.

    Attributes:
        dimensions: a name, a size or an expression for each axis; None where no shape is given.
        kind: `float`, `complex`, `integer`, `boolean`, `config`, or "" where it is not said.
        bound: the name or size below which integers stay, None where it is not said.
        domain: as `ArgumentShape.domain`.
        same_as: the argument whose shape it shares, "" where it names none.
        any_shape: the shape is said to be free.
        keys: for a dictionary, what is said of each key, in order.
        text: the description itself.
    """

    dimensions: Dimensions | None = None
    kind: str = ""
    bound: str | int | None = None
    domain: str = ""
    same_as: str = ""
    any_shape: bool = False
    keys: Mapping[str, Described] = field(default_factory=dict)
    text: str = ""


def describe(docstrings: Iterable[str], names: Iterable[str]) -> dict[str, Described]:
    """What the docstrings say about the arguments `names`; the first docstring that gives a shape wins.

    A backward's docstring speaks too: of the arguments in its cache, and, through `dx`, of the shape of `x`.
    """
    wanted = tuple(names)
    best: dict[str, Described] = {}
    for fallback in (False, True):
        for docstring in docstrings:
            for entry in flatten(entries(docstring, keep_returns=fallback)):
                each = _shapes_in_turn(entry)
                for position, name in enumerate(entry.names):
                    target = _gradient_of(name, wanted) if fallback else name
                    if target not in wanted:
                        continue
                    said = _read(entry, wanted)
                    if each:
                        said = replace(said, dimensions=each[position])
                    if fallback:
                        said = Described(said.dimensions, same_as="" if said.same_as == target else said.same_as)
                    known = best.get(target)
                    best[target] = said if known is None else _merge(known, said)
    for docstring in docstrings:
        for name in (name for name in wanted if _said_in_prose(docstring or "", name)):
            best[name] = _merge(best.get(name, Described()), Described(domain="unit"))
    return best


def equations(docstrings: Iterable[str], used: Iterable[str]) -> dict[str, str]:
    """Dimensions that a docstring computes from others: `D = d_1 * ... * d_k` gives `{"D": "d_1*d_2"}`.

    Only for names in `used` (dimensions of the arguments) that the equation writes in terms of other names in `used`.
    """
    known = set(used)
    found: dict[str, str] = {}
    for docstring in docstrings:
        for match in _EQUATION.finditer(docstring or ""):
            name = match["name"]
            if name not in known or name in found:
                continue
            expression = _equation_side(match["expression"], known - {name})
            if expression is not None:
                found[name] = expression
    return found


def named_by_letter(described: Mapping[str, Described], names: Iterable[str], used: Iterable[str]) -> dict[str, str]:
    """Dimensions that a description names: `input_size: the dimension D of the input` gives `{"D": "input_size"}`."""
    letters = set(used)
    found: dict[str, str] = {}
    for name in names:
        said = described[name].text if name in described else ""
        for letter in re.findall(r"(?<![\w'])[A-Z](?![\w'])", said):
            if letter in letters:
                found.setdefault(letter, name)
    return found


def _equation_side(text: str, known: set[str]) -> str | None:
    """The longest beginning of `text` that is an expression of known names alone."""
    text = re.split(r",\s|(?<!\.)\.\s|\band\b|\bwhere\b", text + " ")[0].strip().rstrip(".,;)`")
    series = re.match(r"(?P<first>[^\W\d]\w*?)_?1\s*[*×]\s*(?:\.\.\.|…|\w+\s*[*×]\s*(?:\.\.\.|…))\s*[*×]\s*\w+$", text)
    if series:
        members = sorted(name for name in known if re.fullmatch(rf"{re.escape(series['first'])}_?\d+", name))
        return "*".join(members) if members else None
    product = re.match(r"(?:np\.)?prod(?:uct)?\(", text)
    if product:
        members = [name for name in names_in(parse_shape(text[product.end() - 1 :] + ")") or ()) if name in known]
        return "*".join(members) if members else None
    axis = parse_axis(text)
    if isinstance(axis, str) and (inside := names_in([axis])) and set(inside) <= known and axis != inside[0]:
        return axis
    return None


def _shapes_in_turn(entry: Entry) -> list[Dimensions]:
    """`w, b: weights, of shape (D, M), and biases, of shape (M,)`: a shape for each name; empty where counts differ."""
    if len(entry.names) < 2:
        return []
    found = [parse_shape(match["shape"]) for match in _SHAPE_WORD.finditer(" ".join(entry.lines))]
    shapes = [shape for shape in found if shape is not None]
    return shapes if len(shapes) == len(entry.names) else []


def _gradient_of(name: str, wanted: tuple[str, ...]) -> str:
    """The argument whose gradient is called `name`: `dx` and `grad_x` are `x`'s."""
    for prefix in ("d", "grad_", "d_", "g", "grad"):
        if name.startswith(prefix) and name[len(prefix) :] in wanted and name not in wanted:
            return name[len(prefix) :]
    return ""


def _read(entry: Entry, arguments: Sequence[str]) -> Described:
    text = re.sub(r"\b[Nn]umber of (\w+)(?=\s*[,)\]])", r"n_\1", " ".join(entry.lines))
    text = _SIZE_OF.sub(lambda match: f"size_{match['what']}".replace(" ", "_"), text)
    dimensions = _shape_in(text)
    # an argument of its own that is only indented further is no key, unless there is a dictionary to be one of
    own = () if _DICTIONARY.search(text) else arguments
    keys = {name: _read(child, ()) for child in entry.children for name in child.names if name not in own}
    same = _SAME.search(text)
    limits = _limits(text)
    bound = next((value for value in limits.groups() if value), None) if limits else None
    bound = "2" if bound is None and _ZERO_OR_ONE.search(text) else bound
    return Described(
        dimensions=dimensions,
        kind=_kind(text, dimensions, keys),
        bound=int(bound) if bound and bound.isdigit() else bound,
        domain=_domain(text),
        same_as=(same["name"] or same["name2"] or same["name3"] or "") if same and dimensions is None else "",
        any_shape=dimensions is None and _ANY.search(text) is not None,
        keys=keys,
        text=text,
    )


def _limits(text: str) -> re.Match[str] | None:
    """What bounds the elements, `0 <= y[i] < C`; not what bounds an index, `alpha[t, u], where 0 <= t < T`."""
    for match in _RANGE.finditer(text):
        name = re.match(r"0\s*<=?\s*(\w+)\s*<", match.group())
        if name is None or not re.search(rf"\w\[[^\]]*\b{name[1]}\b[^\]]*\]", text):
            return match
    return None


def _merge(first: Described, second: Described) -> Described:
    """What `first` says, filled up by `second`."""
    settled = first.dimensions is not None or first.same_as or first.any_shape
    return Described(
        first.dimensions if settled else second.dimensions,
        first.kind or second.kind,
        first.bound if first.bound is not None else second.bound,
        first.domain or second.domain,
        first.same_as if settled else second.same_as,
        first.any_shape if settled else second.any_shape,
        first.keys or second.keys,
        first.text or second.text,
    )


def _shape_in(text: str) -> Dimensions | None:
    for match in _SHAPE_WORD.finditer(text):
        if (shape := parse_shape(match["shape"])) is not None:
            return shape
    for match in re.finditer(_BRACKETED, text):
        inside = match.group()[1:-1]
        several = "," in inside or _TIMES.fullmatch(inside.strip())
        if (several or _ONE_AXIS.fullmatch(inside.strip())) and not _is_index(text, match.start()):
            shape = parse_shape(match.group())
            if shape is not None and (_looks_like_axes(shape) or _stands_alone(text, match.start())):
                return shape
    if times := _TIMES.search(text):
        return parse_shape(times["shape"])
    if bare := _BARE_SHAPE.search(text):
        axis = parse_axis(bare["shape"])
        return None if axis is None else (axis,)
    if length := _LENGTH.search(text):
        axis = parse_axis(length["axis"] or length["axis2"] or length["axis3"])
        if axis is not None and _looks_like_axes((axis,)):
            return (axis,)
    return None


def _is_index(text: str, position: int) -> bool:
    """Whether a bracket is an index or a call: `x[i, j]`, `f(x, w)`, or an interval `in [0, C)`."""
    before = text[:position]
    return (bool(before) and (before[-1].isalnum() or before[-1] in "_)]")) or bool(
        re.search(r"\b(in|range|between)\s*$", before)
    )


def _stands_alone(text: str, position: int) -> bool:
    """Whether a bracket is all that is said, or set off from the rest: `(batch, latent)`, `codes, (batch, latent)`."""
    return re.search(r"(?:^|[,:;]|\s-{1,2})\s*$", text[:position]) is not None


def _looks_like_axes(shape: Dimensions) -> bool:
    """Whether names are short or snake-case, as dimensions are, and not a list of words."""
    if not shape:
        return False
    return all(
        isinstance(axis, int) or len(axis) <= 4 or "_" in axis or axis[:1].isupper() or axis in _WORDS for axis in shape
    ) and (any(isinstance(axis, str) for axis in shape) or len(shape) > 1)


_WORDS = frozenset(
    "batch channels channel height width features hidden time heads length classes dim input output samples units seq "
    "seqlen vocab embed filters depth tokens queries keys".split()
)


def _kind(text: str, dimensions: Dimensions | None, keys: Mapping[str, Described]) -> str:
    if keys or _DICTIONARY.search(text):
        return "config"
    scalar = _SCALAR_TYPE.search(text.lstrip("(["))
    if dimensions is None and scalar:
        return "config"
    head = re.split(r"\bgiving\b|\bwhere\b|\bfor\b", text)[0] if _ARRAY.search(text) else text
    if _BOOLEAN.search(head) and (dimensions is not None or _ARRAY.search(text)):
        return "boolean"
    if _ONE_HOT.search(text):
        return "float"
    if dimensions is not None or _ARRAY.search(text):
        if _COMPLEX.search(head):
            return "complex"
        return "integer" if _INTEGER.search(head) or _limits(text) else ""
    return ""


def _domain(text: str) -> str:
    if _ONE_HOT.search(text):
        return "one-hot"
    if _DEFINITE.search(text):
        return "definite"
    if _PROBABILITY.search(text) and not re.search(r"\blog[- ]prob|\bunnormali[sz]ed", text, re.I):
        return "probability"
    if _UNIT.search(text):
        return "unit"
    return "positive" if _POSITIVE.search(text) else ""


def _said_in_prose(docstring: str, name: str) -> bool:
    """`only defined for x in the interval [0, 1]`, in a sentence of its own."""
    return (
        re.search(rf"\b{re.escape(name)}`* (?:is |are |lies |must be |must lie )?{_UNIT.pattern[2:]}", docstring)
        is not None
    )
