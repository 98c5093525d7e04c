"""What the field's usual names stand for: labels, weights, biases, batch and kernel dimensions."""

from __future__ import annotations

import re

BATCH = frozenset(
    "N n batch batch_size n_samples num_samples B b bs nb n_examples num_examples n_batch m_samples samples minibatch "
    "batch_1 batch_2 num_train n_train".split()
)
"""Dimension names that count examples."""

KERNEL = frozenset(
    "HH WW KH KW kH kW kh kw k K kernel kernel_size ksize filter_h filter_w fh fw FH FW pool_h pool_w pool_height "
    "pool_width kernel_height kernel_width filter_height filter_width kernel_h kernel_w hh ww R S h_f w_f f_h f_w k_h "
    "k_w".split()
)
"""Dimension names of a window that slides over spatial dimensions."""

SPATIAL = frozenset(
    "H W h w height width in_h in_w IH IW H_in W_in L length in_height in_width h_in w_in rows cols in_rows in_cols "
    "input_height input_width n_H_prev n_W_prev input_size input_length".split()
)

SEQUENCE = frozenset(
    "T S T_x T_y Tx Ty t s seq_len seq_length time timesteps time_steps steps n_steps num_steps".split()
)
"""Dimension names of what a recurrent layer walks along, step by step."""

_LABELS = re.compile(
    r"^(?:y|ts?|labels?|targets?|y_?(?:true|truth|target|gt)|truth|ground_truth|classes|class_?ids?|gt|target_labels?|y_?batch|t_?batch|captions)$"
)
_INDICES = re.compile(
    r"^(?:idxs?|index|indices|ids|word_?ids?|token_?ids?|tokens|words|token_idx|input_ids|positions)$"
)
_MASKS = re.compile(r"^(?:.*_)?mask$")
_WEIGHT = re.compile(
    r"^(?:w|W|wt|weights?|kernel|theta|Theta|A|U|V|[wW]_?\w{0,3}|weight_\w+|filters?|\w+_weights?|proj\w*)$"
)
_BIAS = re.compile(r"^(?:b|B|bias|biases|b_?\w{0,2}|bias_\w+|\w+_bias|b0)$")
_PER_FEATURE = re.compile(r"^(?:gamma|beta|scale|shift|g|gain|alpha|offset|running_\w+|mean|var|mu|sigma)$")
_STATE = re.compile(r"^(?:h|c|s|state|hidden|h0|c0|(?:prev|previous|last)_?[hcs]\w*|[hc]_?(?:prev|t|tm1|old|0)\w*)$")
_RUNNING = re.compile(r"(?:running|moving)_?\w+")
_POSITIVE = re.compile(
    r"^(?:var|variance|sigma2?|std|stddev|(?:\w+_)?var|(?:\w+_)?std|rate|concentration|temperature|tau)$"
)
_UNIT = re.compile(r"^(?:p|q|probs?|probabilit(?:y|ies)|\w+_probs?|p_\w+|y_?hat|y_?prob)$")
_FLAG = re.compile(r"^(?:is_?)?(?:train(?:ing)?|train_?fla?g|training_mode|train_mode)$")
_KEEPS = re.compile(r"^(?:save|keep|store)_(?:the_)?(?:cache|inputs?|for_backward|activations?)$")
_GROUPS = re.compile(r"^(?:G|groups?|(?:num|n)_?groups|(?:\w+_)?heads?(?:_num)?|(?:num|n)_?(?:\w+_)?heads?)$")
_WINDOW = re.compile(r"^(?:(?:kernel|pool(?:ing)?|filter|window)(?:_?(?:size|shape|dims?|height|width|h|w))?|ksize|f)$")
_NUMBERS = re.compile(
    r"^(?:eps(?:ilon)?\d?|momentum|weight_decay|lr|learning_rate|temp(?:erature)?|tau|margin|negative_?slope)$"
)
_EXAMPLE_WEIGHTS = re.compile(r"^(?:(?:sample|example|loss|token|row)_)?weights?$")
_CONSTANTS = re.compile(
    r"^(?:(?:\w+_)?(?:eps(?:ilon)?|[ar]?tol|tolerance)\d?|momentum|weight_decay|lr|learning_rate|margin|negative_?slope"
    r"|label_smoothing|lo|hi|low|high|lower|upper|(?:min|max|clip)(?:_\w+)?|\w+_(?:min|max))$"
)
_SEQUENCE = re.compile(r"^(?:xs|seq|sequence|sequences)$")


def is_label(name: str) -> bool:
    """`y`, `t`, `labels`: the right answers a loss is given."""
    return _LABELS.match(name) is not None


def is_index(name: str) -> bool:
    """`idx`, `indices`, `tokens`: integers that pick rows."""
    return _INDICES.match(name) is not None


def is_mask(name: str) -> bool:
    """`mask`, `attention_mask`."""
    return _MASKS.match(name) is not None


def is_number(name: str) -> bool:
    """`eps`, `momentum`, `learning_rate`: one number, and never an array of them."""
    return _NUMBERS.match(name) is not None


def is_example_weight(name: str) -> bool:
    """`weights`, `sample_weight`: beside scores, one number for each example."""
    return _EXAMPLE_WEIGHTS.match(name) is not None


def is_constant(name: str) -> bool:
    """`eps`, `max_norm`, `label_smoothing`: a number that nobody learns, as a temperature or a scale may be."""
    return _CONSTANTS.match(name) is not None


def is_training_flag(name: str) -> bool:
    """`train`, `training`, `is_training`, `train_flg`."""
    return _FLAG.match(name) is not None


def is_for_backward(name: str) -> bool:
    """`training`, `save_cache`: what a forward does only where a backward follows."""
    return is_training_flag(name) or _KEEPS.match(name) is not None


def is_running_statistic(name: str) -> bool:
    """`running_mean`, `moving_var`: kept as the constructor made them, for their values mean something."""
    return _RUNNING.search(name) is not None


def is_group_count(name: str) -> bool:
    """`groups`, `num_heads`: into how many parts the channels are divided."""
    return _GROUPS.match(name) is not None


def is_window(name: str) -> bool:
    """`kernel_size`, `pool_height`, `f`: how far a window reaches."""
    return _WINDOW.match(name) is not None


def role(name: str) -> str:
    """`sequence`, `feature` (one value a feature), `bias`, `weight`, `state`, or `data` for any other name."""
    if _SEQUENCE.match(name):
        return "sequence"
    if _PER_FEATURE.match(name):
        return "feature"
    if _BIAS.match(name):
        return "bias"
    if _STATE.match(name):
        return "state"
    if _WEIGHT.match(name):
        return "weight"
    return "data"


def usual_domain(name: str) -> str:
    """The values that a name promises: `positive`, `unit` (between 0 and 1), or ""."""
    if _POSITIVE.match(name):
        return "positive"
    return "unit" if _UNIT.match(name) else ""
