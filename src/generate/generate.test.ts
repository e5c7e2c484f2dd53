import { packagePath } from '../core/packageRoot.ts';
import { randomFrom } from '../core/random.ts';
import { startEngine } from '../engine/backend.ts';
import * as tf from '../engine/tf.ts';
import { disposeBatch, makeBatch } from '../model/batch.ts';
import { logitsOf } from '../model/heads.ts';
import { loadModel, type Model } from '../model/model.ts';
import { transformer } from '../model/transformer.ts';
import { type GenerateRequest, generate } from './generate.ts';
import { sampleToken } from './sampler.ts';

// Vocabulary 96, context 64, weights so large that the next token hangs on everything before it.
let model: Model;
let tensorsBefore: number;
beforeAll(async () => {
  await startEngine({ backend: 'wasm' });
  model = await loadModel(packagePath('data', 'goldens', 'llamas', 'untied'), 'causal-lm');
});
beforeEach(() => {
  tensorsBefore = tf.memory().numTensors;
});
afterEach(() => expect(tf.memory().numTensors).toBe(tensorsBefore));
afterAll(() => model.dispose());

const SAMPLED = { temperature: 1, topK: 0, topP: 1, maxNewTokens: 12 };
const GREEDY = { ...SAMPLED, temperature: 0 };
const REQUESTS: GenerateRequest[] = [
  { promptIds: [5, 17, 3, 88, 41], seed: 1 },
  { promptIds: [9], seed: 2 },
  { promptIds: [5, 17, 3, 88, 41], seed: 3 },
  { promptIds: Array.from({ length: 23 }, (_, i) => (i * 37) % 96), seed: 4 },
  { promptIds: [60, 61], seed: 5 },
];
const tokensOf = async (requests: GenerateRequest[], sampling = SAMPLED, stopIds: number[] = []) =>
  (await generate(model, requests, { sampling, stopIds })).map(({ tokenIds }) => tokenIds);

/** The same reply without a cache: the whole sequence through the model for every token. */
function uncached({ promptIds, seed }: GenerateRequest, sampling: typeof SAMPLED): number[] {
  const random = randomFrom(seed);
  const ids = [...promptIds];
  while (ids.length < promptIds.length + sampling.maxNewTokens) {
    const batch = makeBatch([{ ids, isResponseToken: [] }], model.config.maxPositions);
    const logits = tf.tidy(() => {
      const { hidden } = transformer(model, batch);
      return tf.squeeze(tf.slice(logitsOf(model, hidden), [0, ids.length - 1, 0], [1, 1, -1]));
    });
    ids.push(sampleToken(logits.dataSync() as Float32Array, sampling, random.uniform()));
    logits.dispose();
    disposeBatch(batch);
  }
  return ids.slice(promptIds.length);
}

describe('the cache', () => {
  test.each([
    ['greedy', GREEDY],
    ['sampled', SAMPLED],
    ['filtered', { ...SAMPLED, temperature: 1.5, topK: 20, topP: 0.9 }],
  ])('decoding with it equals decoding without it, %s', async (_name, sampling) => {
    const cached = await tokensOf(REQUESTS, sampling);
    expect(cached).toEqual(REQUESTS.map((request) => uncached(request, sampling)));
  });
});

describe('the same prompt and seed', () => {
  test('give the same tokens alone, in a batch, in another order and beside longer prompts', async () => {
    const together = await tokensOf(REQUESTS);
    for (const [i, request] of REQUESTS.entries()) expect(await tokensOf([request])).toEqual([together[i]]);
    expect(await tokensOf([...REQUESTS].reverse())).toEqual([...together].reverse());
    const doubled = [...REQUESTS, ...REQUESTS];
    expect(await tokensOf(doubled)).toEqual([...together, ...together]);
  });

  test('give the same tokens when a neighbour stops early', async () => {
    const together = await tokensOf(REQUESTS);
    // What request 1 says third ends whichever reply says it; every reply is what it was up to there.
    const stop = together[1]?.[2] ?? -1;
    const stopped = await tokensOf(REQUESTS, SAMPLED, [stop]);
    const cut = together.map((ids) => (ids.includes(stop) ? ids.slice(0, ids.indexOf(stop) + 1) : ids));
    expect(stopped).toEqual(cut);
    expect(stopped[1]?.length).toBeLessThanOrEqual(3);
    expect(stopped.some((ids) => ids.length === 12)).toBe(true);
  });

  test('another seed gives other tokens, but not when greedy', async () => {
    const [first, other] = [REQUESTS[0], REQUESTS[2]];
    if (first === undefined || other === undefined) throw new Error('unreachable');
    const [a, b] = await tokensOf([first, other]);
    expect(a).not.toEqual(b);
    const [c, d] = await tokensOf([first, other], GREEDY);
    expect(c).toEqual(d);
  });
});

describe('the end of a reply', () => {
  const [request] = REQUESTS as [GenerateRequest];

  test('is the stop token, which is kept, with the reason', async () => {
    const [ids] = await tokensOf([request], GREEDY);
    const stop = ids?.[4] ?? -1;
    const first = ids?.indexOf(stop) ?? -1;
    const [result] = await generate(model, [request], { sampling: GREEDY, stopIds: [200, stop] });
    expect(result).toEqual({ tokenIds: ids?.slice(0, first + 1), finishReason: 'stop' });
  });

  test('is the longest reply', async () => {
    for (const maxNewTokens of [1, 7]) {
      const [result] = await generate(model, [request], { sampling: { ...GREEDY, maxNewTokens }, stopIds: [] });
      expect(result?.tokenIds).toHaveLength(maxNewTokens);
      expect(result?.finishReason).toBe('length');
    }
  });

  test("is the context's end: prompt and reply fill its 64 positions, each row by its own length", async () => {
    const prompt = (length: number) => ({ promptIds: new Array<number>(length).fill(7), seed: 1 });
    const results = await generate(model, [prompt(60), prompt(63), prompt(58)], {
      sampling: { ...SAMPLED, maxNewTokens: 50 },
      stopIds: [],
    });
    expect(results.map(({ tokenIds }) => tokenIds.length)).toEqual([4, 1, 6]);
    expect(results.map(({ finishReason }) => finishReason)).toEqual(['length', 'length', 'length']);
  });
});

describe('refusal', () => {
  const attempt = (promptIds: number[]) => tokensOf([REQUESTS[0] as GenerateRequest, { promptIds, seed: 1 }]);

  test.each([
    ['an empty prompt', [], 'bad-input', 'at least one token'],
    ['a prompt as long as the context', new Array<number>(64).fill(1), 'too-long', 'context of 64 tokens, got 64'],
    ['an id beyond the vocabulary', [1, 96], 'bad-input', 'from 0 to 95, got 96'],
    ['an id below 0', [-1], 'bad-input', 'got -1'],
    ['an id that is no whole number', [1.5], 'bad-input', 'got 1.5'],
  ])('%s', async (_name, promptIds, code, message) => {
    await expect(attempt(promptIds)).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
  });

  test('no request is no work', async () => {
    expect(await tokensOf([])).toEqual([]);
  });

  test('weights that are no numbers stop generation', async () => {
    const broken = await loadModel(packagePath('data', 'goldens', 'llamas', 'tied'), 'causal-lm');
    const noNumbers = tf.fill([32], Number.NaN);
    broken.parameters.get('model.norm.weight')?.assign(noNumbers);
    noNumbers.dispose();
    const attempted = generate(broken, REQUESTS.slice(0, 1), { sampling: SAMPLED, stopIds: [] });
    await expect(attempted).rejects.toMatchObject({ code: 'not-finite' });
    broken.dispose();
  });
});

describe('while it runs', () => {
  test('each step reports how many still run', async () => {
    const running: number[] = [];
    await generate(model, REQUESTS.slice(0, 2), {
      sampling: { ...SAMPLED, maxNewTokens: 3 },
      stopIds: [],
      onStep: (count) => running.push(count),
    });
    expect(running).toEqual([2, 2, 0]);
  });

  test('an aborted signal stops it at the next step and leaves nothing behind', async () => {
    const controller = new AbortController();
    let steps = 0;
    const attempt = generate(model, REQUESTS, {
      sampling: SAMPLED,
      stopIds: [],
      signal: controller.signal,
      onStep: () => {
        if (++steps === 2) controller.abort();
      },
    });
    await expect(attempt).rejects.toMatchObject({ code: 'interrupted' });
    expect(steps).toBe(2);
  });

  test('a signal that comes while it computes is heard before all is done', async () => {
    const controller = new AbortController();
    let steps = 0;
    setTimeout(() => controller.abort(), 0);
    const attempt = generate(model, REQUESTS.slice(0, 1), {
      sampling: { ...SAMPLED, maxNewTokens: 50 },
      stopIds: [],
      signal: controller.signal,
      onStep: () => steps++,
    });
    await expect(attempt).rejects.toMatchObject({ code: 'interrupted' });
    expect(steps).toBeLessThan(50);
  });

  test('an error of the caller passes through and leaves nothing behind', async () => {
    const onStep = () => {
      throw new Error('from the caller');
    };
    const attempt = generate(model, REQUESTS, { sampling: SAMPLED, stopIds: [], onStep });
    await expect(attempt).rejects.toThrow('from the caller');
  });
});
