/**
 * How a report looks, and text that is safe in it.
 *
 * @module
 */

/** The style sheet, for bright and dark screens. */
export const reportStyle: string = `
:root{color-scheme:light dark;--line:#8883;--quiet:#8b8b8b;--soft:#8881;
  font:15px/1.5 system-ui,"Noto Sans CJK SC","PingFang SC","Microsoft YaHei",sans-serif}
body{max-width:1080px;margin:2rem auto;padding:0 1rem}
h1{margin:0;font-size:1.6rem}h2{margin:2.5rem 0 .75rem;font-size:1.15rem}p{margin:0}.quiet{color:var(--quiet);font-size:.85em}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(12rem,1fr));gap:.75rem;margin:1.25rem 0}
.facts div{background:var(--soft);border-radius:8px;padding:.6rem .9rem}
dt{font-size:.85em}dd{margin:0;font-size:1.5rem;font-variant-numeric:tabular-nums}
.charts{display:grid;grid-template-columns:1fr 1fr;gap:1rem 1.5rem}figure{margin:0;min-width:0}.wide{grid-column:1/-1}
figcaption{font-weight:600;font-size:.9em}figcaption span{font-weight:400;margin-left:.8em}
svg{width:100%;font-size:11px;fill:currentColor;font-variant-numeric:tabular-nums}.grid{stroke:var(--line)}
table{border-collapse:collapse;width:100%}
td,th{border-top:1px solid var(--line);padding:.25rem .6rem;text-align:left;vertical-align:top;font-weight:400}
th{color:var(--quiet);white-space:nowrap;width:1%;font-variant-numeric:tabular-nums}td{overflow-wrap:anywhere}
.sample{display:grid;grid-template-columns:170px 1fr;gap:1rem;border-top:1px solid var(--line);padding:1rem 0}
.sample img{max-width:170px;max-height:170px;border-radius:6px;display:block;margin-bottom:.4rem}
.prompt{font-weight:600;margin-bottom:.4rem}.expected td{font-weight:600}
.values td{font-family:ui-monospace,monospace;font-size:.85em}
@media(max-width:700px){.charts,.sample{grid-template-columns:1fr}}
`.replaceAll(/\n\s*/g, "");

/** Text in which no sign means anything to HTML. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.codePointAt(0)};`);
}
