// fourfold engine: which numeric back ends start on this machine.
import { z } from 'zod';
import { messageOf } from '../../core/errors.ts';
import { defineCommand } from '../command.ts';
import { tableText } from '../table.ts';

const list = defineCommand({
  name: 'engine list',
  describe: 'Try each numeric back end; --backend auto takes the first that starts',
  config: z.strictObject({}),
  async run({ json, print, note, progress }) {
    const { BACKENDS, startEngine } = await import('../../engine/backend.ts');
    const results: { backend: string; starts: boolean; reason: string | null }[] = [];
    const task = progress.start('engine', BACKENDS.length, 'back ends');
    for (const [i, backend] of BACKENDS.entries()) {
      try {
        await startEngine({ backend, note });
        results.push({ backend, starts: true, reason: null });
      } catch (error) {
        results.push({ backend, starts: false, reason: messageOf(error) });
      }
      task.update(i + 1);
    }
    task.finish();
    const auto = results.find((result) => result.starts)?.backend ?? null;
    if (json) return print(JSON.stringify({ auto, backends: results }));
    const rows = results.map(({ backend, starts, reason }) => [
      backend,
      starts ? (backend === auto ? 'starts (auto)' : 'starts') : 'no',
      reason ?? '',
    ]);
    print(tableText(['back end', 'here', 'why not'], rows));
  },
});

export const commands = [list];
