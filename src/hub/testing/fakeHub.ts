// A server that speaks as much of the hub's protocol as pulling and pushing need, for tests: model info by revision, the
// file tree, resolve with ETag, X-Repo-Commit, X-Linked-Etag, Range and the redirect to another host's storage; repository
// making, preupload, git-lfs batch, upload, commit.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface FakeRepository {
  commit: string;
  /** Revisions besides the commit itself. */
  refs: string[];
  files: Map<string, Uint8Array>;
  /** Needs the token; 'gated' refuses it too. */
  access?: 'public' | 'private' | 'gated';
}

export interface SeenRequest {
  method: string;
  url: string;
  authorization: string | undefined;
  range: string | undefined;
}

export interface FakeHub {
  url: string;
  token: string;
  repositories: Map<string, FakeRepository>;
  requests: SeenRequest[];
  /** Files above this many bytes are large ones: on another host's storage, by SHA-256. */
  lfsBytes: number;
  /** Called before a file's bytes are sent; returns how many bytes to send before the connection is cut, or null for all. */
  cutAfter: (path: string, from: number) => number | null;
  /** As cutAfter, but the connection stays open and silent. */
  stallAfter: (path: string) => number | null;
  /** Changes the bytes that are sent. */
  tamper: (path: string, bytes: Uint8Array) => Uint8Array;
  /** Answers every request with this status where it is not null. */
  failWith: number | null;
  close(): Promise<void>;
}

const sha = (kind: 'sha1' | 'sha256', ...parts: Array<string | Uint8Array>) => {
  const hash = createHash(kind);
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
};

const gitHash = (bytes: Uint8Array) => sha('sha1', `blob ${bytes.byteLength}\0`, bytes);

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

const answer = (response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}) => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
};

async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Starts the server on loopback, with a second one that stands for the storage of large files. */
export async function startFakeHub(): Promise<FakeHub> {
  const uploads = new Map<string, Buffer>();
  const sendBytes = (
    response: ServerResponse,
    request: IncomingMessage,
    path: string,
    bytes: Uint8Array,
    head: object,
  ) => {
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const isPart = request.headers.range !== undefined;
    if (isPart && from >= bytes.byteLength) {
      response.writeHead(416);
      response.end();
      return;
    }
    const sent = hub.tamper(path, bytes.slice(from));
    response.writeHead(isPart ? 206 : 200, {
      ...head,
      'content-length': String(sent.byteLength),
      'accept-ranges': 'bytes',
      ...(isPart ? { 'content-range': `bytes ${from}-${bytes.byteLength - 1}/${bytes.byteLength}` } : {}),
    });
    if (request.method === 'HEAD') return void response.end();
    const stall = hub.stallAfter(path);
    if (stall !== null) return void response.write(sent.slice(0, stall));
    const cut = hub.cutAfter(path, from);
    if (cut === null) return void response.end(sent);
    response.write(sent.slice(0, cut), () => setTimeout(() => response.destroy(), 10));
  };

  const storage = createServer((request, response) => {
    note(request);
    void handleStorage(request, response);
  });
  async function handleStorage(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const key = decodeURIComponent((request.url ?? '').slice(1));
    if (request.method === 'PUT') {
      uploads.set(key, await bodyOf(request));
      response.writeHead(200, { etag: `"${key}"` });
      return void response.end();
    }
    for (const repository of hub.repositories.values()) {
      for (const [path, bytes] of repository.files) {
        if (sha('sha256', bytes) === key) return sendBytes(response, request, path, bytes, { etag: `"${key}"` });
      }
    }
    response.writeHead(404);
    response.end();
  }
  const storageUrl = await listen(storage);

  const note = (request: IncomingMessage) =>
    hub.requests.push({
      method: request.method ?? '',
      url: request.url ?? '',
      authorization: request.headers.authorization,
      range: request.headers.range,
    });

  function repositoryFor(name: string, request: IncomingMessage, response: ServerResponse): FakeRepository | null {
    const repository = hub.repositories.get(name);
    const isKnown = request.headers.authorization === `Bearer ${hub.token}`;
    if (request.headers.authorization !== undefined && !isKnown) {
      answer(response, 401, { error: 'Invalid credentials' });
      return null;
    }
    if (repository === undefined || (repository.access === 'private' && !isKnown)) {
      const status = isKnown ? 404 : 401;
      answer(response, status, { error: 'Repository not found' }, { 'x-error-code': 'RepoNotFound' });
      return null;
    }
    if (repository.access === 'gated') {
      answer(response, 403, { error: 'Access is restricted' }, { 'x-error-code': 'GatedRepo' });
      return null;
    }
    return repository;
  }

  const hasRevision = (repository: FakeRepository, revision: string) =>
    revision === repository.commit || repository.refs.includes(revision);

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://hub');
    const path = decodeURIComponent(url.pathname);
    if (hub.failWith !== null) return answer(response, hub.failWith, { error: 'the hub is ill' });
    if (path === '/api/repos/create') {
      if (request.headers.authorization !== `Bearer ${hub.token}`)
        return answer(response, 401, { error: 'Unauthorized' });
      const { name, organization, visibility } = JSON.parse(String(await bodyOf(request)));
      const full = `${organization}/${name}`;
      if (hub.repositories.has(full)) return answer(response, 409, { error: 'You already created this model repo' });
      hub.repositories.set(full, {
        commit: '0'.repeat(40),
        refs: ['main'],
        files: new Map(),
        access: visibility === 'private' ? 'private' : 'public',
      });
      return answer(response, 200, { url: `${hub.url}/${full}`, id: full });
    }
    const api = /^\/api\/models\/([^/]+\/[^/]+)\/(revision|tree|preupload|commit)\/(.+)$/.exec(path);
    const lfs = /^\/([^/]+\/[^/]+)\.git\/info\/lfs\/objects\/batch$/.exec(path);
    const resolve = /^\/([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(path);
    const name = api?.[1] ?? lfs?.[1] ?? resolve?.[1];
    if (name === undefined) return answer(response, 404, { error: `no route ${path}` });
    const repository = repositoryFor(name, request, response);
    if (repository === null) return;
    const revision = api?.[3] ?? resolve?.[2] ?? 'main';
    if (!hasRevision(repository, revision)) {
      return answer(response, 404, { error: `Invalid rev id: ${revision}` }, { 'x-error-code': 'RevisionNotFound' });
    }
    if (resolve !== null) {
      const file = resolve[3] ?? '';
      const bytes = repository.files.get(file);
      if (bytes === undefined)
        return answer(response, 404, { error: 'Entry not found' }, { 'x-error-code': 'EntryNotFound' });
      const head = { 'x-repo-commit': repository.commit };
      if (bytes.byteLength <= hub.lfsBytes) {
        return sendBytes(response, request, file, bytes, { ...head, etag: `"${gitHash(bytes)}"` });
      }
      const oid = sha('sha256', bytes);
      response.writeHead(302, {
        ...head,
        location: `${storageUrl}/${oid}`,
        'x-linked-etag': `"${oid}"`,
        'x-linked-size': String(bytes.byteLength),
      });
      return void response.end();
    }
    if (lfs !== null) {
      const { objects } = JSON.parse(String(await bodyOf(request)));
      const described = objects.map(({ oid, size }: { oid: string; size: number }) => ({
        oid,
        size,
        actions: { upload: { href: `${storageUrl}/${oid}`, header: {} } },
      }));
      return answer(response, 200, { transfer: 'basic', objects: described });
    }
    switch (api?.[2]) {
      case 'revision':
        return answer(response, 200, {
          _id: '1',
          id: name,
          sha: repository.commit,
          private: repository.access === 'private',
          downloads: 0,
          gated: false,
          likes: 0,
          lastModified: '2026-01-01T00:00:00.000Z',
        });
      case 'tree':
        return answer(
          response,
          200,
          [...repository.files].map(([file, bytes]) => ({
            type: 'file',
            path: file,
            size: bytes.byteLength,
            oid: gitHash(bytes),
            ...(bytes.byteLength <= hub.lfsBytes
              ? {}
              : { lfs: { oid: sha('sha256', bytes), size: bytes.byteLength, pointerSize: 130 } }),
          })),
        );
      case 'preupload': {
        const { files } = JSON.parse(String(await bodyOf(request)));
        return answer(response, 200, {
          files: files.map(({ path: file, size }: { path: string; size: number }) => ({
            path: file,
            uploadMode: size > hub.lfsBytes ? 'lfs' : 'regular',
          })),
        });
      }
      default: {
        const text = String(await bodyOf(request));
        for (const line of text.split('\n').map((one) => JSON.parse(one))) {
          if (line.key === 'file') repository.files.set(line.value.path, Buffer.from(line.value.content, 'base64'));
          const large = line.key === 'lfsFile' ? uploads.get(line.value.oid) : undefined;
          if (large !== undefined) repository.files.set(line.value.path, large);
        }
        repository.commit = sha('sha1', text);
        return answer(response, 200, {
          success: true,
          commitOid: repository.commit,
          commitUrl: `${hub.url}/${name}/commit/${repository.commit}`,
          hookOutput: '',
        });
      }
    }
  }

  const server = createServer((request, response) => {
    note(request);
    void handle(request, response);
  });
  const hub: FakeHub = {
    url: await listen(server),
    token: 'hf_secretForTests',
    repositories: new Map(),
    requests: [],
    lfsBytes: 2000,
    cutAfter: () => null,
    stallAfter: () => null,
    tamper: (_path, bytes) => bytes,
    failWith: null,
    async close() {
      for (const one of [server, storage]) {
        one.closeAllConnections();
        one.close();
        await once(one, 'close');
      }
    },
  };
  return hub;
}
