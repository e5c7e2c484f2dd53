// Changing a project's settings: what a lead may see of them, and what a change must hold to.
import { Project, type ProjectChange, type ProjectSettings } from '../../../src/core/annotation/project.ts';
import { FourfoldError } from '../../../src/core/errors.ts';
import { ProjectId } from '../../../src/core/ids.ts';
import { parseWith } from '../../../src/core/jsonl.ts';
import type { LabelingItem } from './labelingSet.ts';

/** The settings without the webhook's key. */
export function settingsOf(project: Project): ProjectSettings {
  const { webhook } = project;
  if (webhook === null) return { ...project, webhook: null };
  const { secret: _, ...shown } = webhook;
  return { ...project, webhook: { ...shown, hasSecret: true } };
}

/**
 * The project with the change made. A default project becomes one of its own.
 * @throws bad-input where known answers name what the set does not hold, or what is asked for makes no sense.
 */
export function changedProject(
  project: Project,
  { webhook, ...change }: ProjectChange,
  items: ReadonlyMap<string, LabelingItem>,
): Project {
  const isDefault = project.id === `default-${project.candidateSetId}`;
  const secret = webhook?.secret ?? project.webhook?.secret;
  const next = parseWith(
    Project,
    {
      ...project,
      ...change,
      ...(isDefault ? { id: ProjectId.parse(`project-${project.candidateSetId}`) } : {}),
      ...(webhook === undefined ? {} : { webhook: webhook === null ? null : { ...webhook, secret } }),
    },
    'project',
  );
  checkProject(next, items);
  return next;
}

const complain = (message: string) => new FourfoldError('bad-input', message);

/** @throws bad-input. */
export function checkProject(project: Project, items: ReadonlyMap<string, LabelingItem>): void {
  const { ask, criteria, qualification, gold, gate } = project;
  if (ask.ratings && criteria.length === 0)
    throw complain('criteria: expected one at least, since ratings are asked for.');
  if (!ask.ratings && ask.comparison === 'none' && !ask.correction) {
    throw complain('ask: expected ratings, a comparison or corrections; there is nothing to do.');
  }
  const ids = criteria.map(({ id }) => id);
  const twice = ids.find((id, i) => ids.indexOf(id) !== i);
  if (twice !== undefined) throw complain(`criteria: ${twice} is there twice.`);
  const odd = Object.keys(gate?.bars ?? {}).find((name) => name !== 'comparison' && !ids.includes(name));
  if (odd !== undefined) throw complain(`gate.bars: expected comparison or one of ${ids.join(', ')}, got ${odd}.`);
  const asked = [...(qualification?.items ?? []), ...(gold?.items ?? [])];
  const seen = new Set<string>();
  for (const { itemId, best, ratings } of asked) {
    const item = items.get(itemId);
    if (item === undefined) throw complain(`${itemId} is not an item of ${project.candidateSetId}.`);
    if (seen.has(itemId)) throw complain(`${itemId} is among the known answers twice.`);
    seen.add(itemId);
    if (best === undefined && ratings === undefined) throw complain(`${itemId}: expected best or ratings to be known.`);
    const named = [...(best === null || best === undefined ? [] : [best]), ...Object.keys(ratings ?? {})];
    const stranger = named.find((candidateId) => !item.candidateIds.some((own) => own === candidateId));
    if (stranger !== undefined) throw complain(`${stranger} is not a candidate of ${itemId}.`);
  }
  if (seen.size >= items.size)
    throw complain('Expected items without known answers too; there would be nothing to label.');
}
