import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ImportFormat } from '../core/annotation/exchange.ts';
import { readCandidateSet } from '../core/candidateSet.ts';
import { ArtifactId } from '../core/ids.ts';
import type { Judgement } from '../core/records.ts';
import { openWorkspace, type Workspace } from '../store/workspace.ts';
import { exportLabels } from './exportLabels.ts';
import { importLabels } from './importLabels.ts';

const dirs: string[] = [];
afterEach(async () => {
  for (const dir of dirs.splice(0)) await rm(dir, { recursive: true, force: true });
});

async function workspaceHere(): Promise<Workspace> {
  const dir = await mkdtemp(join(tmpdir(), 'fourfold-labels-'));
  dirs.push(dir);
  return openWorkspace(join(dir, 'workspace'));
}

/** Imports the text and reads back what came of it. */
async function imported(text: string, format: ImportFormat = 'auto', folder: string | null = null) {
  const workspace = await workspaceHere();
  const made = await importLabels({ workspace, text, name: 'file', format, folder });
  const set = workspace.artifacts.require(made.candidateSetId, 'candidate-set');
  const items = await readCandidateSet(workspace.artifacts.dir(set), set.id);
  const judgements = await workspace.judgements(set.id).read();
  const textOf = new Map<string, string>(
    items.flatMap(({ candidates }) => candidates.map(({ id, text }) => [id, text])),
  );
  return { workspace, made, set, items, judgements, textOf };
}

const bestText = ({ comparison }: Judgement, textOf: Map<string, string>) =>
  comparison.kind === 'best' ? textOf.get(comparison.candidateId) : comparison.kind;
const lines = (text: string) =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

describe('preference sets', () => {
  test.each([
    ['texts', { prompt: 'Why?', chosen: 'Because.', rejected: 'No.' }],
    [
      'conversations beside their prompt',
      {
        prompt: [{ role: 'user', content: 'Why?' }],
        chosen: [{ role: 'assistant', content: 'Because.' }],
        rejected: [{ role: 'assistant', content: 'No.' }],
      },
    ],
    [
      'conversations that begin with their prompt',
      {
        chosen: [
          { role: 'user', content: 'Why?' },
          { role: 'assistant', content: 'Because.' },
        ],
        rejected: [
          { role: 'user', content: 'Why?' },
          { role: 'assistant', content: 'No.' },
        ],
      },
    ],
  ])('%s', async (_, line) => {
    const { made, items, judgements, textOf } = await imported(`${JSON.stringify(line)}\n`);
    expect(made).toMatchObject({ format: 'preferences', prompts: 1, candidates: 2, items: 1, judgements: 1 });
    expect(items[0]?.prompt.messages).toEqual([{ role: 'user', content: 'Why?' }]);
    expect(bestText(judgements[0] as Judgement, textOf)).toBe('Because.');
    expect(judgements[0]?.source).toEqual({ kind: 'human', annotatorId: 'dataset', simulated: false });
  });

  test('the same pair by several annotators is one item with each one’s judgement', async () => {
    const line = (annotator: string, chosen: string, rejected: string) =>
      JSON.stringify({ prompt: 'Why?', chosen, rejected, annotator });
    const text = [line('ada', 'Yes.', 'No.'), line('bo', 'No.', 'Yes.'), line('cy@example.org', 'Yes.', 'No.')].join(
      '\n',
    );
    const { made, judgements, textOf } = await imported(text);
    expect(made).toMatchObject({ candidates: 2, items: 1, judgements: 3 });
    expect(
      judgements.map((one) => [one.source.kind === 'human' && one.source.annotatorId, bestText(one, textOf)]),
    ).toEqual([
      ['ada', 'Yes.'],
      ['bo', 'No.'],
      ['cy-example.org', 'Yes.'],
    ]);
  });

  test('what cannot be used is told, with its place; a file of nothing else is an error', async () => {
    const good = JSON.stringify({ prompt: 'Why?', chosen: 'a', rejected: 'b' });
    const same = JSON.stringify({ prompt: 'Why?', chosen: 'a', rejected: 'a' });
    const bare = JSON.stringify({ chosen: 'a', rejected: 'b' });
    const { made } = await imported([good, same, bare].join('\n'));
    expect(made.items).toBe(1);
    expect(made.passedOver).toEqual([
      { record: 'line 3', reason: expect.stringContaining('prompt') },
      { record: 'line 2', reason: expect.stringContaining('the same') },
    ]);
    await expect(imported(bare)).rejects.toThrow('prompt');
    await expect(imported('{"a": 1}\n{"a": 2}\n')).rejects.toThrow('--format');
  });
});

test('Argilla: a record with rankings, ratings and comments of two users', async () => {
  const record = {
    id: 'r-1',
    status: 'completed',
    fields: { instruction: 'Why?', response_1: 'Because.', response_2: 'No.' },
    metadata: { response_1_model: 'm-1' },
    suggestions: {},
    responses: {
      preference: [
        {
          value: [
            { value: 'response_2', rank: 2 },
            { value: 'response_1', rank: 1 },
          ],
          user_id: 'u-1',
        },
        {
          value: [
            { value: 'response_2', rank: 1 },
            { value: 'response_1', rank: 1 },
          ],
          user_id: 'u-2',
        },
      ],
      'fluency-response_1': [{ value: 5, user_id: 'u-1' }],
      'fluency-response_2': [{ value: 2, user_id: 'u-1' }],
      'safety-response_1': [{ value: 9, user_id: 'u-2' }],
      comment: [{ value: 'Clear.', user_id: 'u-1' }],
    },
  };
  const { made, items, judgements, textOf } = await imported(JSON.stringify([record]));
  expect(made.format).toBe('argilla');
  expect(items[0]?.candidates.map(({ model }) => model).sort()).toEqual(['imported', 'm-1']);
  const [first, second] = judgements as [Judgement, Judgement];
  expect(bestText(first, textOf)).toBe('Because.');
  expect(first.ranking?.map((place) => place.map((id) => textOf.get(id)))).toEqual([['Because.'], ['No.']]);
  expect(Object.fromEntries(Object.entries(first.ratings).map(([id, scores]) => [textOf.get(id), scores]))).toEqual({
    'Because.': { fluency: 5 },
    'No.': { fluency: 2 },
  });
  expect(first.comment).toBe('Clear.');
  expect(second.comparison).toEqual({ kind: 'tie' });
  expect(made.passedOver).toEqual([{ record: 'record 1', reason: expect.stringContaining('9 is no score') }]);
});

test('Argilla: columns of a data set on the hub, submitted answers only', async () => {
  const row = {
    prompt: 'Why?',
    'response-1': 'Because.',
    'response-2': 'No.',
    'best.responses': ['response-2', 'response-1'],
    'best.responses.users': ['u-1', 'u-2'],
    'best.responses.status': ['submitted', 'draft'],
  };
  const { judgements, textOf } = await imported(JSON.stringify(row));
  expect(judgements.map((one) => bestText(one, textOf))).toEqual(['No.']);
});

test('Label Studio: pairwise choices, ratings, a skip, and who gave them', async () => {
  const task = {
    id: 1,
    data: { prompt: 'Why?', answer1: 'Because.', answer2: 'No.' },
    annotations: [
      {
        id: 7,
        completed_by: { email: 'ada@example.org' },
        was_cancelled: false,
        lead_time: 4.288,
        created_at: '2021-03-09T22:16:08.728353Z',
        result: [
          { from_name: 'pw', to_name: 'answer1', type: 'pairwise', value: { selected: 'right' } },
          { from_name: 'fluency', to_name: 'answer1', type: 'rating', value: { rating: 3 } },
        ],
      },
      { id: 8, completed_by: 10, was_cancelled: true, result: [] },
    ],
  };
  const { made, judgements, textOf } = await imported(JSON.stringify([task]));
  expect(made.format).toBe('label-studio');
  const [first, second] = judgements as [Judgement, Judgement];
  expect(bestText(first, textOf)).toBe('No.');
  expect(Object.values(first.ratings)).toEqual([{ fluency: 3 }]);
  expect(first).toMatchObject({
    source: { annotatorId: 'ada-example.org' },
    durationMs: 4288,
    createdAt: '2021-03-09T22:16:08.728Z',
  });
  expect(second).toMatchObject({ source: { annotatorId: '10' }, comparison: { kind: 'skip' } });
});

test('CSV of prompts and replies, with quotes and line ends in the cells', async () => {
  const text = 'prompt,response_a,response_b,response_c\n"Say ""hi"",\nplease","hi","=1+1",hello\n';
  const { made, items, textOf } = await imported(text);
  expect(made).toMatchObject({ format: 'csv', items: 1, candidates: 3, judgements: 0 });
  expect(items[0]?.prompt.messages).toEqual([{ role: 'user', content: 'Say "hi",\nplease' }]);
  expect([...textOf.values()].sort()).toEqual(['=1+1', 'hello', 'hi']);
});

describe('what is exported', () => {
  /** A set with judgements that say all that a judgement can say. */
  async function rich() {
    const base = await imported(
      JSON.stringify({
        prompt: 'Why?',
        candidates: [{ text: 'One.', model: 'm-1' }, { text: '=Two', model: 'm-2' }, 'Three, "3".'],
      }),
    );
    const { workspace, set, items } = base;
    const { item, candidates } = items[0] as (typeof items)[number];
    const [a, b, c] = candidates.map(({ id }) => id) as [never, never, never];
    const common = {
      candidateSetId: set.id,
      itemId: item.id,
      promptId: item.promptId,
      presented: [c, a, b],
      durationMs: 1200,
      createdAt: '2030-01-02T03:04:05.678Z',
    };
    const full: Judgement = {
      ...common,
      id: 'human-1',
      source: { kind: 'human', annotatorId: 'ada' as never, simulated: false },
      ratings: { [a]: { fluency: 5, charm: 1 }, [b]: { fluency: 2, charm: 4 }, [c]: { fluency: 3, charm: 3 } },
      comparison: { kind: 'best', candidateId: a },
      ranking: [[a], [b, c]],
      corrections: { [b]: 'Two, mended.' },
      flags: { [b]: ['nonsense', 'harmful'] },
      comment: '+1, "good"\nindeed',
      submissionId: 'submission-1',
      role: 'gold',
    };
    const skip: Judgement = {
      ...common,
      id: 'human-2',
      source: { kind: 'human', annotatorId: 'bo' as never, simulated: true },
      ratings: {},
      comparison: { kind: 'skip', reason: 'no idea' },
      durationMs: null,
    };
    const judge: Judgement = {
      ...common,
      id: 'judge-1',
      source: { kind: 'judge', judge: 'rule-based', promptHash: 'abc' },
      ratings: {},
      comparison: { kind: 'tie' },
    };
    await workspace.judgements(set.id).append([full, skip, judge]);
    return { workspace, set, full, skip, judge, candidates };
  }
  const comparable = ({ id: _, candidateSetId: __, itemId: ___, submissionId: ____, ...said }: Judgement) => said;

  test.each(['jsonl', 'csv'] as const)('as %s comes back with every field, each annotator apart', async (format) => {
    const { workspace, set, full, skip, judge } = await rich();
    const text = await exportLabels(workspace, set.id, format);
    const again = await importLabels({ workspace: await workspaceHere(), text, name: 'file', format: 'auto' });
    expect(again).toMatchObject({ format, candidates: 3, items: 1, judgements: 3, passedOver: [] });
    const other = await workspaceHere();
    const made = await importLabels({ workspace: other, text, name: 'file', format: 'auto' });
    const back = await other.judgements(ArtifactId.parse(made.candidateSetId)).read();
    expect(back.map(comparable)).toEqual([full, skip, judge].map(comparable));
  });

  test('as CSV is safe to open in a spreadsheet', async () => {
    const { workspace, set } = await rich();
    const text = await exportLabels(workspace, set.id, 'csv');
    expect(text).toContain("'=Two");
    expect(text).toContain("'+1");
  });

  test('as TRL’s preferences has a line for each pair that one annotator orders', async () => {
    const { workspace, set } = await rich();
    const standard = lines(await exportLabels(workspace, set.id, 'trl'));
    // a before b and a before c; b and c share a place, the skip and the tie order nothing.
    expect(standard.map(({ prompt, chosen, annotator }) => [prompt, chosen, annotator])).toEqual([
      ['Why?', standard[0].chosen, 'ada'],
      ['Why?', standard[0].chosen, 'ada'],
    ]);
    expect(standard[0]).toMatchObject({ chosen_ratings: { fluency: 5, charm: 1 }, role: 'gold' });
    const [conversation] = lines(await exportLabels(workspace, set.id, 'trl-conversational'));
    expect(conversation.prompt).toEqual([{ role: 'user', content: 'Why?' }]);
    expect(conversation.chosen).toEqual([{ role: 'assistant', content: standard[0].chosen }]);
  });

  test('corrections become a prompt file that sft reads', async () => {
    const { workspace, set } = await rich();
    const text = await exportLabels(workspace, set.id, 'demonstrations');
    const { parsePrompts } = await import('../core/prompts.ts');
    expect(parsePrompts(text, 'file')).toMatchObject([
      { demonstration: 'Two, mended.', messages: [{ role: 'user', content: 'Why?' }] },
    ]);
  });
});

test('sound files come along, from below the file’s own folder only', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'fourfold-sound-'));
  dirs.push(dir);
  await mkdir(join(dir, 'in'));
  await writeFile(join(dir, 'in', 'one.wav'), 'sound one');
  await writeFile(join(dir, 'secret.wav'), 'secret');
  const text = (path: string) =>
    JSON.stringify({ prompt: 'Say it.', candidates: [{ text: 'a', audio: path }, { text: 'b' }] });
  const { workspace, set, items } = await imported(text('one.wav'), 'auto', join(dir, 'in'));
  const spoken = items[0]?.candidates.find(({ audio }) => audio !== undefined)?.audio;
  expect(spoken).toMatchObject({ type: 'audio/wav' });
  expect(await readFile(join(workspace.artifacts.dir(set), spoken?.file ?? ''), 'utf8')).toBe('sound one');
  await expect(imported(text('../secret.wav'), 'auto', join(dir, 'in'))).rejects.toThrow('below');
  await expect(imported(text('one.wav'), 'auto', null)).rejects.toThrow('command line');
  await expect(imported(text('one.exe'), 'auto', join(dir, 'in'))).rejects.toThrow('.exe');
});
