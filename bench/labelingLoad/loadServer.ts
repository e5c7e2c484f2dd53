// `fourfold serve` in a process of its own, which may be killed at any instant and started again on the same port.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { packagePath } from '../../src/core/packageRoot.ts';

export class LoadServer {
  readonly #dir: string;
  #child: ChildProcess | null = null;
  #port = 0;
  kills = 0;

  constructor(dir: string) {
    this.#dir = dir;
  }

  get port(): number {
    return this.#port;
  }

  async start(): Promise<void> {
    const words = ['serve', '--workspace', this.#dir, '--port', String(this.#port), '--json'];
    const child = spawn(process.execPath, [packagePath('bin', 'fourfold.js'), ...words], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#child = child;
    const [line] = await Promise.race([
      once(child.stdout, 'data'),
      once(child, 'exit').then(() => {
        throw new Error('The server ended before it listened.');
      }),
    ]);
    this.#port = Number(new URL((JSON.parse(String(line)) as { url: string }).url).port);
  }

  /** kill -9 */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === null) return;
    const over = once(child, 'exit');
    child.kill('SIGKILL');
    await over;
    this.#child = null;
    this.kills++;
  }

  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null) return;
    const over = once(child, 'exit');
    child.kill('SIGINT');
    await over;
  }

  /** Resident memory of the server, where the system tells it. */
  memoryMiB(): number | null {
    const pid = this.#child?.pid;
    if (pid === undefined) return null;
    try {
      const found = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
      return found === null ? null : Number(found[1]) / 1024;
    } catch {
      return null;
    }
  }
}
