import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packagePath } from '../core/packageRoot.ts';
import { contractDifferences, requireSameContract } from './contract.ts';
import { loadTokenizer } from './tokenizer.ts';

const SOURCE = packagePath('data', 'goldens', 'tokenizers', 'byteLevelQwen');
let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fourfold-contract-'));
  await cp(SOURCE, dir, { recursive: true });
});
afterEach(() => rm(dir, { recursive: true, force: true }));

async function change(file: string, edit: (json: Record<string, unknown>) => void): Promise<void> {
  const json = JSON.parse(await readFile(join(dir, file), 'utf8'));
  edit(json);
  await writeFile(join(dir, file), JSON.stringify(json, null, 3));
}
const partsOf = async (folder: string) => (await loadTokenizer(folder)).contractParts;
const differences = async () => contractDifferences(await partsOf(SOURCE), await partsOf(dir));

test('how a file is written does not count', async () => {
  await change('tokenizer.json', (json) => {
    json.version = '2.0';
    json.padding = { strategy: 'BatchLongest' };
  });
  await change('tokenizer_config.json', (json) => {
    json.model_max_length = 12;
  });
  expect(await differences()).toEqual([]);
  expect((await loadTokenizer(dir)).contract).toBe((await loadTokenizer(SOURCE)).contract);
});

test('a tokenizer in an older form, which transformers writes anew when it saves, keeps its contract', async () => {
  await change('tokenizer.json', (json) => {
    const {
      ignore_merges: _left,
      vocab,
      merges,
      ...model
    } = json.model as {
      ignore_merges?: boolean;
      vocab: object;
      merges: string[][];
    };
    json.model = {
      vocab: Object.fromEntries(Object.entries(vocab).reverse()),
      merges: merges.map((pair) => pair.join(' ')),
      ...model,
    };
  });
  expect(await differences()).toEqual([]);
  await change('tokenizer.json', (json) => {
    (json.model as { merges: string[] }).merges.reverse();
  });
  expect(await differences()).toEqual(['tokenizer']);
});

test.each([
  ['tokenizer.json', 'added_tokens', [], 'tokenizer'],
  ['tokenizer_config.json', 'chat_template', '{{ messages }}', 'chat template'],
  ['tokenizer_config.json', 'eos_token', '<|im_start|>', 'end of text'],
  ['tokenizer_config.json', 'pad_token', '<|im_end|>', 'padding token'],
])('%s: another %s is told by name', async (file, key, value, part) => {
  await change(file, (json) => {
    json[key] = value;
  });
  expect(await differences()).toContain(part);
});

test('generation_config.json adds tokens that end a reply', async () => {
  await writeFile(join(dir, 'generation_config.json'), '{"eos_token_id": [2, 0]}');
  const tokenizer = await loadTokenizer(dir);
  expect(tokenizer.stopIds).toEqual([2, 0]);
  expect(tokenizer.stopTokens).toEqual(['<|im_end|>', '<|endoftext|>']);
  expect(await differences()).toEqual(['end of text']);
});

test('both sides and the parts that differ are named', async () => {
  await change('tokenizer_config.json', (json) => {
    json.chat_template = 'x';
  });
  const [one, other] = [
    { name: 'policy-1', parts: await partsOf(SOURCE) },
    { name: 'reward-model-2', parts: await partsOf(dir) },
  ];
  expect(() => requireSameContract(one, other, 'Name another.')).toThrow(
    /differ in: chat template \(contract: policy-1 has [0-9a-f]{12}, reward-model-2 has [0-9a-f]{12}\)\. Name another\./,
  );
  expect(() => requireSameContract(one, one, '')).not.toThrow();
});

describe('templates are found wherever a folder keeps them', () => {
  const render = async () => (await loadTokenizer(dir)).chatTemplate?.render([], false);
  const renderWithTools = async () => (await loadTokenizer(dir)).chatTemplate?.render([], false, { tools: [{}] });

  test('a list of named ones; tool_use where there are tools', async () => {
    await change('tokenizer_config.json', (json) => {
      json.chat_template = [
        { name: 'default', template: 'plain' },
        { name: 'tool_use', template: 'tools' },
      ];
    });
    expect([await render(), await renderWithTools()]).toEqual(['plain', 'tools']);
  });

  test('files before tokenizer_config.json, named ones in their folder', async () => {
    await writeFile(join(dir, 'chat_template.jinja'), 'from file');
    await mkdir(join(dir, 'additional_chat_templates'));
    await writeFile(join(dir, 'additional_chat_templates', 'tool_use.jinja'), 'tools from file');
    expect([await render(), await renderWithTools()]).toEqual(['from file', 'tools from file']);
    const copy = join(dir, 'copy');
    await mkdir(copy);
    await (await loadTokenizer(dir)).copyTo(copy);
    expect(await readFile(join(copy, 'additional_chat_templates', 'tool_use.jinja'), 'utf8')).toBe('tools from file');
  });

  test('named ones without a default are refused', async () => {
    await change('tokenizer_config.json', (json) => {
      json.chat_template = [{ name: 'rag', template: 'x' }];
    });
    await expect(render()).rejects.toThrow(/named default, got only: rag/);
  });

  test('special tokens of an older folder', async () => {
    await change('tokenizer_config.json', (json) => {
      delete json.eos_token;
      json.chat_template = '{{ eos_token }}';
    });
    await writeFile(join(dir, 'special_tokens_map.json'), '{"eos_token": {"content": "<|im_end|>"}}');
    expect(await render()).toBe('<|im_end|>');
  });
});

test('a kind of added token that the library would read wrongly is refused by name', async () => {
  await change('tokenizer.json', (json) => {
    json.added_tokens = [{ id: 0, content: '<|endoftext|>', single_word: true }];
  });
  await expect(loadTokenizer(dir)).rejects.toMatchObject({
    code: 'bad-model',
    message: expect.stringContaining('counts only as a whole word'),
  });
});
