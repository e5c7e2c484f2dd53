// The report's style sheet: quiet type, one colour a model, light and dark, phone and paper.

const LIGHT = `
--paper: #fbfaf7; --card: #ffffff; --ink: #22252a; --muted: #666b73; --grid: #e9e6df; --rule: #b9b4a8;
--base: #858b94; --sft: #2c6cb0; --policy: #c2552a; --other: #7d5ba6; --good: #2f7d4f; --bad: #b3352c;
--good-wash: #edf5ef; --bad-wash: #fbefed; --wash: #f3f1eb;`;

const DARK = `
--paper: #16181b; --card: #1d2024; --ink: #e6e4de; --muted: #a3a7ae; --grid: #2c3035; --rule: #565b63;
--base: #9aa1ab; --sft: #72abe8; --policy: #ee8f63; --other: #b598dc; --good: #74c495; --bad: #f08a80;
--good-wash: #1a2620; --bad-wash: #2b1d1c; --wash: #202327;`;

const PAGE = `
*, *::before, *::after { box-sizing: border-box; }
html { scroll-behavior: smooth; -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink); line-height: 1.55; font: 16px/1.55 var(--sans);
  --serif: "Iowan Old Style", "Palatino Linotype", Palatino, "URW Palladio L", P052, Georgia, "Times New Roman", serif;
  --sans: system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", Arial, sans-serif;
  --mono: ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace; font-family: var(--sans); }
main, .top, footer { max-width: 1080px; margin: 0 auto; padding: 0 24px; }
h1, h2, .stamp { font-family: var(--serif); font-weight: 600; line-height: 1.2; text-wrap: balance; }
h1 { font-size: 2.4rem; margin: 0; letter-spacing: -0.01em; }
h2 { font-size: 1.6rem; margin: 0 0 .5rem; }
h3 { font-size: .95rem; margin: 0 0 .4rem; font-weight: 600; }
p { margin: 0 0 .9rem; max-width: 44em; text-wrap: pretty; }
a { color: inherit; text-decoration-color: var(--rule); text-underline-offset: .2em; }
a:hover { text-decoration-color: currentColor; }
:focus-visible { outline: 2px solid var(--sft); outline-offset: 3px; border-radius: 3px; }
small { color: var(--muted); font-size: .85em; }
code { font-family: var(--mono); font-size: .88em; overflow-wrap: anywhere; }
.nothing, .cut { color: var(--muted); }
.top { padding-top: 56px; padding-bottom: 28px; }
.product { font-weight: 600; margin: 0 0 1.6rem; }
.product span { font-weight: 400; color: var(--muted); margin-left: .6em; }
.subtitle { font-family: var(--serif); font-size: 1.2rem; color: var(--muted); margin: .5rem 0 0; }
.when { color: var(--muted); font-size: .88rem; margin: .6rem 0 0; }
section { padding: 44px 0 8px; scroll-margin-top: 8px; }
section + section { border-top: 1px solid var(--grid); margin-top: 36px; }
footer { color: var(--muted); font-size: .88rem; padding-top: 40px; padding-bottom: 56px; }
nav { margin-top: 28px; font-size: .92rem; }
nav ul { list-style: none; display: flex; flex-wrap: wrap; gap: 6px 20px; margin: 0; padding: 0; }
nav + section { margin-top: 0; }`;

const HEADLINE = `
#headline { padding: 0; border: 0; margin: 0; }
.verdict { border-radius: 10px; padding: 20px 24px; background: var(--good-wash); display: flex; gap: 8px 32px; flex-wrap: wrap; align-items: baseline; }
.failed .verdict { background: var(--bad-wash); }
.stamp { font-size: 1.7rem; margin: 0; color: var(--good); }
.failed .stamp { color: var(--bad); }
.verdict ul { margin: 0; padding: 0 0 0 1.1em; flex: 1 1 24em; }
.verdict li::marker { color: var(--muted); }
.verdict li:is(.met, .missed) { list-style: none; padding-left: .3em; }
.verdict .sign { display: inline-block; width: 1.4em; margin-left: -1.4em; font-weight: 700; color: var(--good); }
.verdict .missed .sign { color: var(--bad); }
.tiles { display: grid; grid-template-columns: repeat(3, 1fr); gap: 1px; margin: 20px 0 0; background: var(--card); border: 1px solid var(--grid); border-radius: 10px; overflow: hidden; }
.tiles > div { box-shadow: 0 0 0 1px var(--grid); padding: 16px 20px 18px; }
.tiles dt { color: var(--muted); font-size: .88rem; }
.tiles dd { margin: 2px 0 0; }
.tiles strong { display: block; font: 600 1.75rem/1.25 var(--serif); font-variant-numeric: lining-nums tabular-nums; }
.tiles dd span { display: block; color: var(--muted); font-size: .85rem; line-height: 1.4; margin-top: 2px; }`;

const FIGURES = `
.pair, .triple { display: grid; gap: 28px 40px; margin-top: 16px; align-items: start; }
.pair { grid-template-columns: repeat(auto-fit, minmax(min(100%, 400px), 1fr)); }
.triple { grid-template-columns: repeat(auto-fit, minmax(min(100%, 280px), 1fr)); margin-top: 28px; }
.pair > *, .triple > * { min-width: 0; }
figure { margin: 0; }
figure.half { max-width: 490px; }
figcaption { color: var(--muted); font-size: .88rem; line-height: 1.45; margin-top: 6px; max-width: 40em; text-wrap: pretty; }
.chart { display: block; width: 100%; height: auto; font-family: var(--sans); }
.legend { display: flex; flex-wrap: wrap; gap: 4px 22px; margin-bottom: 0; }
.model { display: inline-flex; align-items: center; gap: .5em; font-weight: 600; white-space: nowrap; }
.mark { width: .68em; height: .68em; border-radius: 50%; background: var(--other); flex: none; }
.base .mark { background: var(--base); }
.sft .mark { background: var(--sft); border-radius: 1px; }
.policy .mark { background: var(--policy); border-radius: 1px; transform: rotate(45deg); }
.scroll { overflow-x: auto; margin-top: 16px; }
.pair .scroll { margin-top: 0; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; font-size: .95rem; padding-bottom: .4rem; }
th, td { padding: 8px 12px; border-bottom: 1px solid var(--grid); text-align: left; vertical-align: baseline; }
th:first-child { padding-left: 0; } th:last-child, td:last-child { padding-right: 0; }
thead th { color: var(--muted); font-weight: 500; font-size: .85rem; vertical-align: bottom; }
tbody th { font-weight: 500; white-space: nowrap; }
time { white-space: nowrap; }
.number { text-align: right; white-space: nowrap; } .number small { display: block; line-height: 1.3; }
.text { white-space: nowrap; } td.long { min-width: 14em; }
thead th.number { white-space: normal; min-width: 5.5em; }
.tag { display: inline-block; font-size: .78rem; line-height: 1.5; color: var(--muted); background: var(--wash); border-radius: 4px; padding: 0 .5em; white-space: nowrap; }`;

const SAMPLES = `
.sample { margin-top: 32px; break-inside: avoid; }
.sample header { margin-bottom: 12px; }
.sample .id { color: var(--muted); font-size: .8rem; margin-left: .5em; }
h3.prompt { font: 1.18rem/1.45 var(--serif); margin: 6px 0 0; white-space: pre-wrap; overflow-wrap: anywhere; }
.replies { display: grid; grid-template-columns: repeat(var(--columns), minmax(0, 1fr)); gap: 14px; }
.reply { background: var(--card); border: 1px solid var(--grid); border-radius: 8px; padding: 12px 16px 12px; display: flex; flex-direction: column; }
.reply h4 { margin: 0 0 6px; font-size: .88rem; }
.reply .text { white-space: pre-wrap; overflow-wrap: anywhere; flex: 1; margin-bottom: 10px; }
.reply dl { display: flex; flex-wrap: wrap; gap: 2px 18px; margin: 0; font-size: .84rem; color: var(--muted); font-variant-numeric: tabular-nums; }
.reply dl div { display: flex; gap: .45em; align-items: center; }
.reply dd { margin: 0; color: var(--ink); display: flex; align-items: center; gap: .5em; }
.meter { width: 44px; height: 5px; border-radius: 3px; background: var(--grid); overflow: hidden; }
.meter span { display: block; height: 100%; background: var(--base); }
.sft .meter span { background: var(--sft); } .policy .meter span { background: var(--policy); } .other .meter span { background: var(--other); }`;

const TREE = `
.tree, .tree ul { list-style: none; margin: 0; padding: 0; }
.tree { margin-top: 16px; }
.tree ul { margin-left: 10px; padding-left: 22px; }
.tree ul > li { position: relative; }
.tree ul > li::before { content: ""; position: absolute; left: -22px; top: 0; height: 19px; width: 16px; border-left: 1px solid var(--rule); border-bottom: 1px solid var(--rule); border-bottom-left-radius: 6px; }
.tree ul > li:not(:last-child)::after { content: ""; position: absolute; left: -22px; top: 0; bottom: 0; border-left: 1px solid var(--rule); }
.node { display: inline-block; padding: 6px 0; line-height: 1.5; }
.node code, .node.again, .node.missing { color: var(--muted); }
.node small { display: block; }
details { border-bottom: 1px solid var(--grid); }
summary { padding: 10px 0; cursor: pointer; font-weight: 600; }
.settings { columns: 2 340px; column-gap: 40px; margin: 0 0 16px; font-size: .9rem; }
.settings div { display: flex; justify-content: space-between; gap: 16px; padding: 3px 0; break-inside: avoid; }
.settings dt { color: var(--muted); }
.settings dd { margin: 0; text-align: right; font-family: var(--mono); font-size: .88em; overflow-wrap: anywhere; min-width: 0; }
.commands { padding-left: 1.3em; max-width: 760px; }
.commands li { margin-bottom: 12px; } .commands li::marker { color: var(--muted); }
pre { margin: 6px 0 0; padding: 10px 14px; background: var(--wash); border-radius: 6px; overflow-x: auto; }
pre code { overflow-wrap: normal; }`;

const MEDIA = `
@media (max-width: 720px) {
  main, .top, footer { padding-left: 16px; padding-right: 16px; }
  .top { padding-top: 28px; padding-bottom: 20px; } .product { margin-bottom: 1rem; }
  h1 { font-size: 1.8rem; } h2 { font-size: 1.35rem; } .subtitle { font-size: 1.05rem; }
  section { padding-top: 32px; } section + section { margin-top: 28px; }
  .product span { display: block; margin: 0; font-size: .88rem; }
  .tiles { grid-template-columns: 1fr 1fr; } .tiles > div { padding: 12px 14px 14px; } .tiles strong { font-size: 1.4rem; }
  .verdict { padding: 16px 18px; }
  .replies { grid-template-columns: 1fr; gap: 8px; }
  .tree ul { margin-left: 4px; padding-left: 16px; } .tree ul > li::before, .tree ul > li:not(:last-child)::after { left: -16px; } .tree ul > li::before { width: 12px; }
  .settings { columns: 1; }
}
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }`;

const PRINT = `
@media print {
  @page { margin: 16mm; }
  body { font-size: 10pt; background: none; } main, .top, footer { max-width: none; padding-left: 0; padding-right: 0; }
  nav { display: none; } .top { padding-top: 0; }
  figure, .sample, tr, .verdict, .tiles { break-inside: avoid; } h2, h3 { break-after: avoid; }
  .pair { grid-template-columns: 1fr 1fr; } .triple { grid-template-columns: 1fr 1fr 1fr; }
  details::details-content { content-visibility: visible; block-size: auto; }
  table { font-size: 8.5pt; } th, td { padding: 4px 6px; } .pair, .triple { gap: 16px 20px; }
  .scroll, pre { overflow: visible; } pre code { white-space: pre-wrap; }
}`;

/** The whole sheet. Dark is for screens only: paper is light. */
export const REPORT_STYLE = [
  `:root { color-scheme: light dark; ${LIGHT} }`,
  `@media screen and (prefers-color-scheme: dark) { :root { ${DARK} } }`,
  PAGE,
  HEADLINE,
  FIGURES,
  SAMPLES,
  TREE,
  MEDIA,
  PRINT,
].join('\n');
