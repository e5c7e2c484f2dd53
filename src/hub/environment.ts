// Where the hub is and who asks, from the environment variables that huggingface_hub reads too:
// https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { FourfoldError, systemCodeOf } from '../core/errors.ts';

export interface HubEnvironment {
  /** 'https://huggingface.co', without a slash at the end. */
  endpoint: string;
  /** The folder of models--owner--name folders. */
  cacheDir: string;
  /** Never written anywhere, sent to the endpoint alone. */
  token: string | null;
  /** True where nothing may be asked of the network. */
  isOffline: boolean;
}

type Variables = Readonly<Record<string, string | undefined>>;

const isTrue = (value: string | undefined) => /^(1|on|yes|true)$/i.test(value ?? '');
const given = (value: string | undefined) => (value === undefined || value === '' ? null : value);

function endpointOf(env: Variables): string {
  const text = given(env.HF_ENDPOINT) ?? 'https://huggingface.co';
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text.replace(/\/+$/, '');
  throw new FourfoldError(
    'bad-option',
    `HF_ENDPOINT: expected an http or https address, got ${JSON.stringify(text)}. Mend the variable or unset it.`,
  );
}

async function tokenOf(env: Variables, home: string): Promise<string | null> {
  const fromVariable = given((env.HF_TOKEN ?? env.HUGGING_FACE_HUB_TOKEN)?.trim());
  if (fromVariable !== null) return fromVariable;
  if (isTrue(env.HF_HUB_DISABLE_IMPLICIT_TOKEN)) return null;
  try {
    return given((await readFile(given(env.HF_TOKEN_PATH) ?? join(home, 'token'), 'utf8')).trim());
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EACCES'].includes(systemCodeOf(error) ?? '')) return null;
    throw error;
  }
}

/** The hub as the variables have it. @throws bad-option where HF_ENDPOINT is no address. */
export async function hubEnvironment(env: Variables): Promise<HubEnvironment> {
  const cacheHome = given(env.XDG_CACHE_HOME) ?? join(homedir(), '.cache');
  const home = given(env.HF_HOME) ?? join(cacheHome, 'huggingface');
  return {
    endpoint: endpointOf(env),
    cacheDir: resolve(given(env.HF_HUB_CACHE) ?? given(env.HUGGINGFACE_HUB_CACHE) ?? join(home, 'hub')),
    token: await tokenOf(env, home),
    isOffline: isTrue(env.HF_HUB_OFFLINE) || isTrue(env.TRANSFORMERS_OFFLINE),
  };
}
