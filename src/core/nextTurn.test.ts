import { nextTurn, nextTurnUnlessStopped } from './nextTurn.ts';

test('timers are heard between turns, which microtasks alone do not allow', async () => {
  let isHeard = false;
  setTimeout(() => {
    isHeard = true;
  }, 0);
  const until = Date.now() + 5;
  while (Date.now() < until) await Promise.resolve();
  expect(isHeard).toBe(false);
  // The first turn may be within the round of the loop that is under way.
  await nextTurn();
  await nextTurn();
  expect(isHeard).toBe(true);
});

test('an aborted signal ends the work by its name; without a signal it goes on', async () => {
  await expect(nextTurnUnlessStopped(AbortSignal.abort(), 'Scoring')).rejects.toMatchObject({
    code: 'interrupted',
    message: 'Scoring was stopped.',
  });
  await expect(nextTurnUnlessStopped(new AbortController().signal, 'Scoring')).resolves.toBeUndefined();
  await expect(nextTurnUnlessStopped(undefined, 'Scoring')).resolves.toBeUndefined();
});
