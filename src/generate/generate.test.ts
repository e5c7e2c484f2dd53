import { packagePath } from '../core/packageRoot.ts';
import { randomFrom } from '../core/random.ts';
import { startEngine } from '../engine/backend.ts';
import { endThreads } from '../engine/backends/wasm.ts';
import { drawToken } from '../engine/testing/drawToken.ts';
import * as tf from '../engine/tf.ts';
import { disposeBatch, makeBatch } from '../model/batch.ts';
import { logitsOf } from '../model/heads.ts';
import { loadModel, type Model } from '../model/model.ts';
import { sequenceLogProbs } from '../model/score.ts';
import { transformer } from '../model/transformer.ts';
import { GeneralDecoder } from './generalDecoder.ts';
import { type GenerateOptions, type GenerateRequest, generate } from './generate.ts';
import { openFusedDecoder } from './openDecoder.ts';

// Vocabulary 96, context 64, weights so large that the next token hangs on everything before it.
let model: Model;
let tensorsBefore: number;
beforeAll(async () => {
  await startEngine({ backend: 'wasm', threads: 3 });
  model = await loadModel(packagePath('data', 'goldens', 'llamas', 'untied'), 'causal-lm');
});
beforeEach(() => {
  tensorsBefore = tf.memory().numTensors;
});
afterEach(() => expect(tf.memory().numTensors).toBe(tensorsBefore));
afterAll(async () => {
  model.dispose();
  await endThreads();
});

const SAMPLED = { temperature: 1, topK: 0, topP: 1, maxNewTokens: 12 };
const GREEDY = { ...SAMPLED, temperature: 0 };
const REQUESTS: GenerateRequest[] = [
  { promptIds: [5, 17, 3, 88, 41], seed: 1 },
  { promptIds: [9], seed: 2 },
  { promptIds: [5, 17, 3, 88, 41], seed: 3 },
  { promptIds: Array.from({ length: 23 }, (_, i) => (i * 37) % 96), seed: 4 },
  { promptIds: [60, 61], seed: 5 },
];
const tokensOf = async (
  requests: GenerateRequest[],
  sampling = SAMPLED,
  stopIds: number[] = [],
  options: Partial<GenerateOptions> = {},
) => (await generate(model, requests, { sampling, stopIds, ...options })).map(({ tokenIds }) => tokenIds);

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
    ids.push(drawToken(logits.dataSync() as Float32Array, sampling, random.uniform()));
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

describe('how many decode at once', () => {
  const many = [...REQUESTS, ...REQUESTS.map(({ promptIds, seed }) => ({ promptIds, seed: seed + 10 }))];
  const ends = { stopIds: [3, 20, 41, 60, 77, 90] };

  test.each([1, 2, 3, 7])('a bound of %d changes no bit of any reply', async (maxRunning) => {
    const options = { sampling: SAMPLED, ...ends };
    const all = await generate(model, many, options);
    expect(await generate(model, many, { ...options, maxRunning })).toEqual(all);
    // Some end early, so that others take their places.
    expect(new Set(all.map(({ tokenIds }) => tokenIds.length)).size).toBeGreaterThan(2);
  });

  test('each reply is handed over once, as soon as it ends', async () => {
    const seen = new Map<number, number[]>();
    const replies = await generate(model, many, {
      ...{ sampling: SAMPLED, ...ends, maxRunning: 3 },
      onReply: async (reply, index) => {
        expect(seen.has(index)).toBe(false);
        seen.set(index, [...reply.tokenIds]);
      },
    });
    expect(seen.size).toBe(many.length);
    for (const [index, { tokenIds }] of replies.entries()) expect(seen.get(index)).toEqual(tokenIds);
  });

  test('nor does the number of threads', async () => {
    const one = await generate(model, many, { sampling: SAMPLED, ...ends });
    await startEngine({ backend: 'wasm', threads: 1 });
    expect(await generate(model, many, { sampling: SAMPLED, ...ends })).toEqual(one);
    await startEngine({ backend: 'wasm', threads: 3 });
  });
});

describe('log-probabilities', () => {
  test.each([1, 0.7])(
    'of each token are those of a forward pass over the whole, at temperature %d',
    async (temperature) => {
      const replies = await generate(model, REQUESTS, { sampling: { ...SAMPLED, temperature, topK: 9 }, stopIds: [] });
      for (const [i, { tokenIds, logProbs }] of replies.entries()) {
        const promptIds = REQUESTS[i]?.promptIds ?? [];
        const ids = [...promptIds, ...tokenIds];
        const sequence = { ids, isResponseToken: ids.map((_, t) => t >= promptIds.length) };
        const [whole] = await sequenceLogProbs(model, [sequence], { batchSize: 1, temperature });
        expect(logProbs.reduce((sum, value) => sum + value, 0)).toBe(whole?.logProb);
      }
    },
  );
});

describe('the fused decoder', () => {
  const rules = [
    { temperature: 1, topK: 0, topP: 1 },
    { temperature: 0, topK: 0, topP: 1 },
    { temperature: 1.5, topK: 20, topP: 0.9 },
  ];

  test('serves this model, and gives the bits of the general one', async () => {
    const size = { slots: 5, capacity: 40 };
    const fused = openFusedDecoder(model, size);
    const general = new GeneralDecoder(model, size);
    if (fused === null) throw new Error('expected the fused decoder to serve a Llama on wasm');
    const begun = REQUESTS.slice(1).map(({ promptIds }, slot) => ({ slot, ids: promptIds }));
    for (const decoder of [fused, general]) {
      decoder.begin(begun);
      decoder.copy(3, 4, 2);
    }
    const starts = [...begun.map(({ ids }) => ids.length), 2];
    for (let step = 0; step < 9; step++) {
      const rule = rules[step % rules.length] ?? SAMPLED;
      const rows = starts.map((start, slot) => ({ slot, position: start + step, token: (slot * 31 + step * 7) % 96 }));
      const uniforms = rows.map((_, i) => ((i + 1) * (step + 1) * 0.137) % 1);
      const [a, b] = [await fused.draw(rows, uniforms, rule), await general.draw(rows, uniforms, rule)];
      for (const key of ['tokens', 'logProbs', 'entropy'] as const) {
        expect(Array.from(a[key])).toEqual(Array.from(b[key]));
      }
    }
    fused.dispose();
    general.dispose();
  });
});

describe('the end of a reply', () => {
  const [request] = REQUESTS as [GenerateRequest];

  test('is the stop token, which is kept, with the reason', async () => {
    const [ids] = await tokensOf([request], GREEDY);
    const stop = ids?.[4] ?? -1;
    const first = ids?.indexOf(stop) ?? -1;
    const [result] = await generate(model, [request], { sampling: GREEDY, stopIds: [200, stop] });
    expect(result).toMatchObject({ tokenIds: ids?.slice(0, first + 1), finishReason: 'stop' });
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
