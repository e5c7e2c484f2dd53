// `fourfold serve --model`: loads the models and answers as OpenAI's interface does until Ctrl-C.
import { once } from 'node:events';
import type { BackendName } from '../core/backendName.ts';
import { FourfoldError } from '../core/errors.ts';
import { HubOrigin } from '../core/modelFolder.ts';
import type { ServedModel } from '../serve/servedModel.ts';
import type { ModelReference } from '../store/references.ts';
import type { CommandContext } from './command.ts';
import { withoutAlias } from './hubModels.ts';
import { startJob } from './startJob.ts';

export interface ServeModelsConfig {
  model: ReadonlyArray<string>;
  maxBatch: number;
  host: string;
  port: number;
  allowRemote: boolean;
  backend: BackendName;
  threads: number;
}

/** What requests may call a model: its alias, or its id or folder's name; and its name on the hub. */
function namesOf(alias: string | null, { name, artifact }: ModelReference): string[] {
  const hub = HubOrigin.safeParse(artifact?.config.hub).data;
  return alias === null ? [name, ...(hub === undefined ? [] : [hub.repository])] : [alias];
}

/** @throws bad-option where two models have one name. */
function checkNames(names: ReadonlyArray<string>): void {
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice === undefined) return;
  throw new FourfoldError(
    'bad-option',
    `--model: two models are called ${twice}. Give one another name: --model NAME=${twice}.`,
  );
}

/** Serves until the signal is aborted. @throws bad-option, not-found, bad-model, conflict. */
export async function serveModels(context: CommandContext, config: ServeModelsConfig): Promise<void> {
  const { env, json, signal, print, note } = context;
  const { checkAddress, startModelServer } = await import('../serve/server.ts');
  const apiKey = env.FOURFOLD_API_KEY || null;
  const { host, port, allowRemote, maxBatch } = config;
  checkAddress({ host, allowRemote, apiKey });
  const { loadServedModel } = await import('../serve/servedModel.ts');
  const { resolveModel } = await import('../store/references.ts');
  const job = await startJob(context, config);
  const wanted = config.model.map((text) => {
    const { alias, reference } = withoutAlias(text);
    const found = resolveModel(job.workspace, reference, context.path, 'model');
    return { names: namesOf(alias, found), dir: found.dir, createdAt: found.artifact?.createdAt };
  });
  checkNames(wanted.flatMap(({ names }) => names));
  const models: ServedModel[] = [];
  try {
    for (const { names, dir, createdAt } of wanted) {
      models.push(await loadServedModel({ names, dir, maxBatch, ...(createdAt === undefined ? {} : { createdAt }) }));
    }
    const server = await startModelServer({ models, apiKey, host, port, allowRemote, note });
    const names = models.flatMap((model) => model.names);
    print(
      json ? JSON.stringify({ url: server.url, models: names }) : `Serving ${names.join(', ')} at ${server.url}/v1`,
    );
    if (apiKey === null) note('No key is asked for. Set FOURFOLD_API_KEY to ask for one.');
    if (!signal.aborted) await once(signal, 'abort');
    await server.close();
  } catch (error) {
    for (const model of models) await model.close();
    throw error;
  }
}
