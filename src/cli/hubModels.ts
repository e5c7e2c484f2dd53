// Models that a command line names as owner/name of the hub: fetched into the shared cache, imported into the workspace
// once for each commit, and handed to the command by id, so that every lineage names the commit.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Artifact } from '../core/artifacts.ts';
import { FourfoldError } from '../core/errors.ts';
import { readTextFile } from '../core/jsonl.ts';
import { HubOrigin } from '../core/modelFolder.ts';
import { type HubName, parseHubName } from '../hub/hubName.ts';
import type { Command, CommandContext } from './command.ts';

type Wanted = 'model' | 'tokenizer';
type Context = Pick<CommandContext, 'workspace' | 'path' | 'env' | 'progress' | 'signal' | 'note'>;

/** True for what `models pull` and this frame imported from that commit. */
function isOf(artifact: Artifact, { repository, commit, endpoint }: HubOrigin): boolean {
  const hub = HubOrigin.safeParse(artifact.config.hub).data;
  return hub?.repository === repository && hub.commit === commit && hub.endpoint === endpoint;
}

/** The licence that a repository's card names in its front matter, or null. */
async function licenseOf(dir: string): Promise<string | null> {
  const path = join(dir, 'README.md');
  if (!existsSync(path)) return null;
  const [, front = ''] = /^---\r?\n(.*?)\r?\n---/s.exec(await readTextFile(path)) ?? [];
  return /^license: *["']?([A-Za-z0-9][A-Za-z0-9.+-]*)/m.exec(front)?.[1] ?? null;
}

/** The artefact of an adapter, its base fetched as well, or null where the folder has a whole model. */
async function adapterFrom(dir: string, hub: HubOrigin, context: Context): Promise<Artifact | null> {
  const { isAdapterFolder, readPeftConfig } = await import('../model/lora/peftFolder.ts');
  if (!isAdapterFolder(dir)) return null;
  const { base } = await readPeftConfig(dir);
  const baseName = parseHubName(base ?? '');
  if (baseName === null) {
    throw new FourfoldError(
      'bad-model',
      `${hub.repository}: expected base_model_name_or_path as owner/name, got ${JSON.stringify(base)}. Use: fourfold models import DIR --base MODEL.`,
    );
  }
  const { id } = await importFromHub(baseName, 'model', context);
  const [{ importAdapter }, { resolveModel }] = await Promise.all([
    import('./adapterFolders.ts'),
    import('../store/references.ts'),
  ]);
  const workspace = await context.workspace();
  return importAdapter(workspace.artifacts, dir, resolveModel(workspace, id), { hub });
}

/** The artefact of a model or tokenizer of the hub, fetched and imported where the workspace does not have it. */
export async function importFromHub(name: HubName, wanted: Wanted, context: Context): Promise<Artifact> {
  const [{ hubEnvironment }, { pullModel }, { importModel, importTokenizer }] = await Promise.all([
    import('../hub/environment.ts'),
    import('../hub/pull.ts'),
    import('./modelFolders.ts'),
  ]);
  const hub = await hubEnvironment(context.env);
  const { progress, signal, note } = context;
  const { dir, commit } = await pullModel({ hub, name, wanted, progress, signal, note });
  const { artifacts } = await context.workspace();
  const origin: HubOrigin = { ...name, commit, endpoint: hub.endpoint, license: await licenseOf(dir) };
  const kinds = wanted === 'tokenizer' ? ['tokenizer'] : ['model', 'reward-model'];
  const known = artifacts.all().find((artifact) => kinds.includes(artifact.kind) && isOf(artifact, origin));
  if (known !== undefined) return known;
  const options = { config: { hub: origin }, isHubCache: true };
  if (wanted === 'tokenizer') return importTokenizer(artifacts, dir, options);
  const artifact = (await adapterFrom(dir, origin, context)) ?? (await importModel(artifacts, dir, options)).artifact;
  note(`${artifact.id}: ${name.repository}, commit ${commit.slice(0, 12)}`);
  return artifact;
}

/** 'NAME=REFERENCE' gives a model another name, where a command serves it; any other text is the reference. */
export function withoutAlias(text: string): { alias: string | null; reference: string } {
  const [, alias, reference] = /^([A-Za-z0-9][A-Za-z0-9._:-]*)=(.+)$/.exec(text) ?? [];
  return alias === undefined || reference === undefined ? { alias: null, reference: text } : { alias, reference };
}

/**
 * The values with every hub name replaced by the id of its model. A folder of that name comes first.
 * @throws as pullModel and importModel; bad-option, before anything is fetched, where the values do not fit the command
 */
export async function withHubModels(
  values: Record<string, unknown>,
  { hubNames, prepare }: Pick<Command, 'hubNames' | 'prepare'>,
  context: Context,
): Promise<Record<string, unknown>> {
  const nameOf = (value: unknown): HubName | null => {
    const { reference } = withoutAlias(String(value));
    const name = typeof value === 'string' ? parseHubName(reference) : null;
    return name === null || existsSync(context.path(reference)) ? null : name;
  };
  const asId = async (value: unknown, wanted: Wanted): Promise<unknown> => {
    if (Array.isArray(value)) {
      const ids: unknown[] = [];
      for (const item of value) ids.push(await asId(item, wanted));
      return ids;
    }
    const name = nameOf(value);
    if (name === null) return value;
    const { alias } = withoutAlias(String(value));
    const { id } = await importFromHub(name, wanted, context);
    return alias === null ? id : `${alias}=${id}`;
  };
  const found = Object.entries(hubNames).filter(([key]) =>
    [values[key]].flat().some((value) => nameOf(value) !== null),
  );
  if (found.length === 0) return values;
  if (values.resume === undefined) prepare(values);
  const changed = { ...values };
  for (const [key, wanted] of found) if (wanted !== undefined) changed[key] = await asId(values[key], wanted);
  return changed;
}
