import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { asStorageError, FourfoldError } from './errors.ts';
import { parseJsonl, readJsonl, readTextFile, toJsonl } from './jsonl.ts';

const fault = (code: string) => Object.assign(new Error(code), { code });

test.each([
  ['ENOSPC', 'write', 'storage-failed', 'the disk is full'],
  ['EFBIG', 'write', 'storage-failed', 'ulimit -f'],
  ['EROFS', 'write', 'storage-failed', 'the disk is read-only'],
  ['EACCES', 'read', 'storage-failed', 'permission was denied'],
  ['ENOENT', 'read', 'not-found', 'there is none'],
  ['ENOENT', 'write', 'storage-failed', 'the folder is missing'],
] as const)('%s on %s becomes %s', (code, verb, expected, text) => {
  const error = asStorageError(fault(code), '/w/x', verb);
  expect(error).toMatchObject({ code: expected, message: expect.stringContaining(text), cause: { code } });
  expect(error).toMatchObject({ message: expect.stringContaining('/w/x') });
});

test('a place outside the workspace is not told to be another workspace', () => {
  for (const code of ['EROFS', 'EACCES', 'EPERM', 'EIO']) {
    const { message } = asStorageError(fault(code), '/out', 'write', 'choose another folder') as Error;
    expect(message).toContain('choose another folder');
    expect(message).not.toContain('--workspace');
  }
});

test('what is no file-system error, or is one of ours already, passes unchanged', () => {
  for (const error of [new TypeError('x'), fault('ESOMETHING'), new FourfoldError('conflict', 'taken'), null]) {
    expect(asStorageError(error, '/w', 'write')).toBe(error);
  }
});

test('each code has its statuses', () => {
  const error = new FourfoldError('not-better', 'no');
  expect([error.exitStatus, error.httpStatus]).toEqual([1, 500]);
  expect(new FourfoldError('interrupted', 'x').exitStatus).toBe(130);
});

describe('JSON Lines', () => {
  const Line = z.strictObject({ n: z.int() });

  test('come back as they went, blank lines and carriage returns apart', () => {
    expect(parseJsonl(toJsonl([{ n: 1 }, { n: 2 }]), Line, 'f')).toEqual([{ n: 1 }, { n: 2 }]);
    expect(parseJsonl('\r\n{"n":1}\r\n\n{"n":2}', Line, 'f')).toEqual([{ n: 1 }, { n: 2 }]);
  });

  test('a line that is no JSON or of another form is named by number, blank lines counted', () => {
    expect(() => parseJsonl('{"n":1}\n\n{"n":', Line, 'f')).toThrow('f, line 3: expected JSON');
    expect(() => parseJsonl('{"n":1}\n{"n":1.5}', Line, 'f')).toThrow('f, line 2: ');
    expect(() => parseJsonl('{"n":1,"m":2}', Line, 'f')).toThrow('f, line 1: ');
  });

  test('a file that is missing or a folder is named', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'fourfold-jsonl-'));
    try {
      await expect(readTextFile(join(dir, 'none'))).rejects.toMatchObject({ code: 'not-found' });
      await expect(readTextFile(dir)).rejects.toMatchObject({ code: 'storage-failed' });
      await writeFile(join(dir, 'x.jsonl'), '{"n":7}\n');
      expect(await readJsonl(join(dir, 'x.jsonl'), Line)).toEqual([{ n: 7 }]);
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  });
});
