// The program: hands the process to runCli and leaves with its status.
import { runCli } from './runCli.ts';

const { stdout, stderr } = process;
// A reader that has gone away (`fourfold ... | head`) is no fault: what would follow is dropped.
for (const stream of [stdout, stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

const drained = (stream: NodeJS.WriteStream) =>
  new Promise<void>((resolve) => {
    if (stream.destroyed) resolve();
    else stream.write('', () => resolve());
  });

const status = await runCli(process.argv.slice(2), { stdout, stderr, env: process.env, cwd: process.cwd() });
await Promise.all([drained(stdout), drained(stderr)]);
// Back ends may keep threads alive that would hold the process.
process.exit(status);
