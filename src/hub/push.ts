// A folder as one commit of a repository of the hub. Large files go by git-lfs, as @huggingface/hub has it.
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { commitIter, createRepo } from '@huggingface/hub';
import { FourfoldError } from '../core/errors.ts';
import type { Progress } from '../core/progress.ts';
import type { HubEnvironment } from './environment.ts';
import { hubErrorOf, statusOf } from './hubErrors.ts';
import { DEFAULT_REVISION, type HubName, hubNameText } from './hubName.ts';

export interface PushOptions {
  hub: HubEnvironment;
  /** The revision is the branch that gets the commit. */
  name: HubName;
  /** Every file of it, subfolders included, is sent. */
  dir: string;
  /** Title of the commit. */
  title: string;
  /** Makes a repository that is not there yet private. */
  isPrivate: boolean;
  progress: Progress;
  signal?: AbortSignal;
}

export interface Pushed {
  /** Where people find it. */
  url: string;
  commit: string;
}

async function filesOf(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(dir.length + 1))
    .sort();
}

async function makeRepository(token: string, { hub, name, isPrivate }: PushOptions): Promise<void> {
  try {
    await createRepo({
      repo: { type: 'model', name: name.repository },
      hubUrl: hub.endpoint,
      accessToken: token,
      visibility: isPrivate ? 'private' : 'public',
    });
  } catch (error) {
    // 409: it is there already.
    if (statusOf(error) !== 409) throw error;
  }
}

function tokenOf({ endpoint, token, isOffline }: HubEnvironment, what: string): string {
  if (isOffline) {
    throw new FourfoldError(
      'bad-option',
      `HF_HUB_OFFLINE forbids to send ${what} to ${endpoint}. Unset the variable, or use: fourfold models export.`,
    );
  }
  if (token === null) {
    throw new FourfoldError(
      'not-allowed',
      `Expected a token that may write ${what}; there is none. Set HF_TOKEN, or sign in with: hf auth login.`,
    );
  }
  if (!token.startsWith('hf_')) {
    throw new FourfoldError('not-allowed', 'Expected a token that begins with hf_, got another one. Mend HF_TOKEN.');
  }
  return token;
}

/** Sends a folder. @throws not-allowed, not-found, server-failed, interrupted */
export async function pushFolder(options: PushOptions): Promise<Pushed> {
  const { hub, name, dir, title, progress, signal } = options;
  const what = hubNameText(name);
  const accessToken = tokenOf(hub, what);
  const paths = await filesOf(dir);
  const sizes = new Map(
    await Promise.all(paths.map(async (path) => [path, (await stat(join(dir, path))).size] as const)),
  );
  const total = [...sizes.values()].reduce((sum, size) => sum + size, 0) / 1e6;
  const task = progress.start(`send ${what}`, Math.round(total * 10) / 10, 'MB');
  try {
    await makeRepository(accessToken, options);
    const sent = new Map<string, number>();
    const events = commitIter({
      repo: { type: 'model', name: name.repository },
      branch: name.revision ?? DEFAULT_REVISION,
      hubUrl: hub.endpoint,
      accessToken,
      title,
      operations: paths.map((path) => ({
        operation: 'addOrUpdate' as const,
        path,
        content: pathToFileURL(join(dir, path)),
      })),
      ...(signal === undefined ? {} : { abortSignal: signal }),
    });
    for (let event = await events.next(); ; event = await events.next()) {
      if (event.done) {
        if (event.value === undefined) throw new FourfoldError('server-failed', `${hub.endpoint} confirmed no commit.`);
        return { url: `${hub.endpoint}/${name.repository}`, commit: event.value.commit.oid };
      }
      if (event.value.event !== 'fileProgress' || event.value.state !== 'uploading') continue;
      sent.set(event.value.path, (sizes.get(event.value.path) ?? 0) * event.value.progress);
      const bytes = [...sent.values()].reduce((sum, size) => sum + size, 0);
      task.update(Math.round(bytes / 1e5) / 10, { file: event.value.path });
    }
  } catch (error) {
    if (signal?.aborted) {
      throw new FourfoldError('interrupted', `Stopped sending ${what}. No commit was made.`, { cause: error });
    }
    throw hubErrorOf(error, what, hub);
  } finally {
    task.finish();
  }
}
