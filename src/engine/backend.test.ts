import { startEngine } from './backend.ts';
import * as tf from './tf.ts';

test('starting wasm for the first time leaves the error handling of the process alone', async () => {
  const count = (): number => process.listenerCount('uncaughtException') + process.listenerCount('unhandledRejection');
  const before = count();
  await startEngine({ backend: 'wasm' });
  expect(count()).toBe(before);
});

test('auto starts the first rung that works and says in one line which fell away, and why', async () => {
  const notes: string[] = [];
  const { backend } = await startEngine({ note: (line) => notes.push(line) });
  expect(tf.getBackend()).toBe(backend);
  if (backend === 'tensorflow') {
    expect(notes).toEqual([]);
  } else {
    expect(notes).toHaveLength(1);
    expect(notes[0]).toMatch(new RegExp(`^tensorflow: .*; using ${backend}$`));
  }
});

test.each(['wasm', 'cpu'] as const)('%s by name is what runs', async (backend) => {
  expect(await startEngine({ backend })).toEqual({ backend });
  expect(tf.getBackend()).toBe(backend);
  expect(Array.from(await tf.add([1, 2], [3, 4]).data())).toEqual([4, 6]);
});

test('a back end asked for by name that cannot start is an error with reason and remedy, and the old one stays', async () => {
  await startEngine({ backend: 'wasm' });
  try {
    await startEngine({ backend: 'tensorflow' });
  } catch (error) {
    expect(error).toMatchObject({ code: 'unsupported' });
    expect(String(error)).toMatch(/tensorflow.*not installed.*fourfold engine install tensorflow/s);
    expect(tf.getBackend()).toBe('wasm');
    return;
  }
  expect(tf.getBackend()).toBe('tensorflow');
});

test('threads for a back end that has none of ours are said to go unused', async () => {
  const notes: string[] = [];
  const note = (line: string): number => notes.push(line);
  await startEngine({ backend: 'cpu', threads: 1, note });
  await startEngine({ backend: 'cpu', threads: 0, note });
  expect(notes).toEqual([]);
  await startEngine({ backend: 'cpu', threads: 2, note });
  expect(notes).toEqual([expect.stringContaining('--threads 2 is for the back ends wasm and tensorflow; cpu')]);
});

test('starting twice at once gives each caller its answer', async () => {
  const [first, second] = await Promise.all([startEngine({ backend: 'cpu' }), startEngine({ backend: 'wasm' })]);
  expect([first.backend, second.backend]).toEqual(['cpu', 'wasm']);
  expect(tf.getBackend()).toBe('wasm');
});
