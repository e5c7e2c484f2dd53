import type { startEngine } from './backend.ts';
import { surveyBackends } from './survey.ts';

test('auto is what asking for auto starts, not the first that starts by name', async () => {
  // webgpu on a software adapter: it starts by name, and auto passes it over.
  const start: typeof startEngine = async ({ backend = 'auto' } = {}) => {
    if (backend === 'tensorflow') throw new Error('no native library');
    return { backend: backend === 'auto' ? 'wasm' : backend };
  };
  let tried = 0;
  const threadsOf = async (backend: string) => (backend === 'wasm' ? 2 : null);
  const survey = await surveyBackends({
    start,
    threadsOf,
    aboutOf: async (backend) => (backend === 'wasm' ? 'of its own' : null),
    onTried: () => {
      tried += 1;
    },
  });
  expect(survey).toEqual({
    auto: 'wasm',
    backends: [
      { backend: 'tensorflow', starts: false, threads: null, about: null, reason: 'no native library' },
      { backend: 'webgpu', starts: true, threads: null, about: null, reason: null },
      { backend: 'wasm', starts: true, threads: 2, about: 'of its own', reason: null },
      { backend: 'cpu', starts: true, threads: null, about: null, reason: null },
    ],
  });
  expect(tried).toBe(4);
});

test('where auto starts nothing there is none, and a note says why', async () => {
  const notes: string[] = [];
  const start: typeof startEngine = async () => {
    throw new Error('nothing starts');
  };
  const { auto, backends } = await surveyBackends({ start, note: (line) => notes.push(line) });
  expect(auto).toBeNull();
  expect(backends.map(({ starts }) => starts)).toEqual([false, false, false, false]);
  expect(notes).toEqual(['nothing starts']);
});
