"""The statements that show an instability: one number beside the exact one, which stress has found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gradcheck_cli.checking.shrink.literals import Unwritable
from gradcheck_cli.checking.shrink.transcript import Transcript
from gradcheck_cli.checking.shrink.value_assertions import Wrong, against_number, beside
from gradcheck_cli.judge.instability import Symptom


def of_symptom(
    transcript: Transcript, symptom: Symptom, seeding: Sequence[str]
) -> tuple[Transcript, list[str], list[str]]:
    """The transcript, without the backward where the forward is unstable; statements before it and after it.

    Raises:
        Unwritable: where an output or a gradient cannot be named.
    """
    witness = "exact arithmetic" if symptom.is_exact else "the forward's slope"
    leaf = transcript.case.leaves[symptom.leaf or 0]
    wrong = Wrong(leaf, symptom.index, symptom.yours, symptom.truth, witness)
    if symptom.leaf is not None:
        return transcript, list(seeding), against_number(transcript, wrong)
    if symptom.number >= len(transcript.outputs):
        raise Unwritable("an output inside another one")
    text = transcript.outputs[symptom.number]
    text += f"[{', '.join(map(str, symptom.index))}]" if symptom.index else ""
    return replace(transcript, backward="", upstream=()), list(seeding), beside(transcript, text, wrong)
