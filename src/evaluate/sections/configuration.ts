// How to do it again: configuration, commands, and what to do next.
import { html } from '../html.ts';
import type { Command } from '../reportData.ts';
import { type Section, section } from '../reportLayout.ts';

export function configurationSection(configuration: Record<string, Record<string, unknown>>): Section {
  return section(
    'configuration',
    'Configuration',
    html`<p>The resolved configuration of each command.</p>`,
    Object.entries(configuration).map(
      ([name, values]) =>
        html`<details><summary>${name}</summary><dl class="settings">${Object.entries(values).map(
          ([key, value]) => html`<div><dt>${key}</dt><dd>${settingText(value)}</dd></div>`,
        )}</dl></details>`,
    ),
  );
}

const settingText = (value: unknown): string => (typeof value === 'string' ? value : (JSON.stringify(value) ?? '–'));

/** A list of steps, each with the command that does it. */
export function commandsSection(id: string, title: string, commands: ReadonlyArray<Command>): Section {
  return section(
    id,
    title,
    html`<ol class="commands">${commands.map(
      ({ text, command }) =>
        html`<li><span>${text}</span>${command === undefined ? null : html`<pre tabindex="0"><code>${command}</code></pre>`}</li>`,
    )}</ol>`,
  );
}
