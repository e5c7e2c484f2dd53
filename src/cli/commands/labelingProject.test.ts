// From a file of labels to a project with a gate, on the command line.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Harness, makeHarness } from '../testing/harness.ts';

let harness: Harness;
beforeEach(async () => {
  harness = await makeHarness();
});
afterEach(() => harness.remove());
const run = (...argv: string[]) => harness.run([...argv, '--workspace', 'ws']);
const file = (name: string, content: unknown) =>
  writeFile(join(harness.cwd, name), typeof content === 'string' ? content : JSON.stringify(content));

/** Two annotators on 30 pairs; they prefer different replies where `differs` says so. */
async function importPairs(differs: (i: number) => boolean) {
  const lines = Array.from({ length: 30 }, (_, i) => {
    const [good, bad] = i % 2 === 0 ? ['Yes, it is.', 'No it no.'] : ['Because of rain.', 'Rain rain.'];
    const line = (annotator: string, chosen: string, rejected: string) =>
      JSON.stringify({ prompt: `Question ${i}?`, chosen: `${chosen} ${i}`, rejected: `${rejected} ${i}`, annotator });
    return [line('ada', good, bad), differs(i) ? line('bo', bad, good) : line('bo', good, bad)].join('\n');
  });
  await file('labels.jsonl', `${lines.join('\n')}\n`);
  return JSON.parse((await run('labels', 'import', 'labels.jsonl', '--json')).stdout);
}

test('a gate keeps pairs from being built while raters disagree, says so, and can be overridden on record', async () => {
  expect(await importPairs((i) => i % 2 === 0)).toMatchObject({ items: 30, judgements: 60, passedOverTotal: 0 });
  await file('settings.json', { gate: { bars: { comparison: 0.6 }, minimumItems: 20 } });
  const made = await run(
    'project',
    'create',
    '--title',
    'Weather',
    '--overlap',
    '2',
    '--settings',
    'settings.json',
    '--json',
  );
  const project = JSON.parse(made.stdout);
  expect(project).toMatchObject({ title: 'Weather', overlap: 2, gate: { bars: { comparison: 0.6 } } });
  const refused = await run('pairs');
  expect(refused.status).toBe(2);
  expect(refused.stderr).toContain('comparison: alpha is');
  expect(refused.stderr).toContain('the bar is 0.6');
  const forced = JSON.parse((await run('pairs', '--ignore-gate', '--json')).stdout);
  const card = JSON.parse((await run('lineage', forced.id, '--json')).stdout);
  expect(JSON.stringify(card)).toContain('"ignoreGate":true');
  await file('open.json', { gate: { bars: { comparison: -1 } } });
  expect((await run('project', 'set', project.id, '--settings', 'open.json')).status).toBe(0);
  expect((await run('pairs')).status).toBe(0);
});

test('raters who agree open the gate', async () => {
  await importPairs((i) => i === 3);
  await file('settings.json', { gate: { bars: { comparison: 0.6 } } });
  await run('project', 'create', '--settings', 'settings.json');
  expect((await run('pairs')).status).toBe(0);
});

test('a project is made once, shown, listed, and wrong settings are named', async () => {
  const { candidateSetId } = await importPairs(() => false);
  await file('guide.md', '# Be kind');
  const made = await run('project', 'create', '--guidelines', 'guide.md', '--json');
  const { id } = JSON.parse(made.stdout);
  expect(JSON.parse((await run('project', 'show', id)).stdout)).toMatchObject({
    guidelines: '# Be kind',
    candidateSetId,
  });
  expect((await run('project', 'list')).stdout).toContain(id);
  expect((await run('project', 'create')).stderr).toContain('project set');
  await file('bad.json', { gold: { items: [{ itemId: 'item-none', best: null }] } });
  expect((await run('project', 'set', id, '--settings', 'bad.json')).stderr).toContain('item-none');
  await file('unknown.json', { overlaps: 2 });
  expect((await run('project', 'set', id, '--settings', 'unknown.json')).stderr).toContain('overlaps');
  expect((await run('project', 'show', 'project-none')).stderr).toContain(id);
});

test('labels go out to a file, and in again', async () => {
  await importPairs((i) => i === 3);
  for (const [format, count] of [
    ['trl', 60],
    ['jsonl', 60],
  ] as const) {
    const out = `${format}.jsonl`;
    expect((await run('labels', 'export', '--format', format, '--output', out)).status).toBe(0);
    expect((await readFile(join(harness.cwd, out), 'utf8')).trim().split('\n')).toHaveLength(count);
    const again = await harness.run(['labels', 'import', out, '--json', '--workspace', `ws-${format}`]);
    expect(JSON.parse(again.stdout)).toMatchObject({ items: 30, judgements: 60 });
  }
  expect((await run('labels', 'export', '--output', 'none/out.jsonl')).stderr).toContain('the folder is missing');
});

test('an invitation and a role are made on the command line, and are on the audit log', async () => {
  const invited = JSON.parse((await run('annotators', 'invite', '--role', 'lead', '--hours', '1', '--json')).stdout);
  expect(invited.path).toMatch(/^\/#invite=[0-9a-f]{12}\.[\w-]{43}$/);
  expect(JSON.parse((await run('annotators', 'add', 'ada', '--role', 'admin', '--json')).stdout).annotator.role).toBe(
    'admin',
  );
  expect((await run('annotators', 'add', 'bo', '--role', 'king')).status).toBe(2);
  const audit = await readFile(join(harness.cwd, 'ws', 'audit.jsonl'), 'utf8');
  expect(
    audit
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).action),
  ).toEqual(['invitation.make', 'person.add']);
});

test('the interface is described without a server that listens', async () => {
  await importPairs(() => false);
  const { stdout } = await run('serve', '--openapi', '--json');
  expect(JSON.parse(stdout).paths).toHaveProperty('/api/tasks/next');
});
