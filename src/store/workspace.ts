// A workspace: one folder with the index (db.json), artefact folders, runs and record logs.
// Opening is cheap; nothing is created until something is written.
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { AuditEntry } from '../core/annotation/people.ts';
import { asStorageError } from '../core/errors.ts';
import type { ArtifactId } from '../core/ids.ts';
import { Judgement } from '../core/records.ts';
import { type Annotators, annotatorsIn } from './annotators.ts';
import { type Artifacts, artifactsIn } from './artifacts.ts';
import { openIndex } from './indexFile.ts';
import { type Invitations, invitationsIn } from './invitations.ts';
import { JsonlLog } from './jsonlLog.ts';
import { type Projects, projectsIn } from './projects.ts';
import { type Runs, runsIn } from './runs.ts';
import { type Schedules, schedulesIn } from './schedules.ts';

export interface Workspace {
  readonly dir: string;
  readonly artifacts: Artifacts;
  readonly runs: Runs;
  readonly annotators: Annotators;
  readonly invitations: Invitations;
  readonly projects: Projects;
  /** Who did what, in the order in which it was done. */
  readonly audit: JsonlLog<typeof AuditEntry>;
  readonly schedules: Schedules;
  /** All judgements of a candidate set, by humans and by judges, in the order in which they were accepted. */
  judgements(candidateSetId: ArtifactId): JsonlLog<typeof Judgement>;
}

/** Opens the workspace in `dir`, making the folder where there is none. @throws storage-failed. */
export async function openWorkspace(dir: string): Promise<Workspace> {
  const root = resolve(dir);
  try {
    await mkdir(root, { recursive: true });
  } catch (error) {
    throw asStorageError(error, root, 'write');
  }
  const index = openIndex(join(root, 'db.json'));
  return {
    dir: root,
    artifacts: artifactsIn(root, index),
    runs: runsIn(root),
    annotators: annotatorsIn(index),
    invitations: invitationsIn(index),
    projects: projectsIn(root),
    audit: new JsonlLog(join(root, 'audit.jsonl'), AuditEntry),
    schedules: schedulesIn(index),
    judgements: (candidateSetId) => new JsonlLog(join(root, 'judgements', `${candidateSetId}.jsonl`), Judgement),
  };
}
