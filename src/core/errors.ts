// The one table of errors. A message says what was expected, what came, and the remedy.

/** Each code's process exit status and HTTP status. */
export const ERROR_TABLE = {
  'bad-option': { exitStatus: 2, httpStatus: 400 },
  'bad-input': { exitStatus: 2, httpStatus: 400 },
  'not-found': { exitStatus: 2, httpStatus: 404 },
  'not-allowed': { exitStatus: 2, httpStatus: 403 },
  'not-signed-in': { exitStatus: 2, httpStatus: 401 },
  conflict: { exitStatus: 2, httpStatus: 409 },
  'bad-model': { exitStatus: 2, httpStatus: 422 },
  unsupported: { exitStatus: 2, httpStatus: 422 },
  'too-long': { exitStatus: 2, httpStatus: 413 },
  'too-many': { exitStatus: 75, httpStatus: 429 },
  'storage-failed': { exitStatus: 74, httpStatus: 507 },
  'server-failed': { exitStatus: 69, httpStatus: 502 },
  'not-finite': { exitStatus: 3, httpStatus: 500 },
  'not-better': { exitStatus: 1, httpStatus: 500 },
  interrupted: { exitStatus: 130, httpStatus: 503 },
  internal: { exitStatus: 70, httpStatus: 500 },
} as const;

export type ErrorCode = keyof typeof ERROR_TABLE;

/** Everything that can go wrong in a way that a user can act on. */
export class FourfoldError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'FourfoldError';
    this.code = code;
  }

  get exitStatus(): number {
    return ERROR_TABLE[this.code].exitStatus;
  }

  get httpStatus(): number {
    return ERROR_TABLE[this.code].httpStatus;
  }
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The `code` of a Node system error ('ENOENT', 'ENOSPC', ...), or null. */
export function systemCodeOf(error: unknown): string | null {
  if (typeof error !== 'object' || error === null || !('code' in error)) return null;
  return typeof error.code === 'string' ? error.code : null;
}

const ELSEWHERE = 'choose another --workspace';

const STORAGE_REMEDY: Record<string, string> = {
  ENOSPC: 'the disk is full; free some space and run the same command again',
  EDQUOT: 'the disk quota is used up; free some space and run the same command again',
  EFBIG: 'a limit on file sizes is reached (ulimit -f); raise it and run the same command again',
  EROFS: `the disk is read-only; ${ELSEWHERE}`,
  EACCES: `permission was denied; check who owns the path, or ${ELSEWHERE}`,
  EPERM: `permission was denied; check who owns the path, or ${ELSEWHERE}`,
  EIO: `the disk reports a fault; check it, or ${ELSEWHERE}`,
  EMFILE: 'too many files are open; raise the limit (ulimit -n)',
  EEXIST: 'something of that name is there already, a file where a folder was expected',
  ENOTDIR: 'a part of the path is a file where a folder was expected',
  EISDIR: 'a folder stands where a file was expected',
};

/**
 * Turns a Node file-system error into one of ours; anything else comes back unchanged.
 * @param elsewhere what to do about a place that cannot be used, where it is not the workspace: 'choose another folder'
 */
export function asStorageError(
  error: unknown,
  path: string,
  verb: 'read' | 'write',
  elsewhere: string = ELSEWHERE,
): unknown {
  if (error instanceof FourfoldError) return error;
  const code = systemCodeOf(error);
  if (code === 'ENOENT' && verb === 'read') {
    return new FourfoldError('not-found', `Expected a file or folder at ${path}; there is none. Check the path.`, {
      cause: error,
    });
  }
  const remedy =
    code === null ? undefined : (STORAGE_REMEDY[code] ?? (code === 'ENOENT' ? 'the folder is missing' : undefined));
  if (remedy === undefined) return error;
  return new FourfoldError(
    'storage-failed',
    `Could not ${verb} ${path}: ${remedy.replace(ELSEWHERE, elsewhere)} (${code}).`,
    { cause: error },
  );
}
