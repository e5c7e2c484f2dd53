// fourfold engine: which numeric back ends start on this machine.
import { z } from 'zod';
import { defineCommand } from '../command.ts';
import { tableText } from '../table.ts';

const list = defineCommand({
  name: 'engine list',
  describe: 'Try each numeric back end, and what --backend auto takes',
  config: z.strictObject({}),
  async run({ json, print, note, progress }) {
    const { BACKENDS } = await import('../../engine/backend.ts');
    const { surveyBackends } = await import('../../engine/survey.ts');
    const task = progress.start('engine', BACKENDS.length, 'back ends');
    const survey = await surveyBackends({ note, onTried: (tried) => task.update(tried) });
    task.finish();
    if (json) return print(JSON.stringify(survey));
    const rows = survey.backends.map(({ backend, starts, threads, reason }) => {
      const words = [
        starts ? 'starts' : 'no',
        ...(threads === null ? [] : [`${threads} ${threads === 1 ? 'thread' : 'threads'}`]),
        ...(backend === survey.auto ? ['taken by auto'] : []),
      ];
      return [backend, words.join(', '), reason ?? ''];
    });
    print(tableText(['back end', 'here', 'why not'], rows));
  },
});

export const commands = [list];
