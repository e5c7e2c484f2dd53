import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packagePath } from '../../core/packageRoot.ts';
import { type Harness, makeHarness } from '../testing/harness.ts';

let harness: Harness;
beforeEach(async () => {
  harness = await makeHarness();
});
afterEach(() => harness.remove());

test('prints a table for people and JSON for scripts, with an interval beside each figure', async () => {
  await writeFile(join(harness.cwd, 'ratings.csv'), 'item,rater,value\n1,a,1\n1,b,1\n2,a,2\n2,b,1\n3,a,3\n3,b,3\n');
  const text = await harness.run(['agreement', '--input', 'ratings.csv', '--level', 'interval']);
  expect(text).toMatchObject({ status: 0 });
  expect(text.stdout).toContain("Krippendorff's alpha (interval)");
  const { stdout } = await harness.run(['agreement', '--input', 'ratings.csv', '--level', 'ratio', '--json']);
  // Two of three items agree; of six ratings 1 occurs three times, 2 once, 3 twice.
  expect(JSON.parse(stdout)).toMatchObject({
    percentAgreement: 2 / 3,
    cohenKappa: [{ raters: ['a', 'b'], kappa: expect.closeTo(0.5, 12), interval: { low: expect.any(Number) } }],
    alphaInterval: { low: expect.any(Number), high: expect.any(Number) },
    majority: { 1: 1, 3: 1 },
    noMajority: 1,
  });
});

test('names the file and the column that is missing', async () => {
  await writeFile(join(harness.cwd, 'ratings.csv'), 'id,a,b\n1,1,1\n');
  const { status, stderr } = await harness.run(['agreement', '--input', 'ratings.csv', '--raters', 'a,c']);
  expect(status).not.toBe(0);
  expect(stderr).toContain('ratings.csv: expected a column "c", got id, a, b');
});

const PAIRS = packagePath('..', 'shared', 'fixtures', 'pandalm-even', 'pairs.json');
const testWithFixture = existsSync(PAIRS) ? test : test.skip;
testWithFixture('gives the figures of three people on 500 pairs (skipped without ../shared/fixtures)', async () => {
  const { stdout } = await harness.run([
    'agreement',
    '--input',
    PAIRS,
    '--item',
    'idx',
    '--raters',
    'annotator1,annotator2,annotator3',
    '--json',
  ]);
  const figures = JSON.parse(stdout);
  expect(figures.cohenKappa.map(({ kappa }: { kappa: number }) => kappa.toFixed(4))).toEqual([
    '0.8391',
    '0.8657',
    '0.8640',
  ]);
  expect(figures.majority).toEqual({ 0: 47, 1: 217, 2: 236 });
});
