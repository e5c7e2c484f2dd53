import type { Command } from './command.ts';
import { command as candidates } from './commands/candidates.ts';
import { command as evaluate } from './commands/evaluate.ts';
import { command as generate } from './commands/generate.ts';
import { command as ppo } from './commands/ppo.ts';

const NEEDED = { model: 'm', rewardModel: 'r', prompts: 'p' };
const evaluation = { model: 'm', prompts: 'p', temperature: 0 };
const server = { baseUrl: 'http://127.0.0.1:1/v1', model: 's' };

test.each<[string, Command, Record<string, unknown>]>([
  ['--greedy does not read --temperature.', generate, { model: 'm', greedy: true, temperature: 0.4 }],
  // Its default, but said: greedy decoding at temperature 1 is not what comes.
  ['--greedy does not read --temperature.', generate, { model: 'm', greedy: true, temperature: 1 }],
  ['--greedy does not read --top-k.', generate, { model: 'm', greedy: true, topK: 5 }],
  ['--temperature 0 does not read --top-p.', generate, { model: 'm', temperature: 0, topP: 0.5 }],
  ['--prompt-ids does not read --raw.', generate, { model: 'm', promptIds: '1', raw: true }],
  ['--temperature 0 does not read --top-k.', evaluate, { ...evaluation, topK: 5 }],
  ['--temperature 0 does not read --top-k.', candidates, { models: ['m'], prompts: 'p', temperature: 0, topK: 5 }],
  [
    'candidates without servers does not read --concurrency.',
    candidates,
    { models: ['m'], prompts: 'p', concurrency: 9 },
  ],
  [
    'candidates without --models does not read --batch-size.',
    candidates,
    { servers: [server], prompts: 'p', batchSize: 9 },
  ],
  ['ppo without --kl-target does not read --kl-horizon.', ppo, { ...NEEDED, klHorizon: 5 }],
])('%s', (message, command, values) => {
  expect(() => command.prepare(values)).toThrow(
    expect.objectContaining({ code: 'bad-option', message: `${message} Leave it out.` }),
  );
});

test.each<[string, Command, Record<string, unknown>]>([
  ['a seed beside --greedy', generate, { model: 'm', greedy: true, seed: 3, temperature: 0, topK: 0, topP: 1 }],
  ['filters that are read', evaluate, { ...evaluation, temperature: 0.5, topK: 5 }],
  ['the horizon of a controller', ppo, { ...NEEDED, klHorizon: 5, klTarget: 2 }],
  ['a resolved configuration with its defaults', ppo, { ...NEEDED, klHorizon: 10_000 }],
  ['a concurrency of servers', candidates, { servers: [server], prompts: 'p', concurrency: 9 }],
])('%s passes', (_name, command, values) => {
  expect(command.prepare(values).config).toMatchObject(values);
});

test('only what the user gave counts: what a resumed run brings stands', () => {
  const values = { ...NEEDED, klHorizon: 5, resume: 'ppo-run-1' };
  expect(ppo.prepare(values, new Set(['resume'])).config).toMatchObject(values);
});
