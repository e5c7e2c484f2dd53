// What the models say, side by side, on prompts chosen by a rule.

import type { Html } from '../html.ts';
import { html } from '../html.ts';
import type { SampleReply, Samples } from '../reportData.ts';
import { modelName, type Section, section } from '../reportLayout.ts';
import { formatNumber, formatSigned } from '../words.ts';

/**
 * The first `count` items of each dimension, in their order: a choice that does not look at the replies.
 * Items without a dimension count as one more dimension.
 */
export function firstOfEach<T extends { dimension: string | null }>(items: ReadonlyArray<T>, count: number): T[] {
  const taken = new Map<string | null, number>();
  return items.filter(({ dimension }) => {
    const before = taken.get(dimension) ?? 0;
    taken.set(dimension, before + 1);
    return before < count;
  });
}

export function samplesSection({ rule, models, items }: Samples): Section {
  return section(
    'samples',
    'Replies side by side',
    html`<p>${rule}</p>`,
    items.map(
      (item) => html`<article class="sample">
<header>${item.dimension === null ? null : html`<span class="tag">${item.dimension}</span>`}
<span class="id">${item.promptId}</span><h3 class="prompt">${item.prompt}</h3></header>
<div class="replies" style="--columns: ${models.length}">${models.map(({ name, role }, i) =>
        replyHtml(modelName(name, role), role, item.replies[i] ?? null),
      )}</div></article>`,
    ),
  );
}

function replyHtml(name: Html, role: string, reply: SampleReply | null): Html {
  if (reply === null) return html`<div class="reply ${role}"><h4>${name}</h4><p class="nothing">no reply</p></div>`;
  const { text, reward, utility, finishReason } = reply;
  return html`<div class="reply ${role}"><h4>${name}</h4>
<p class="text">${text === '' ? html`<span class="nothing">an empty reply</span>` : text}${
    finishReason === 'length' ? html`<span class="cut" title="stopped at the length limit"> … cut off</span>` : null
  }</p>
<dl>${[
    reward === undefined ? null : html`<div><dt>reward</dt><dd>${formatSigned(reward)}</dd></div>`,
    utility === undefined
      ? null
      : html`<div><dt>utility</dt><dd>${formatNumber(utility, 2)}<span class="meter" aria-hidden="true"><span style="width: ${formatShare(utility)}"></span></span></dd></div>`,
  ]}</dl></div>`;
}

const formatShare = (value: number) => `${(Math.min(1, Math.max(0, value)) * 100).toFixed(1)}%`;
