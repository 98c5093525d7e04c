"""The page's style sheet. Every colour of text has a contrast of at least 4.5 to 1 on what it stands on."""

from __future__ import annotations

STYLE = """
:root {
  color-scheme: light dark;
  --page: #ffffff; --panel: #f5f6f8; --line: #d3d9e0; --text: #1b1f24; --quiet: #555f6b;
  --pass: #17692e; --fail: #b3211a; --inconclusive: #7a4f00; --error: #6f389b;
  --heat: #c62f26; --cell: #e4e8ed; --link: #0b5cad;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14171c; --panel: #1e232b; --line: #3a424d; --text: #e7eaef; --quiet: #a6b0bd;
    --pass: #63d486; --fail: #ff958b; --inconclusive: #e8b84b; --error: #d6b0ff;
    --heat: #ff6f61; --cell: #2b323c; --link: #85bcff;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 60rem;
  background: var(--page); color: var(--text);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
  overflow-wrap: anywhere;
}
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .25rem; }
h2 { font-size: 1.2rem; line-height: 1.3; margin: 0 0 .25rem; }
h3 { font-size: 1rem; margin: 1.25rem 0 .25rem; }
h3 .quiet { font-weight: 400; }
p { margin: .25rem 0 .75rem; }
a { color: var(--link); }
code, pre { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: .9em; }
pre { margin: .5rem 0 1rem; padding: .75rem; background: var(--panel); border-radius: .4rem; white-space: pre; }
.scroll, pre { overflow-x: auto; max-width: 100%; overflow-wrap: normal; }
.scroll:focus-visible, pre:focus-visible, a:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
.quiet { color: var(--quiet); }
.whole { white-space: nowrap; }
.pass, .fail, .inconclusive, .error { font-weight: 600; white-space: nowrap; }
.pass { color: var(--pass); } .fail { color: var(--fail); }
.inconclusive { color: var(--inconclusive); } .error { color: var(--error); }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .75rem .3rem 0; text-align: left; vertical-align: top; }
th { color: var(--quiet); font-weight: 400; border-bottom: 1px solid var(--line); }
th:last-child, td:last-child { padding-right: 0; }
.number { text-align: right; }
td.number { white-space: nowrap; }
.summary { width: 100%; margin: 1rem 0; }
.summary tr:has(td:first-child:not(:empty)) td { border-top: 1px solid var(--line); }
.elements td, .elements th { white-space: nowrap; }
section { margin-top: 2rem; padding-top: 1.25rem; border-top: 3px solid var(--line); }
section.fail, section.error, section.inconclusive { color: inherit; font-weight: inherit; white-space: normal; }
section.fail { border-color: var(--fail); } section.error { border-color: var(--error); }
section.inconclusive { border-color: var(--inconclusive); }
.finding { margin: 1rem 0; padding: .1rem 0 .1rem .9rem; border-left: 3px solid var(--line); }
.finding h3 { margin-top: 0; }
dl { margin: .25rem 0; display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .1rem .75rem; }
dt { color: var(--quiet); } dd { margin: 0; }
.maps { display: flex; flex-wrap: wrap; gap: 1.25rem 2.5rem; margin: 1rem 0; }
figure { margin: 0; flex: 0 1 20rem; min-width: 0; }
figcaption { margin-top: .4rem; font-size: .875rem; color: var(--quiet); }
svg { display: block; max-width: 100%; height: auto; }
.cell { fill: var(--cell); } .grid { stroke: var(--page); stroke-width: 1; fill: none; } .heat { fill: var(--heat); }
ul { padding-left: 1.2rem; margin: .5rem 0; }
@media (max-width: 40rem) {
  body { padding: 1rem .75rem 3rem; }
  .summary :is(th, td):last-child { display: none; }
  th, td { padding-right: .5rem; }
  .summary, .elements { font-size: .85rem; }
  pre { font-size: .8rem; }
}
@media print { body { max-width: none; } pre { white-space: pre-wrap; } section { break-inside: avoid; } }
"""
