import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sha256 } from '../core/ids.ts';
import { readDocuments } from './texts.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fourfold-texts-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

async function file(name: string, text: string): Promise<string> {
  const path = join(dir, name);
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, text);
  return path;
}

test('paragraphs of a text are documents, whatever the blank lines hold', async () => {
  const path = await file('a.txt', '\n\nOne\ngoes on.\n\n\nTwo. \n \t\nThree.\n');
  const { documents, files } = await readDocuments([path]);
  expect(documents).toEqual(['One\ngoes on.', 'Two.', 'Three.']);
  expect(Object.keys(files)).toEqual(['a.txt']);
});

test("a folder gives its .txt files in the names' order, and nothing else", async () => {
  await file('b/2.txt', 'two');
  await file('b/1.txt', 'one');
  await file('b/readme.md', 'not read');
  expect((await readDocuments([join(dir, 'b')])).documents).toEqual(['one', 'two']);
});

test('a training prompt with its demonstration is one document; held-out ones are never read', async () => {
  const path = await file(
    'p.jsonl',
    [
      { id: 'a', prompt: 'Ask a', demonstration: 'Say a' },
      { id: 'b', split: 'heldout', prompt: 'SECRET ask', demonstration: 'SECRET say' },
      {
        id: 'c',
        split: 'train',
        messages: [
          { role: 'system', content: 'Be kind' },
          { role: 'user', content: 'Ask c' },
        ],
      },
    ]
      .map((line) => JSON.stringify(line))
      .join('\n'),
  );
  expect((await readDocuments([path])).documents).toEqual(['Ask a\nSay a', 'Be kind\nAsk c']);
});

test('each file read is named with its hash, also where two have one name', async () => {
  const [one, two] = [await file('x/t.txt', 'one'), await file('y/t.txt', 'two')];
  expect((await readDocuments([one, two])).files).toEqual({ 't.txt': sha256('one'), [two]: sha256('two') });
});

test('what cannot be read is named', async () => {
  await expect(readDocuments([join(dir, 'none.txt')])).rejects.toMatchObject({
    code: 'not-found',
    message: expect.stringContaining('none.txt'),
  });
  await expect(readDocuments([await file('empty.txt', ' \n\n ')])).rejects.toMatchObject({
    code: 'bad-input',
    message: expect.stringContaining('empty.txt'),
  });
  await expect(readDocuments([await file('p.jsonl', '{"id":"a","prompt":"x"}\n{"id":"b"}\n')])).rejects.toMatchObject({
    code: 'bad-input',
    message: expect.stringContaining('p.jsonl, line 2'),
  });
});
