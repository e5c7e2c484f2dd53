// The demo's report: what the workspace knows, with the verdict, samples and next steps.
import { collectReport } from '../evaluate/collectReport.ts';
import { writeReport } from '../evaluate/report.ts';
import { samplesData } from '../evaluate/samplesData.ts';
import type { Job } from '../store/job.ts';
import { type DemoOutcome, GOLD_JUDGE } from './runDemo.ts';
import type { DemoVerdict } from './verdict.ts';

/** Commands that carry on from a demo, for the closing words and the report. */
export function nextSteps(
  { policy, sft }: DemoOutcome,
  workspaceDir: string,
): Array<{ text: string; command: string }> {
  const where = `--workspace ${workspaceDir}`;
  return [
    {
      text: 'Talk to the policy',
      command: `npx fourfold generate --model ${policy.id} --prompt "Tell me a short story about a cat." ${where}`,
    },
    { text: 'Label yourself: make an annotator', command: `npx fourfold annotators add me ${where}` },
    { text: 'then open the page', command: `npx fourfold serve ${where}` },
    { text: 'See what made the policy', command: `npx fourfold lineage ${policy.id} ${where}` },
    {
      text: 'Bring your own prompts',
      command: `npx fourfold sft --model ${sft.id} --prompts my-prompts.jsonl ${where}`,
    },
  ];
}

/** Writes report.json and report.html into the workspace. @returns the page's path */
export async function writeDemoReport(
  job: Job,
  outcome: DemoOutcome,
  { summary, checks }: DemoVerdict,
  { seed, workspaceArgument }: { seed: number; workspaceArgument: string },
): Promise<string> {
  const { evaluations, base, sft, policy } = outcome;
  const { seconds, passed, ...figures } = summary;
  const { pagePath } = await writeReport(job.workspace.dir, {
    version: 1,
    title: 'fourfold demo: respond, rate, reward, reinforce',
    subtitle: `One small model through all four phases on the bundled data, measured on ${evaluations.policy.prompts.length} held-out prompts`,
    createdAt: new Date().toISOString(),
    headline: {
      passed,
      checks: checks.map(({ passed, of, reason }) => ({ passed, of, reason })),
      ...figures,
      seconds,
      seed,
      engine: job.engine,
    },
    ...(await collectReport(job.workspace, policy.id)),
    samples: samplesData({
      prompts: evaluations.policy.prompts,
      models: [
        { name: base.id, role: 'base', replies: evaluations.base.replies },
        { name: sft.id, role: 'sft', replies: evaluations.sft.replies },
        { name: policy.id, role: 'policy', replies: evaluations.policy.replies },
      ],
      utility: GOLD_JUDGE.utility,
    }),
    reproduce: [
      { text: 'The same numbers again', command: `npx fourfold demo --seed ${seed} --workspace OTHER_FOLDER` },
    ],
    nextSteps: nextSteps(outcome, workspaceArgument),
  });
  return pagePath;
}
