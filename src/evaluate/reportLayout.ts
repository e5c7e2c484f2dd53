// The parts that every section of the report is made of: sections, figures with their finding, tables, tags.
import { type Html, type HtmlValue, html } from './html.ts';
import type { ModelRole } from './reportData.ts';

/** One section of the report; `id` is its anchor. */
export interface Section {
  id: string;
  /** In the table of contents. */
  name: string;
  content: Html;
}

export function section(id: string, title: string, ...content: HtmlValue[]): Section {
  return {
    id,
    name: title,
    content: html`<section id="${id}" aria-labelledby="${id}-title">
<h2 id="${id}-title">${title}</h2>
${content}
</section>`,
  };
}

/** A drawing under its title, over the finding in words. */
export function figure(title: string, finding: string, drawing: Html, kind: 'half' | 'small' = 'half'): Html {
  return html`<figure class="${kind}"><h3>${title}</h3>${drawing}<figcaption>${finding}</figcaption></figure>`;
}

export interface Column {
  title: string;
  /** Figures are set flush right. */
  isNumber?: boolean;
  /** Sentences, which may break into lines. */
  isLong?: boolean;
}

/** A table that scrolls sideways by itself on a narrow screen; the first cell of a row heads it. */
export function table(caption: string, columns: ReadonlyArray<Column>, rows: ReadonlyArray<HtmlValue[]>): Html {
  const cls = (column: number) =>
    columns[column]?.isNumber === true ? 'number' : columns[column]?.isLong === true ? 'long' : 'text';
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${caption}"><table>
<caption>${caption}</caption>
<thead><tr>${columns.map(({ title }, i) => html`<th scope="col" class="${cls(i)}">${title}</th>`)}</tr></thead>
<tbody>${rows.map(
    (row) =>
      html`<tr>${row.map((cell, i) =>
        i === 0 ? html`<th scope="row" class="${cls(i)}">${cell}</th>` : html`<td class="${cls(i)}">${cell}</td>`,
      )}</tr>`,
  )}</tbody></table></div>`;
}

/** A model's name with its colour and its mark. */
export function modelName(name: string, role: ModelRole): Html {
  return html`<span class="model ${role}"><span class="mark" aria-hidden="true"></span>${name}</span>`;
}

/** What stands for a figure that there is not. */
export const NOTHING = html`<span class="nothing">–</span>`;

/** 'a, b and c' */
export function listed(parts: ReadonlyArray<string>): string {
  return parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1) ?? ''}`;
}
