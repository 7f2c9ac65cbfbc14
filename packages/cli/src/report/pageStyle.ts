/**
 * How the page of a report looks: on a screen by day and by night, on a phone, on paper.
 */

/** The style sheet of the page. It asks for nothing: the fonts are those of the machine. */
export const pageStyle = `
:root{color-scheme:light dark;--bg:#fff;--soft:#f6f8fa;--text:#1f2328;--dim:#59636e;--rule:#d1d9e0;--bad:#b62324;--bad-bg:#fff1ef;--good:#1a7f37;
--c1:#0969da;--c2:#8250df;--c3:#bc4c00;--c4:#1a7f37;--c5:#9a6700;--c6:#6e7781;--wait:#b8c0c9;--cold:#6cb2f5;--ramp:#e0b341;--steady:#2da44e;--tail:#e08a4a;--drain:#a58be0}
@media (prefers-color-scheme:dark){:root{--bg:#0d1117;--soft:#161b22;--text:#e6edf3;--dim:#9aa4af;--rule:#30363d;--bad:#ff8a80;--bad-bg:#2d1517;--good:#3fb950;
--c1:#58a6ff;--c2:#bc8cff;--c3:#f0883e;--c4:#3fb950;--c5:#d29922;--c6:#8b949e;--wait:#484f58;--cold:#2f74c0;--ramp:#a88420;--steady:#23863a;--tail:#b0622a;--drain:#7358b8}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--bg);color:var(--text);font:15px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
main{max-width:920px;margin:0 auto;padding:28px 20px 48px}
header p{margin:2px 0 0;color:var(--dim);overflow-wrap:anywhere}
h1{font-size:24px;line-height:1.25;margin:0;overflow-wrap:anywhere}
h2{font-size:17px;margin:36px 0 10px;padding-top:14px;border-top:1px solid var(--rule)}
h3{font-size:14px;margin:20px 0 6px;overflow-wrap:anywhere}
p{margin:8px 0}
.badge{display:inline-block;font-size:13px;font-weight:600;line-height:1.5;padding:0 10px;border-radius:12px;border:1px solid currentColor;color:var(--good);vertical-align:3px;margin-left:8px;white-space:nowrap}
.badge.bad{color:var(--bad)}
.facts{display:grid;grid-template-columns:repeat(4,1fr);gap:12px;margin:20px 0 16px;padding:0}
.facts div{background:var(--soft);border:1px solid var(--rule);border-radius:8px;padding:12px 14px;min-width:0}
.facts dt{color:var(--dim);font-size:13px}
.facts dd{margin:0}
.facts .value{font-size:25px;font-weight:600;line-height:1.3;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
.facts .bad .value{color:var(--bad)}
.facts .note{color:var(--dim);font-size:13px;line-height:1.4}
.box{border:1px solid var(--rule);border-left:4px solid var(--c1);border-radius:6px;padding:10px 14px;margin:12px 0;overflow-wrap:anywhere}
.box.bad{border-left-color:var(--bad);background:var(--bad-bg)}
.box ul{margin:4px 0 0;padding-left:20px}
.box strong{font-size:14px}
.stack svg{display:block;width:100%;height:30px;border-radius:6px}
.plot{display:grid;grid-template-columns:auto minmax(0,1fr);column-gap:8px;margin:14px 0 4px}
.plot svg{width:100%;height:170px;display:block;overflow:visible}
.ys{position:relative;width:58px}
.ys .y{position:absolute;right:0;transform:translateY(50%)}
.xs{grid-column:2;position:relative;height:22px}
.xs .x{position:absolute;top:4px;transform:translateX(-50%)}
.xs .x:first-child{transform:none}
.ys,.xs{color:var(--dim);font-size:12px;line-height:1;white-space:nowrap;font-variant-numeric:tabular-nums}
.key{display:flex;flex-wrap:wrap;gap:4px 16px;margin:4px 0 8px;color:var(--dim);font-size:13px}
.key i,td i{display:inline-block;width:12px;height:12px;border-radius:3px;margin-right:6px;vertical-align:-1px}
svg *{vector-effect:non-scaling-stroke}
.grid{stroke:var(--rule);stroke-width:1}
.line{fill:none;stroke-width:2;stroke-linejoin:round}
.area{stroke:none;opacity:.14}
.band{opacity:.13}
${[1, 2, 3, 4, 5, 6].map((n) => `.line.c${n}{stroke:var(--c${n})}.area.c${n},.bar.c${n}{fill:var(--c${n})}i.c${n}{background:var(--c${n})}`).join("\n")}
${["wait", "cold", "ramp", "steady", "tail", "drain"].map((name) => `rect.${name}{fill:var(--${name})}i.${name}{background:var(--${name})}`).join("\n")}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;margin:10px 0;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:6px 14px 6px 0;border-bottom:1px solid var(--rule);vertical-align:top}
th{color:var(--dim);font-weight:500;font-size:13px}
td:first-child{min-width:5em}
td.n,th.n{text-align:right;white-space:nowrap}
th:last-child,td:last-child{padding-right:0}
td.dim{color:var(--dim)}
code,pre{font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
pre{background:var(--soft);border:1px solid var(--rule);border-radius:6px;padding:10px 12px;white-space:pre-wrap;overflow-wrap:anywhere;margin:8px 0}
code{overflow-wrap:anywhere}
.failure{margin:14px 0}
.failure h3{margin:0 0 2px}
.failure ul{margin:4px 0;padding-left:20px}
.failure li{margin:4px 0;overflow-wrap:anywhere}
.pair{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1fr);gap:0 32px}
.facts-list{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:4px 20px;margin:10px 0}
.facts-list dt{color:var(--dim)}
.facts-list dd{margin:0;overflow-wrap:anywhere}
.dim{color:var(--dim)}
@media (max-width:720px){main{padding:20px 14px 40px}.facts{grid-template-columns:1fr 1fr;gap:10px}.pair{grid-template-columns:minmax(0,1fr)}.about{display:none}.ys{width:48px}.facts .value{font-size:22px}.facts-list{column-gap:14px}}
@media (max-width:360px){.facts .value{font-size:18px}}
@media print{:root{--bg:#fff;--soft:#fff;--text:#000;--dim:#444;--rule:#bbb}body{font-size:11pt}main{max-width:none;padding:0}h2,h3,.key{break-after:avoid}.plot,.facts,.failure,.stack,tr,.box{break-inside:avoid}svg,i,.box,.facts div{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
`
