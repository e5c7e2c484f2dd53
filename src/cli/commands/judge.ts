// fourfold judge: scores the items of a candidate set with a judge.
import { JudgeConfig } from '../../judge/config.ts';
import { defineCommand } from '../command.ts';

export const command = defineCommand({
  name: 'judge',
  describe: 'Score candidates with a judge: offline rules, or a language model behind a server',
  config: JudgeConfig,
  printsConfig: true,
  stopNote: 'stopping: finished verdicts are kept; press Ctrl-C again to quit at once',
  async run({ config, workspace, json, progress, signal, env, print, note }) {
    const { openJudge } = await import('../../judge/openJudge.ts');
    const { judgeCandidates } = await import('../../judge/judgeCandidates.ts');
    const judge = await openJudge(config, env);
    const result = await judgeCandidates({
      workspace: await workspace(),
      candidateSetId: config.candidateSet,
      judge,
      concurrency: config.concurrency,
      limit: config.limit,
      signal,
      progress,
    });
    if (json) {
      print(JSON.stringify(result));
      return;
    }
    const percent = (share: number | null) => (share === null ? 'n/a' : `${(100 * share).toFixed(1)} %`);
    print(`judge                 ${result.judge} (${result.promptHash})`);
    print(`candidate set         ${result.candidateSetId}, ${result.items} items`);
    print(`judged now            ${result.judged}; before: ${result.alreadyJudged}`);
    print(`failures              ${result.failures} (${percent(result.failureRate)}), recorded as missing`);
    print(`same best both orders ${percent(result.positionConsistency)}`);
    for (const [reason, times] of Object.entries(result.failureReasons).slice(0, 5)) note(`${times} x ${reason}`);
    if (result.failures > 0) note('Run the same command again to try the failed items once more.');
    else note('Next: fourfold pairs.');
  },
});
