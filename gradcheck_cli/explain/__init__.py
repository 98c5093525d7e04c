"""A page for each rule: what it means, the evidence that was asked for, a wrong backward, its mend. Imports no stage.

`pages` holds them in Markdown, and is where they are written; `docs/rules.md` shows them, so that their links start in
`docs`. The programs in them are the files of `docs/examples/rules` and `docs/examples/mended`.
"""
