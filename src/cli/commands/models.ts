// fourfold models: model folders (config.json, model.safetensors, tokenizer) in and out of the workspace.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { FourfoldError } from '../../core/errors.ts';
import { DTYPE_NAMES } from '../../model/numberFormats.ts';
import { defineCommand } from '../command.ts';
import { tableText } from '../table.ts';

const list = defineCommand({
  name: 'models list',
  describe: 'List the models and reward models of the workspace',
  config: z.strictObject({}),
  async run({ workspace, json, print, note }) {
    const all = (await workspace()).artifacts.all();
    const found = all.filter((artifact) => artifact.kind === 'model' || artifact.kind === 'reward-model');
    if (json) return print(JSON.stringify(found));
    if (found.length === 0) return note('No model yet. Train one with fourfold demo, or: fourfold models import DIR');
    const rows = found.map((artifact) => [
      artifact.id,
      artifact.kind === 'model' ? artifact.role : 'reward',
      String(artifact.round),
      artifact.parents.join(', '),
      artifact.createdAt,
    ]);
    print(tableText(['id', 'role', 'round', 'made from', 'created'], rows));
  },
});

const importDir = defineCommand({
  name: 'models import',
  describe: 'Import a model folder in Hugging Face form',
  config: z.strictObject({
    dir: z.string().min(1).describe('Folder with config.json, safetensors and tokenizer files, or an adapter of PEFT'),
    base: z.string().min(1).optional().describe('Base of an adapter: an id or a folder; what it names where absent'),
  }),
  positionals: ['dir'],
  hubNames: { base: 'model' },
  async run({ config, workspace, path, json, print, note }) {
    const { isAdapterFolder, baseFolderOf } = await import('../../model/lora/peftFolder.ts');
    if (isAdapterFolder(path(config.dir))) {
      const [{ importAdapter }, { resolveModel }] = await Promise.all([
        import('../adapterFolders.ts'),
        import('../../store/references.ts'),
      ]);
      const opened = await workspace();
      const base = resolveModel(opened, config.base ?? (await baseFolderOf(path(config.dir))), path);
      const adapter = await importAdapter(opened.artifacts, path(config.dir), base);
      return print(json ? JSON.stringify(adapter) : `${adapter.id}: an adapter on ${base.name}`);
    }
    if (config.base !== undefined)
      throw new FourfoldError(
        'bad-option',
        `--base is read for an adapter only, and ${config.dir} is none. Leave it out.`,
      );
    const { importModel } = await import('../modelFolders.ts');
    const { artifact, hasTokenizer } = await importModel((await workspace()).artifacts, path(config.dir));
    if (!hasTokenizer) note('The folder has no tokenizer.json: this model takes token ids only.');
    print(json ? JSON.stringify(artifact) : `${artifact.id}: ${Object.keys(artifact.files).join(', ')}`);
  },
});

const exportDir = defineCommand({
  name: 'models export',
  describe: 'Copy a model or reward model to a new folder',
  config: z.strictObject({
    id: z.string().min(1).describe('Id of a model or reward model'),
    dir: z.string().min(1).describe('New or empty folder'),
    merge: z.boolean().default(false).describe('Merge the adapter into its base'),
    dtype: z.enum(DTYPE_NAMES).optional().describe("The weights' number format; as they are where absent"),
  }),
  positionals: ['id', 'dir'],
  async run({ config, workspace, path, json, print }) {
    const { exportModel } = await import('../modelFolders.ts');
    const dir = path(config.dir);
    const conversion = { merge: config.merge, dtype: config.dtype ?? null };
    const files = await exportModel((await workspace()).artifacts, config.id, dir, conversion);
    print(json ? JSON.stringify({ id: config.id, dir, files }) : `${config.id} → ${dir}: ${files.join(', ')}`);
  },
});

const merge = defineCommand({
  name: 'models merge',
  describe: 'Merge an adapter into its base: a whole model of the workspace',
  config: z.strictObject({
    id: z.string().min(1).describe('Id of a model or reward model with an adapter'),
    dtype: z.enum(DTYPE_NAMES).default('float32').describe("The merged weights' number format"),
  }),
  positionals: ['id'],
  async run({ config, workspace, json, print }) {
    const { mergeAdapter } = await import('../adapterFolders.ts');
    const { artifacts } = await workspace();
    const found = artifacts.get(config.id);
    const adapted = found?.kind === 'reward-model' ? found : artifacts.require(config.id, 'model');
    const artifact = await mergeAdapter(artifacts, adapted, config.dtype);
    print(json ? JSON.stringify(artifact) : `${artifact.id}: ${config.id} merged into its base`);
  },
});

const pull = defineCommand({
  name: 'models pull',
  describe: 'Fetch a model of the hub into the shared cache and import it',
  config: z.strictObject({ name: z.string().min(1).describe('owner/name, or owner/name@revision') }),
  positionals: ['name'],
  async run(context) {
    const [{ requireHubName }, { importFromHub }] = await Promise.all([
      import('../../hub/hubName.ts'),
      import('../hubModels.ts'),
    ]);
    const artifact = await importFromHub(requireHubName(context.config.name), 'model', context);
    context.print(
      context.json ? JSON.stringify(artifact) : `${artifact.id}: ${Object.keys(artifact.files).join(', ')}`,
    );
  },
});

const push = defineCommand({
  name: 'models push',
  describe: 'Send a model or reward model, with its card, to a repository of the hub',
  config: z.strictObject({
    id: z.string().min(1).describe('Id of a model or reward model'),
    name: z.string().min(1).describe('owner/name, or owner/name@branch'),
    private: z.boolean().default(false).describe('Make a repository that is not there yet private'),
  }),
  positionals: ['id', 'name'],
  example: 'HF_TOKEN=hf_... fourfold models push policy-1 owner/name --private',
  async run({ config, workspace, env, progress, signal, json, print }) {
    const [{ requireHubName }, { hubEnvironment }, { pushFolder }, { exportModel }] = await Promise.all([
      import('../../hub/hubName.ts'),
      import('../../hub/environment.ts'),
      import('../../hub/push.ts'),
      import('../modelFolders.ts'),
    ]);
    const name = requireHubName(config.name);
    const hub = await hubEnvironment(env);
    const folder = await mkdtemp(join(tmpdir(), 'fourfold-push-'));
    try {
      const dir = join(folder, config.id);
      await exportModel((await workspace()).artifacts, config.id, dir);
      const pushed = await pushFolder({
        hub,
        name,
        dir,
        title: `Add ${config.id}, made with fourfold`,
        isPrivate: config.private,
        progress,
        signal,
      });
      print(
        json
          ? JSON.stringify({ id: config.id, ...pushed })
          : `${config.id} → ${pushed.url}, commit ${pushed.commit.slice(0, 12)}`,
      );
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
});

export const commands = [list, importDir, exportDir, merge, pull, push];
