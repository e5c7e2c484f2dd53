import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Artifact } from '../core/artifacts.ts';
import type { Interval } from './interval.ts';
import { readReportData, renderReport, writeReport } from './report.ts';
import type { ReportInput } from './reportData.ts';
import { lineageData } from './sections/lineage.ts';
import { firstOfEach } from './sections/samples.ts';

const interval = (value: number): Interval => ({ value, low: value - 0.1, high: value + 0.1 });
const ATTACK = '<script>alert("x")</script><img src="https://evil.example/x.png">';

const bare: ReportInput = {
  version: 1,
  title: 'A run',
  createdAt: '2026-01-05T14:03:00.000Z',
  headline: { passed: false, reasons: ['KL is above the target.'] },
};

const sections: Omit<ReportInput, keyof typeof bare> = {
  winRates: [
    {
      a: 'policy-1',
      b: 'sft-1',
      judges: [
        { judge: 'gold utility of the panel', winRate: interval(0.7), prompts: 60 },
        { judge: `rule-based ${ATTACK}`, winRate: interval(0.4), prompts: 60 },
      ],
    },
  ],
  radar: {
    judge: 'gold utility',
    dimensions: [ATTACK, 'creation', 'role-play'],
    models: [
      { name: 'sft-1', role: 'sft', values: [0.5, 0.4, 0.6].map(interval) },
      { name: 'policy-1', role: 'policy', values: [0.7, 0.6, 0.5].map(interval) },
    ],
  },
  samples: {
    rule: 'The first of each dimension.',
    models: [
      { name: 'sft-1', role: 'sft' },
      { name: 'policy-1', role: 'policy' },
    ],
    items: [
      {
        promptId: 'p-1',
        dimension: 'reasoning',
        prompt: `What is ${ATTACK}?`,
        replies: [{ text: ATTACK, reward: -0.5, utility: 0.3, finishReason: 'length' }, null],
      },
    ],
  },
  training: {
    pretrain: { train: Array.from({ length: 100 }, (_, i): [number, number] => [i + 1, 5 - i / 50]) },
    sft: {
      train: [
        [1, 3],
        [2, 2],
      ],
      validation: [[2, 2.5]],
    },
    rewardModel: {
      loss: { train: [] },
      accuracy: {
        train: [
          [1, 0.6],
          [2, 0.8],
        ],
      },
      lengthBaseline: 0.6,
    },
    ppo: {
      klTarget: 6.000000000000001,
      iterations: [
        { step: 1, reward: 0.1, kl: 0.2, entropy: 2 },
        { step: 2, reward: 0.4, kl: 2 },
      ],
    },
  },
  replies: [
    {
      name: 'policy-1',
      role: 'policy',
      words: 20,
      stopShare: 1,
      repetition: 0,
      distinct2: 0.7,
      kl: 5,
      klReference: 'sft-1',
    },
  ],
  agreement: {
    measures: [{ name: 'Krippendorff’s alpha', between: 'three raters', value: 0.6 }],
    raters: [{ name: 'rater-1', kind: 'simulated', judgements: 100, bias: 0.3 }],
  },
  history: [{ evaluation: 'evaluation-1', model: 'sft-1', createdAt: bare.createdAt, reward: interval(0.2) }],
  lineage: {
    root: 'policy-1',
    nodes: [
      { id: 'policy-1', kind: 'model', parents: ['sft-1', 'gone-1'], sha256: 'aabbccddeeff0011', details: ['seed 7'] },
      { id: 'sft-1', kind: 'model', parents: ['policy-1'], sha256: '1122334455667788', details: [] },
    ],
  },
  configuration: { ppo: { klTarget: 6, name: ATTACK } },
  reproduce: [{ text: 'Again.', command: 'fourfold demo --seed 7' }],
  nextSteps: [{ text: 'Label some yourself.', command: 'fourfold serve' }],
};

const VOID = new Set(['meta', 'br', 'img', '!doctype']);

/** Names of elements that are left open or closed out of turn. */
function unbalanced(page: string): string[] {
  const open: string[] = [];
  const wrong: string[] = [];
  for (const [, close, name = '', selfClosed] of page
    .replace(/<style>[\s\S]*?<\/style>/g, '')
    .matchAll(/<(\/?)([!a-zA-Z][\w-]*)(?:[^>"]|"[^"]*")*?(\/?)>/g)) {
    if (VOID.has(name.toLowerCase()) || selfClosed === '/') continue;
    if (close !== '/') open.push(name);
    else if (open.pop() !== name) wrong.push(name);
  }
  return [...wrong, ...open];
}

const ids = (page: string) => [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);

describe('renderReport', () => {
  const page = renderReport({ ...bare, ...sections });

  test('has a section for everything that was given, each in the contents', () => {
    const expected = [
      ['win-rate', 'dimensions', 'samples', 'training', 'lengths', 'agreement'],
      ['history', 'lineage', 'configuration', 'reproduce', 'next'],
    ].flat();
    expect([...page.matchAll(/<section id="([\w-]+)"/g)].map(([, id]) => id)).toEqual(['headline', ...expected]);
    for (const id of expected) expect(page).toContain(`<a href="#${id}">`);
  });

  test('is well formed, and no id stands twice', () => {
    expect(unbalanced(page)).toEqual([]);
    expect(new Set(ids(page)).size).toBe(ids(page).length);
    for (const [, target] of page.matchAll(/href="#([^"]+)"/g)) expect(ids(page)).toContain(target);
    for (const [, target] of page.matchAll(/url\(#([^)]+)\)/g)) expect(ids(page)).toContain(target);
  });

  test('shows markup in a prompt, a reply, a setting or a drawing as text', () => {
    expect(page).not.toMatch(/<script|<img/);
    expect(page).toContain('&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;');
  });

  test('asks for nothing from outside and forbids it', () => {
    const shown = page.replaceAll(/&quot;https:[^&]*&quot;/g, '');
    expect(shown).not.toMatch(/https?:\/\//);
    expect(page).not.toMatch(/ (?:src|srcset|on\w+)="|@import|<link|url\((?!#)/);
    expect(page).toContain(`content="default-src &#39;none&#39;;`);
  });

  test('gives every drawing its finding in words', () => {
    const drawings = [...page.matchAll(/<svg[^>]*>/g)].map(([tag]) => tag);
    // Win rate, radar, pretraining, SFT, accuracy (no loss was given), three of PPO, entropy, history.
    expect(drawings).toHaveLength(10);
    for (const tag of drawings) expect(tag).toMatch(/role="img" aria-label="[^"]{10,}"/);
    expect(page).toContain(
      'KL rises from 0.20 to 2.00 over 2 iterations. It ends within the controller’s target of 6.',
    );
    expect(page).toContain(
      'policy-1 beats sft-1: 0.70 (0.60 to 0.80) by gold utility of the panel. 1 of 2 judges agree',
    );
    expect(page).toContain('policy-1 is ahead of sft-1 in 2 of 3 dimensions, not in role-play.');
  });

  test('draws with the page’s colours, so that dark is dark', () => {
    expect(page).toContain('stroke="var(--policy)"');
    // The shapes of clip paths are never seen.
    const seen = page.replace(/<style>[\s\S]*?<\/style>/, '').replaceAll(/<clipPath[\s\S]*?<\/clipPath>/g, '');
    expect(seen.match(/(?:fill|stroke)="#[0-9a-f]+"/g)).toBeNull();
  });

  test('is the same for the same data', () => {
    expect(renderReport({ ...bare, ...sections })).toBe(page);
  });

  test('says that a run did not pass, and why', () => {
    const failed = renderReport(bare);
    expect(failed).toContain('Not passed');
    expect(failed).toContain('KL is above the target.');
    expect(renderReport({ ...bare, headline: { passed: true } })).not.toContain('Not passed');
  });

  test('marks each check, failures first, in words too', () => {
    const checks = [
      { passed: true, of: 'SFT over base', reason: 'The judge agrees.' },
      { passed: false, reason: 'KL is above the bound.' },
    ];
    const marked = renderReport({ ...bare, headline: { passed: false, checks, reasons: ['Not shown.'] } });
    expect(unbalanced(marked)).toEqual([]);
    const items = [...marked.matchAll(/<li class="(\w+)"><span [^>]*aria-label="(\w+)">(.)<\/span>([^<]*)<\/li>/g)];
    expect(items.map((item) => item.slice(1))).toEqual([
      ['missed', 'failed', '✗', 'KL is above the bound.'],
      ['met', 'passed', '✓', 'SFT over base: The judge agrees.'],
    ]);
    expect(marked).not.toContain('Not shown.');
  });

  test('gives the lower end of a win rate a decimal more near one half', () => {
    // 0.509 lies within 0.02 of one half; the upper end 0.612 does not decide.
    const winRate = { policyOverSft: { value: 0.56, low: 0.509, high: 0.612 } };
    expect(renderReport({ ...bare, headline: { passed: true, winRate } })).toContain('interval 50.9 % to 61 %');
  });

  test('tells the bound of the result from the target of the controller', () => {
    const bounded = renderReport({ ...bare, ...sections, headline: { passed: true, kl: 5, klTarget: 12 } });
    expect(bounded).toContain('nats a reply, at most 12 to pass');
    // The words under the chart, and the line in each of two drawings.
    expect(bounded.match(/controller’s target/g)?.length).toBeGreaterThanOrEqual(3);
    expect(bounded).not.toMatch(/>target</);
  });

  test('names the model that a KL is measured from', () => {
    expect(page).toContain('5.00<small>from sft-1</small>');
    expect(page).not.toContain('KL is from the SFT model');
  });

  test('leaves out what was not given', () => {
    const small = renderReport(bare);
    expect(unbalanced(small)).toEqual([]);
    expect([...small.matchAll(/<section id="([\w-]+)"/g)].map(([, id]) => id)).toEqual(['headline']);
    expect(small).not.toContain('<nav');
  });

  test('draws a single iteration', () => {
    const training = { ppo: { klTarget: null, iterations: [{ step: 1, reward: 0.1, kl: 0 }] } };
    expect(renderReport({ ...bare, training })).not.toContain('NaN');
  });

  test('a damaged lineage neither loops nor hides what is missing', () => {
    expect(page.match(/id="artefact-policy-1"/g)).toHaveLength(1);
    expect(page).toMatch(/<b>gone-1<\/b> <span class="nothing">not in this workspace/);
  });
});

describe('the stored data', () => {
  test('draw the same page again', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'fourfold-report-'));
    try {
      const { dataPath, pagePath } = await writeReport(dir, { ...bare, ...sections });
      expect(renderReport(await readReportData(dataPath))).toBe(await readFile(pagePath, 'utf8'));
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  });

  test('are refused where they are not a report’s', () => {
    expect(() => renderReport({ ...bare, createdAt: 'yesterday' })).toThrow(/report data: .*createdAt/);
  });
});

describe('lineageData', () => {
  test('keeps who judged, with the hash of the prompt or rules', () => {
    const pairs = Artifact.parse({
      kind: 'pair-set',
      id: 'pair-set-1',
      parents: ['candidate-set-1'],
      seed: 1,
      config: {},
      engine: null,
      files: { 'pairs.jsonl': 'aa' },
      round: 1,
      runId: null,
      createdAt: bare.createdAt,
      metrics: {},
      sources: [{ source: 'judge:rule-based', kind: 'judge', judgements: 12, promptHash: '0123456789abcdef' }],
    });
    const [node] = lineageData('pair-set-1', [pairs]).nodes;
    expect(node?.details).toEqual(['12 judgements by judge:rule-based (judge, prompt or rules 0123456789ab)']);
    expect(node?.sha256).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe('firstOfEach', () => {
  test('takes the first of each dimension in their order', () => {
    const items = ['a', 'b', 'a', 'a', null, 'b'].map((dimension, i) => ({ dimension, i }));
    expect(firstOfEach(items, 2).map(({ i }) => i)).toEqual([0, 1, 2, 4, 5]);
  });
});
