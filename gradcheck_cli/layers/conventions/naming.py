"""How people name forwards, backwards, upstream gradients, caches, configuration and gradients."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

FORWARD_WORDS = ("forward", "fwd", "fprop", "forwards", "forwardprop", "feedforward")
BACKWARD_WORDS = ("backward", "bwd", "bprop", "backwards", "backprop", "backwardprop", "vjp", "grad", "gradient")
_DERIVATIVE_WORDS = ("grad", "gradient")

DIFFERENTIATORS = frozenset(
    {"grad", "value_and_grad", "jacobian", "jacfwd", "jacrev", "elementwise_grad", "hessian", "vjp", "jvp", "linearize"}
)
"""Functions of libraries that differentiate: what they make is not written by hand."""

_CACHE = re.compile(
    r"(^|_)(cache[sd]?|ctx|context|residuals?|res|saved|tape|memo|memory|stash|intermediates?|stored|store)(_|$)|cache",
    re.I,
)
_UPSTREAM = re.compile(
    r"^(d_?[A-Z]\w*|d_?(out\w*|next\w*|y\w*|z|a|h\w*|c\w?|s|o|l|loss|scores|logits|probs|values?|output\w*|result|top|prev\w*)"
    r"|d(next|prev)_\w+|d\w+_(next|out|top|above)|d[a-z]\d?|dL_?d?\w*"
    r"|(grad|gradient)s?(_\w+)?|\w+_(grad|gradient|bar|cotangent|tangent|delta)s?|g|g[a-zA-Z]|g_\w+|upstream\w*"
    r"|cotangents?|ct|cts|ybar|y_bar|delta\w*|error|err|bottom_diff|top_diff|eta|incoming\w*|downstream\w*)$"
)
_OUTPUT = re.compile(r"^(out|outs|output|outputs|y|Y|a|A|z|Z|result|h|ret|y_pred|yhat|probs?)$")
_LABEL = re.compile(
    r"^(t|ts|target|targets|label|labels|y_?(true|truth|target|gt)|truth|ground_?truth|gt|y_?labels?|one_?hot|answers?|teacher|Y|y|true)$"
)
_CONFIGURATION = re.compile(
    r"(^|_)(param|config|cfg|conf|hparam\w*|hyper\w*|options?|opts|kwargs|settings)$"
    r"|^(mode|strides?|pads?|padding|dilation|kernel_size|pool_size|pool_h|pool_w|pool_height|pool_width|window\w*|ksize"
    r"|eps|epsilon|momentum|decay|training|train|is_train\w*|train_?fl(a)?g|is_test|test|inference|keep_?prob"
    r"|drop\w*|p_drop\w*|rate|ratio|axis|axes|dim|activation\w*|nonlinearity|rng|seed|key|reg|reg_\w+|lambd\w*"
    r"|lam|l2\w*|verbose|debug|reduction|method|groups|num_groups|n_groups|size_average|keepdims?|causal|stateful|name"
    r"|n_?head\w*|num_?heads?|heads|dtype|lr|learning_rate|temperature|slope|negative_slope|use_\w+|is_\w+|has_\w+|ord(er)?)$",
    re.I,
)
_RATE = re.compile(r"^(lr|l_?rate|learn(ing)?_?rate|eta|step_?size|alpha)$", re.I)


def split_tokens(name: str) -> list[str]:
    """`conv_forward_naive` and `convForwardNaive` alike: `["conv", "forward", "naive"]`; case is kept."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return [token for token in spaced.split("_") if token]


def directions(name: str) -> list[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    """Readings of a function's name: (`forward` or `backward`, tokens before the word, tokens after it)."""
    tokens = split_tokens(name)
    readings = []
    for position, token in enumerate(tokens):
        word = token.lower()
        before, after = tuple(tokens[:position]), tuple(tokens[position + 1 :])
        if word in FORWARD_WORDS:
            readings.append(("forward", before, after))
        elif word in BACKWARD_WORDS and (before or after or word not in _DERIVATIVE_WORDS):
            readings.append(("backward", before, after))
    if len(tokens) > 1 and tokens[0] == "d":
        readings.append(("backward", (), tuple(tokens[1:])))
    elif not readings and re.match(r"d[a-z]{3,}", name):
        readings.append(("backward", (), tuple(split_tokens(name[1:]))))
    return readings


def is_cache(name: str) -> bool:
    """Whether a backward's parameter is named like what the forward kept."""
    return bool(_CACHE.search(name))


def is_upstream(name: str) -> bool:
    """Whether a backward's parameter is named like an upstream gradient (`dout`, `grad_output`, `dnext_h`)."""
    return bool(_UPSTREAM.match(name)) and not is_cache(name)


_WORD_IN_D = re.compile(
    r"^d(ata\w*|ate|ay|eals?|ecays?|efaults?|egrees?|elays?|ense\w*|ensity|eno\w*|epths?|escent|etails?|et|eterminant|"
    r"eviations?|iag\w*|ict\w*|iff|iffs|ifference[sd]?|ilat\w*|im\w*|irections?|istances?|ist|istributions?|ividend|"
    r"ivisors?|o\w*main|ots?|ouble\w*|ot_\w+|rawn|rop\w*|type|uration|ynamics?)(_\w+|\d*)$"
)
"""English words: not the gradient of `ifference`."""


def begins_like_gradient(name: str) -> bool:
    """Whether a name begins as gradients do, with `d` or `grad`, and is no word of its own (`difference`, `data`)."""
    return name.startswith("grad") or (name.startswith("d") and not _WORD_IN_D.match(name))


def is_output(name: str) -> bool:
    """Whether a backward's parameter is named like the forward's output, where the forward gives it no name."""
    return bool(_OUTPUT.match(name))


_WEAK_LABEL = frozenset({"t", "ts", "y", "Y", "true"})
_LOSS = re.compile(
    r"loss|cost|criterion|objective|entropy|nll|likelihood|mse|mae|svm|hinge|softmax|error|huber|kl|bce", re.I
)
_LOSS_VALUE = re.compile(r"(\w+_)?(loss|cost)")


def is_label(name: str, loss: bool = True) -> bool:
    """Whether an argument is named like labels or targets: what a loss compares with; `y` is one only in a loss."""
    return bool(_LABEL.match(name)) and (loss or name not in _WEAK_LABEL)


def is_loss(name: str) -> bool:
    """Whether a layer's name says that it is a loss."""
    return bool(_LOSS.search(name))


def is_loss_value(name: str) -> bool:
    """Whether a value that a forward returns is named like the loss itself, and not like what it is made of."""
    return bool(_LOSS_VALUE.fullmatch(name))


def is_configuration(name: str) -> bool:
    """Whether an argument is named like a setting: a mode, a stride, a ratio, a dictionary of them."""
    return bool(_CONFIGURATION.search(name))


def is_learning_rate(name: str) -> bool:
    """Whether a backward's parameter is named like an optimiser's step."""
    return bool(_RATE.match(name))


def gradient_target(gradient: str, arguments: Iterable[str]) -> str | None:
    """Which of `arguments` a name such as `dx`, `grad_w`, `W_grad`, `gradW`, `gx`, `dL_dx` is the gradient of."""
    names = list(arguments)
    stems = _stems(gradient)
    for exact in (True, False):
        for stem in stems:
            matches = [name for name in names if (name == stem if exact else _loose(name) == _loose(stem))]
            if len(matches) == 1:
                return matches[0]
    plurals = {"inputs": "input", "weights": "weight", "biases": "bias"}
    for stem in stems:
        for name in names:
            if plurals.get(stem, stem) == plurals.get(name, name):
                return name
    return None


def _loose(name: str) -> str:
    return name.lower().replace("_", "")


def _stems(gradient: str) -> list[str]:
    """What a gradient's name may be the gradient of, most specific first; the name itself last."""
    stems = []
    for pattern in (
        r"dL_?d(?P<n>\w+)",
        r"(?:grad|gradient|delta|dloss|g)s?_(?:wrt_)?(?P<n>\w+)",
        r"(?P<n>\w+?)_(?:grad|gradient|bar|delta|cotangent|ct)s?",
        r"(?:grad|Grad)(?P<n>[A-Z]\w*)",
        r"(?P<n>\w+)(?:Grad|Bar)",
        r"d_(?P<n>\w+)",
        r"d(?P<n>\w+)",
        r"g(?P<n>[A-Za-z]\w?)",
        r"nabla_(?P<n>\w+)",
    ):
        match = re.fullmatch(pattern, gradient)
        if match:
            stems.append(match["n"])
    return [*stems, gradient]


def gradient_names(argument: str) -> list[str]:
    """What a class may call the stored gradient of `argument`: `dW`, `d_W`, `grad_W`, `W_grad`, ..."""
    forms = ("d{0}", "d_{0}", "grad_{0}", "{0}_grad", "grad{0}", "{0}_gradient", "gradient_{0}", "g{0}", "{0}grad")
    more = ("grads_{0}", "{0}_grads", "delta_{0}", "{0}_delta", "dL_d{0}", "dLd{0}", "nabla_{0}", "{0}_bar")
    short = {"weight": "w", "weights": "w", "bias": "b", "biases": "b"}.get(argument)
    stems = [argument, *([short, short.upper()] if short else [])]
    if argument.startswith("_"):
        stems.append(argument.lstrip("_"))
    names = [form.format(stem) for stem in stems for form in (*forms, *more)]
    return [*names, *(f"_{name}" for name in names)]


def in_gradient_order(names: Sequence[str], documentation: str) -> bool:
    """Whether a docstring lists the gradients `names` as results, in this very order."""
    found = re.search(r"^\s*(returns?|outputs?)\b", documentation, re.I | re.M)
    if found is None or not all(names):
        return False
    text = documentation[found.start() :]
    positions = []
    for name in names:
        match = re.search(rf"(?<![\w.]){re.escape(name)}(?!\w)", text)
        if match is None:
            return False
        positions.append(match.start())
    return positions == sorted(positions) and len(set(positions)) == len(positions)
