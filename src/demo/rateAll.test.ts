// The panel through the labeling server itself.
import { rm } from 'node:fs/promises';
import { startServer } from '../../annotate-ui/server/server.ts';
import { labelingWorkspace } from '../../annotate-ui/server/testing/labelingWorkspace.ts';
import { PANEL, type PanelRater, rateAll } from './panel.ts';

test('a rater labels every item once, and is on record as simulated', async () => {
  const { workspace, set } = await labelingWorkspace();
  const [rater] = PANEL as [PanelRater];
  const { token } = workspace.annotators.add({ id: rater.id, name: rater.name, simulated: true });
  const server = await startServer({ workspace, candidateSetId: set.id, port: 0, note: () => undefined });
  try {
    let judged = 0;
    const controller = new AbortController();
    const options = { url: server.url, rater, token, seed: 7, signal: controller.signal };
    const stopAfterOne = () => {
      judged++;
      controller.abort();
    };
    await expect(rateAll({ ...options, onJudged: stopAfterOne })).rejects.toMatchObject({ code: 'interrupted' });
    expect(judged).toBe(1);
    // Signing in again goes on with what is left.
    const onJudged = () => void judged++;
    await rateAll({ ...options, signal: new AbortController().signal, onJudged });
    expect(judged).toBe(3);
    const judgements = await workspace.judgements(set.id).read();
    expect(judgements).toHaveLength(3);
    expect(new Set(judgements.map(({ itemId }) => itemId)).size).toBe(3);
    for (const { source, ratings } of judgements) {
      expect(source).toEqual({ kind: 'human', annotatorId: rater.id, simulated: true });
      expect(Object.keys(ratings)).toHaveLength(3);
    }
    await expect(rateAll({ ...options, token: `${rater.id}:wrong`, onJudged })).rejects.toMatchObject({
      code: 'server-failed',
      message: expect.stringContaining('401'),
    });
  } finally {
    await server.close();
    await rm(workspace.dir, { recursive: true, force: true });
  }
});
