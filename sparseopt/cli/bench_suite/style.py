"""The look of the page: light and dark, on screen and on paper."""

LIGHT = {
    "paper": "#ffffff", "ink": "#1c2430", "soft": "#57606c", "faint": "#c9d0d8", "panel": "#f4f6f8", "warn": "#fff3d6",
    "s0": "#d1480a", "s1": "#0a6fb5", "s2": "#0b8f6a", "s3": "#7b4fc0", "s4": "#a87800", "s5": "#6b7280",
    "s6": "#c2367f", "s7": "#3b7a1f",
}  # fmt: skip
DARK = {
    "paper": "#12161c", "ink": "#e6eaf0", "soft": "#a3adb9", "faint": "#3d4753", "panel": "#1b212a", "warn": "#40330f",
    "s0": "#ff8b4a", "s1": "#5db3f0", "s2": "#3fcf9f", "s3": "#b896f2", "s4": "#e5bb4b", "s5": "#a9b2bd",
    "s6": "#f07fb5", "s7": "#8fd06a",
}  # fmt: skip


def _variables(colours):
    return ":root {" + " ".join(f"--{name}: {colour};" for name, colour in colours.items()) + "}\n"


STYLE = f"{_variables(LIGHT)}@media (prefers-color-scheme: dark) {{{_variables(DARK)}}}\n" """\
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
main { max-width: 66rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .3rem; }
h2 { font-size: 1.3rem; margin: 2.6rem 0 .6rem; padding-top: .8rem;
  border-top: 1px solid var(--faint); }
h3 { font-size: 1rem; margin: 1.6rem 0 .4rem; color: var(--soft); }
p { max-width: 46rem; margin: .5rem 0; }
.lead { color: var(--soft); margin-bottom: 1.2rem; }
.note { background: var(--warn); padding: .5rem .8rem; border-radius: .4rem; font-size: .92rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(12.5rem, 1fr)); gap: .8rem;
  margin: 1.4rem 0; }
.tile { background: var(--panel); border-radius: .6rem; padding: .9rem 1rem; }
.tile b { display: block; font-size: 1.9rem; line-height: 1.2; color: var(--s0);
  font-variant-numeric: tabular-nums; }
.tile span { display: block; font-size: .84rem; line-height: 1.4; color: var(--soft); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .87rem; width: 100%;
  font-variant-numeric: tabular-nums; }
th, td { padding: .32rem .6rem; text-align: right; border-bottom: 1px solid var(--faint); }
th { color: var(--soft); font-weight: 600; vertical-align: bottom; }
th.words, td.words { text-align: left; }
td { white-space: nowrap; }
td.words { white-space: normal; min-width: 9.5rem; }
a { color: var(--s1); text-decoration: none; }
a:hover { text-decoration: underline; }
td.key { font-weight: 700; color: var(--s0); }
tbody tr:hover { background: var(--panel); }
figure { margin: 1.2rem 0; overflow-x: auto; }
figure svg { display: block; width: 100%; min-width: 34rem; height: auto;
  font-family: system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
svg text { font-family: inherit !important; }
figcaption { font-size: .87rem; color: var(--soft); margin-top: .3rem; }
summary { cursor: pointer; color: var(--soft); font-size: .92rem; padding: .3rem 0; }
pre { background: var(--panel); padding: .8rem 1rem; border-radius: .4rem; overflow-x: auto; }
code, pre { font-family: ui-monospace, SFMono-Regular, Menlo, "DejaVu Sans Mono", monospace;
  font-size: .87em; }
li { max-width: 46rem; margin: .3rem 0; }
@media print {
  body { font-size: 10pt; }
  main { max-width: none; padding: 0; }
  h2, h3 { break-after: avoid; }
  figure, tr, .tile { break-inside: avoid; }
  figure svg { min-width: 0; }
}
"""
# paper is white, whatever the screen
STYLE += f"@media print {{{_variables(LIGHT)}}}\n"

