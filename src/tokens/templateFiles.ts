// Where a model's folder keeps its chat templates: chat_template.jinja and additional_chat_templates/NAME.jinja, or
// tokenizer_config.json (one text, or a list of named ones), or chat_template.json.
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { parseJson, parseWith, readTextFile } from '../core/jsonl.ts';
import type { NamedTemplates } from './chatTemplate.ts';

export const TEMPLATE_FOLDER = 'additional_chat_templates';
const FILE = 'chat_template.jinja';
const JSON_FILE = 'chat_template.json';
const EXTENSION = '.jinja';

/** `chat_template` as tokenizer_config.json may have it. */
export const TemplateSetting = z
  .union([
    z.string(),
    z.array(z.looseObject({ name: z.string(), template: z.string() })),
    z.record(z.string(), z.string()).refine((templates) => Object.keys(templates).length > 0, 'expected a template'),
  ])
  .nullish();

function named(setting: z.infer<typeof TemplateSetting>): NamedTemplates | null {
  if (setting === null || setting === undefined) return null;
  if (typeof setting === 'string') return { default: setting };
  if (!Array.isArray(setting)) return setting;
  return Object.fromEntries(setting.map(({ name, template }) => [name, template]));
}

async function fromFiles(dir: string): Promise<NamedTemplates | null> {
  const templates: Record<string, string> = {};
  if (existsSync(join(dir, FILE))) templates.default = await readTextFile(join(dir, FILE));
  const folder = join(dir, TEMPLATE_FOLDER);
  for (const name of existsSync(folder) ? (await readdir(folder)).sort() : []) {
    if (!name.endsWith(EXTENSION)) continue;
    templates[name.slice(0, -EXTENSION.length)] = await readTextFile(join(folder, name));
  }
  return Object.keys(templates).length === 0 ? null : templates;
}

/** The folder's templates by name, or null where there is none. @param setting chat_template of tokenizer_config.json */
export async function readTemplates(
  dir: string,
  setting: z.infer<typeof TemplateSetting>,
): Promise<NamedTemplates | null> {
  const files = await fromFiles(dir);
  if (files !== null) return files;
  const path = join(dir, JSON_FILE);
  if (setting !== null && setting !== undefined) return named(setting);
  if (!existsSync(path)) return null;
  const json = z.looseObject({ chat_template: TemplateSetting });
  return named(parseWith(json, parseJson(await readTextFile(path), path), path).chat_template);
}
