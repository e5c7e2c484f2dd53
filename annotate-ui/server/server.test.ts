import { FourfoldError } from '../../src/core/errors.ts';
import { startServer } from './server.ts';
import { labelingWorkspace } from './testing/labelingWorkspace.ts';

describe('startServer', () => {
  test('listens on loopback and frees the port again', async () => {
    const { workspace } = await labelingWorkspace();
    const server = await startServer({ workspace, port: 0 });
    expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(await (await fetch(`${server.url}/api/health`)).json()).toEqual({ status: 'ok' });
    await server.close();
    await expect(fetch(`${server.url}/api/health`)).rejects.toThrow();
  });

  test('a port in use is named, with the remedy', async () => {
    const { workspace } = await labelingWorkspace();
    const server = await startServer({ workspace, port: 0 });
    const port = Number(new URL(server.url).port);
    const second = startServer({ workspace, port });
    await expect(second).rejects.toThrow(FourfoldError);
    await expect(second).rejects.toThrow(`port ${port}`);
    await expect(second).rejects.toThrow('--port');
    await server.close();
  });

  test('another host is refused unless it is allowed', async () => {
    const { workspace } = await labelingWorkspace();
    await expect(startServer({ workspace, port: 0, host: '0.0.0.0' })).rejects.toThrow('--allow-remote');
    const remote = { workspace, port: 0, host: '0.0.0.0', allowRemote: true };
    await expect(startServer(remote)).rejects.toThrow('--role admin');
    await expect(startServer({ ...remote, adminSecret: 'short' })).rejects.toThrow('16 characters');
    const server = await startServer({ ...remote, adminSecret: 'a secret of the admin' });
    expect((await workspace.annotators.authenticate('admin:a secret of the admin'))?.role).toBe('admin');
    const port = new URL(server.url).port;
    expect((await fetch(`http://127.0.0.1:${port}/api/health`)).status).toBe(200);
    await server.close();
  });
});
