"""How the parts of a transcript are called in an assertion."""

from __future__ import annotations

from gradcheck_cli.checking.shrink.transcript import Transcript
from gradcheck_cli.layers.case import Leaf
from gradcheck_cli.layers.leaves import leaf_name


def place_of(transcript: Transcript, leaf: Leaf) -> str:
    """`params['w']`."""
    return leaf_name(transcript.variables[leaf.argument], leaf.path)


def gradient_of(transcript: Transcript, leaf: Leaf) -> str:
    """`grads['w']`."""
    return leaf_name(transcript.gradients[leaf.argument], leaf.path)


def quoted(text: str) -> str:
    """As a part of a text in double quotes, formatted or not."""
    return text.replace("\\", "\\\\").replace('"', "'").replace("{", "{{").replace("}", "}}")
