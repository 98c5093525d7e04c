"""What docstrings say, in the styles that people write them in."""

from __future__ import annotations

import pytest

from gradcheck_cli.layers.inputs.docstrings import describe, equations

COURSE = """
    Computes the forward pass for an affine layer.

    The input x has shape (N, d_1, ..., d_k) and contains a minibatch of N examples. We will reshape each input into
    a vector of dimension D = d_1 * ... * d_k, and then transform it to an output vector of dimension M.

    Inputs:
    - x: A numpy array containing input data, of shape (N, d_1, ..., d_k)
    - w: A numpy array of weights, of shape (D, M)
    - b: A numpy array of biases, of shape (M,)

    Returns a tuple of:
    - out: output, of shape (N, M)
    - cache: (x, w, b)
    """

CONVOLUTION = """
    Input:
    - x: Input data of shape (N, C, H, W)
    - w: Filter weights of shape (F, C, HH, WW)
    - b: Biases, of shape (F,)
    - conv_param: A dictionary with the following keys:
      - 'stride': The number of pixels between adjacent receptive fields in the
        horizontal and vertical directions.
      - 'pad': The number of pixels that will be used to zero-pad the input.

    Returns a tuple of:
    - out: Output data, of shape (N, F, H', W') where H' and W' are given by
      H' = 1 + (H + 2 * pad - HH) / stride
    """

NUMPYDOC = """
    A linear layer.

    Parameters
    ----------
    x : ndarray of shape (n_samples, n_features)
        The samples.
    w : array_like, shape (n_features, n_classes)
        Weights.
    y : ndarray of int, shape (n_samples,)
        Labels.
    eps : float, optional
        Keeps the logarithm finite.

    Returns
    -------
    x : ndarray of shape (3, 3, 3)
    """

GOOGLE = """
    A linear layer.

    Args:
        x (np.ndarray): input of shape (N, D).
        w: weights [D, M]
        b (np.ndarray, shape (M,)): bias
        mask (np.ndarray of bool): shape (N, D)
        p (float): drop probability

    Returns:
        x: something else, (Q, Q)
    """

SPHINX = """
    :param x: the input, N x D
    :param np.ndarray w: D×M weights
    :type y: (N,) int labels
    :param y: right answers
    """


def test_course_style() -> None:
    said = describe([COURSE], ["x", "w", "b"])
    assert [said[name].dimensions for name in "xwb"] == [("N", "d_1", "d_2"), ("D", "M"), ("M",)]
    assert equations([COURSE], ["N", "d_1", "d_2", "D", "M"]) == {"D": "d_1*d_2"}


def test_dictionary_with_keys() -> None:
    said = describe([CONVOLUTION], ["x", "w", "b", "conv_param"])
    assert said["w"].dimensions == ("F", "C", "HH", "WW")
    assert said["conv_param"].kind == "config"
    assert list(said["conv_param"].keys) == ["stride", "pad"]
    assert equations([CONVOLUTION], ["N", "C", "H", "W", "F", "HH", "WW"]) == {}


def test_numpydoc() -> None:
    said = describe([NUMPYDOC], ["x", "w", "y", "eps"])
    assert said["x"].dimensions == ("n_samples", "n_features")
    assert said["w"].dimensions == ("n_features", "n_classes")
    assert (said["y"].dimensions, said["y"].kind) == (("n_samples",), "integer")
    assert (said["eps"].dimensions, said["eps"].kind) == (None, "config")


def test_google() -> None:
    said = describe([GOOGLE], ["x", "w", "b", "mask", "p"])
    assert [said[name].dimensions for name in "xwb"] == [("N", "D"), ("D", "M"), ("M",)]
    assert said["mask"].kind == "boolean"
    assert said["p"].kind == "config"


def test_sphinx() -> None:
    said = describe([SPHINX], ["x", "w", "y"])
    assert said["x"].dimensions == ("N", "D")
    assert said["w"].dimensions == ("D", "M")
    assert (said["y"].dimensions, said["y"].kind) == (("N",), "integer")


@pytest.mark.parametrize(
    ("text", "dimensions"),
    [
        ("array of length C", ("C",)),
        ("vector of size D", ("D",)),
        ("biases of shape D", ("D",)),
        ("weights, (D x M)", ("D", "M")),
        ("Input data of shape [N, D]", ("N", "D")),
        ("of shape (4H,)", ("4*H",)),
        ("the learning rate", None),
        ("the value of f(a, b) at each x[i, j]", None),
        ("a number in [0, C)", None),
    ],
)
def test_a_shape_in_a_sentence(text: str, dimensions: tuple[str, ...] | None) -> None:
    said = describe([f"- x: {text}"], ["x"])
    assert said["x"].dimensions == dimensions


@pytest.mark.parametrize(
    "text",
    [
        "Vector of labels, of shape (N,) where y[i] is the label for x[i] and 0 <= y[i] < C",
        "integer array of shape (N,) in the range [0, C)",
        "class indices, shape (N,), between 0 and C - 1",
        "labels, shape (N,), in {0, ..., C-1}",
    ],
)
def test_labels_have_a_bound(text: str) -> None:
    said = describe([f"- y: {text}"], ["y"])["y"]
    assert (said.dimensions, said.kind, said.bound) == (("N",), "integer", "C")


def test_several_names_share_or_divide_a_description() -> None:
    said = describe(["- w, b: Weights, of shape (D, M), and biases, of shape (M,)\n- q, k: of shape (N, D)"], "wbqk")
    assert [said[name].dimensions for name in "wbqk"] == [("D", "M"), ("M",), ("N", "D"), ("N", "D")]


def test_same_shape_and_any_shape() -> None:
    said = describe(["- x: Inputs, of any shape\n- h: hidden state, same shape as x"], "xh")
    assert said["x"].any_shape
    assert said["h"].same_as == "x"


def test_a_backward_speaks_through_its_cache_and_gradients() -> None:
    text = """
    Inputs:
    - dout: Upstream derivative, of shape (N, M)
    - cache: Tuple of:
      - x: Input data, of shape (N, D)

    Returns a tuple of:
    - dw: Gradient with respect to w, of shape (D, M)
    """
    said = describe([text], ["x", "w"])
    assert (said["x"].dimensions, said["w"].dimensions) == (("N", "D"), ("D", "M"))


def test_the_first_docstring_wins_and_is_filled_up() -> None:
    said = describe(["x: shape (N, D)", "x: shape (A, B)\nw: shape (D, M)"], ["x", "w"])
    assert (said["x"].dimensions, said["w"].dimensions) == (("N", "D"), ("D", "M"))


@pytest.mark.parametrize("text", [None, "", "::::", "- :\n-", "x:", "Args:\n", "-" * 500, "x: (((((" * 50])
def test_nonsense_says_nothing(text: str) -> None:
    said = describe([text], ["x"])
    assert said.get("x") is None or said["x"].dimensions is None


def test_two_entries_on_one_line() -> None:
    said = describe(["x: array of shape (N, D), t: array of shape (N,); w: (D, M)"], "xtw")
    assert [said[name].dimensions for name in "xtw"] == [("N", "D"), ("N",), ("D", "M")]


def test_columns_that_count_examples_and_labels_that_are_zero_or_one() -> None:
    text = """
    w -- weights, a numpy array of size (num_px * num_px * 3, 1)
    X -- data of size (num_px * num_px * 3, number of examples)
    Y -- true "label" vector (containing 0 if non-cat, 1 if cat) of size (1, number of examples)
    """
    said = describe([text], ["w", "X", "Y"])
    assert said["X"].dimensions == ("num_px*num_px*3", "n_examples")
    assert (said["Y"].dimensions, said["Y"].kind, said["Y"].bound) == ((1, "n_examples"), "integer", 2)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x: (batch, latent)", ("batch", "latent")),
        ("x: node features, (nodes, wide)", ("nodes", "wide")),
        ("x -- activations: (size of previous layer, number of examples)", ("size_previous_layer", "n_examples")),
        ("x -- a bias of shape (size of the current layer, 1)", ("size_current_layer", 1)),
        (":param x - filters with shape (h_f, w_f)", ("h_f", "w_f")),
        ("x: (input_dim)", ("input_dim",)),
        ("x: (required)", None),
        ("x (int, optional): how many", None),
        ("x: (string, optional)", None),
        ("x: the weights (alpha, omega) of the sum", None),
        ("x: a pair (first, second)", None),
    ],
)
def test_a_bracket_that_stands_alone_is_a_shape(text: str, expected: tuple[str | int, ...] | None) -> None:
    said = describe([text], ["x"])
    assert (said["x"].dimensions if "x" in said else None) == expected


COURSERA = """
    Arguments:
    xt -- your input data at timestep "t", numpy array of shape (n_x, m).
    parameters -- python dictionary containing:
                        Wax -- Weight matrix multiplying the input, numpy array of shape (n_a, n_x)
                        ba --  Bias, numpy array of shape (n_a, 1)
    """


def test_a_dictionary_named_parameters_is_no_heading() -> None:
    said = describe([COURSERA], ["xt", "parameters"])
    assert {key: part.dimensions for key, part in said["parameters"].keys.items()} == {
        "Wax": ("n_a", "n_x"),
        "ba": ("n_a", 1),
    }
    said = describe(["Takes:\nparameters:\n    x: of shape (N, D)"], ["x", "parameters"])
    assert said["x"].dimensions == ("N", "D")
    assert "parameters" not in said


def test_an_argument_that_is_indented_further_is_no_key_of_the_one_above() -> None:
    text = ":param out: [N, ] array, predicted\n       truth: [N, ] array, ground truth"
    said = describe([text], ["out", "truth"])
    assert (said["out"].dimensions, said["out"].keys, said["truth"].dimensions) == (("N",), {}, ("N",))
    text = "Args:\n    params: a dictionary with\n        w: of shape (N, D)"
    assert list(describe([text], ["params", "w"])["params"].keys) == ["w"]


ALIGNMENTS = """
    Args:
        alpha: an array of shape [T, U + 1], where
            alpha[t, u] = log(prob(blank | x[0:t] aligns with y[0:u])),
            where 0 <= t < T and 0 <= u <= U.
        y: labels, of shape (T,), where 0 <= y[t] < C.
    """


def test_what_an_element_is_describes_no_argument_and_what_bounds_an_index_bounds_no_element() -> None:
    said = describe([ALIGNMENTS], ["alpha", "y"])
    assert (said["alpha"].dimensions, said["alpha"].kind, dict(said["alpha"].keys)) == (("T", "U+1"), "", {})
    assert (said["y"].kind, said["y"].bound) == ("integer", "C")


def test_keys_with_brackets_or_equations_alone_are_still_keys() -> None:
    said = describe(["\nparams: dictionary\n    W1 [D, H]: the weights\n    pad = number of zeros"], ["params"])
    assert list(said["params"].keys) == ["W1", "pad"]


@pytest.mark.parametrize(
    ("docstring", "domain"),
    [
        ("Note: polynomials are only defined for x in the interval [0, 1].\n\nArgs:\n    x: Input array.", "unit"),
        ("Args:\n    x: values in the closed interval [0.0, 1.0].", "unit"),
        ("Args:\n    x: Input array, scaled to an output in the interval [0, 10].", ""),
        ("Only y in the interval [0, 1] comes back.\n\nArgs:\n    x: Input array.", ""),
    ],
)
def test_an_interval_may_be_said_in_prose(docstring: str, domain: str) -> None:
    said = describe([docstring], ["x"])
    assert said["x"].domain == domain
