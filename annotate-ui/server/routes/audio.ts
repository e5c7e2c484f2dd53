// Spoken replies: files of the candidate set's own audio folder, by the reply's id, with range requests.
import { realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { FourfoldError } from '../../../src/core/errors.ts';
import { CandidateId } from '../../../src/core/ids.ts';
import type { LabelingServer } from '../labelingServer.ts';

const AudioParams = z.strictObject({ candidateId: CandidateId });

export async function audioRoutes(app: FastifyInstance, { desk }: LabelingServer): Promise<void> {
  const root = join(desk.set.dir, 'audio');
  await app.register(fastifyStatic, { root, serve: false, cacheControl: false });
  app
    .withTypeProvider<ZodTypeProvider>()
    .get('/api/audio/:candidateId', { schema: { params: AudioParams } }, async (request, reply) => {
      const audio = desk.set.audioOf.get(request.params.candidateId);
      const name = audio?.file.slice('audio/'.length);
      if (audio === undefined || name === undefined || !(await isInside(root, name))) {
        throw new FourfoldError('not-found', `${request.params.candidateId} has no audio.`);
      }
      // The type is the record's, one of a few; the bytes can never be taken for a page or a script.
      return reply.sendFile(name, root, { contentType: false, acceptRanges: true }).type(audio.type);
    });
}

/** Whether the name is a plain file below the folder, also when links are followed. */
async function isInside(root: string, name: string): Promise<boolean> {
  try {
    const path = await realpath(join(root, name));
    return path.startsWith((await realpath(root)) + sep) && (await stat(path)).isFile();
  } catch {
    return false;
  }
}
