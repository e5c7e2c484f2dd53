// For leads: how the work stands, who does it how, and where raters are apart.
import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import {
  AdjudicationRequest,
  AgreementReply,
  DisputesReply,
  ItemReply,
  type Notice,
  OverviewReply,
  RaterState,
  RatersReply,
  SettingsReply,
  WebhooksReply,
} from '../../../src/core/annotation/lead.ts';
import { ProjectChange } from '../../../src/core/annotation/project.ts';
import { Empty } from '../../../src/core/annotationApi.ts';
import { FourfoldError } from '../../../src/core/errors.ts';
import { AnnotatorId } from '../../../src/core/ids.ts';
import { overviewOf, standingNotices } from '../labeling/overview.ts';
import { changedProject, settingsOf } from '../labeling/projectChange.ts';
import { audit, type LabelingServer } from '../labelingServer.ts';
import { annotatorOf } from '../plugins/auth.ts';
import { withErrors } from '../schemas/replies.ts';
import { ItemParams } from '../schemas/tasks.ts';
import { gateOf } from '../statistics/agreementRows.ts';
import type { Statistics } from '../statistics/statistics.ts';
import type { Webhook } from '../webhook.ts';
import { itemReply } from './leadItem.ts';
import { excerptOf } from './taskView.ts';

const RaterParams = z.strictObject({ annotatorId: AnnotatorId });
const DisputesQuery = z.strictObject({
  offset: z.coerce.number().int().min(0).default(0),
  limit: z.coerce.number().int().min(1).max(200).default(50),
  /** Whether to list those that a lead has settled, instead of those that are open. */
  adjudicated: z.stringbool().default(false),
});
/** Long guidelines, criteria in two languages, and known answers. */
const SETTINGS_LIMIT_BYTES = 2 * 1024 * 1024;

export interface LeadServer extends LabelingServer {
  statistics: Statistics;
  webhook: Webhook;
}

export async function leadRoutes(app: FastifyInstance, server: LeadServer): Promise<void> {
  const { desk, statistics, webhook, workspace } = server;
  const routes = app.withTypeProvider<ZodTypeProvider>();

  routes.get('/api/lead/overview', { schema: { response: withErrors(OverviewReply) } }, async () => {
    const gate = gateOf(statistics.last?.agreement ?? []);
    const shut: Notice[] =
      gate.state !== 'shut'
        ? []
        : [
            {
              kind: 'gate-shut',
              subject: desk.project.id,
              text: `No pairs are built yet. ${gate.reasons.join('; ')}.`,
              at: statistics.last?.computedAt ?? '',
            },
          ];
    const notices = [...standingNotices(desk), ...shut, ...undelivered(webhook)];
    return { settings: settingsOf(desk.project), ...overviewOf(desk, Date.now()), notices };
  });

  routes.get('/api/lead/raters', { schema: { response: withErrors(RatersReply) } }, async () => {
    const { raters, computedAt, behind } = await statistics.figures();
    const rows = raters.map((figures) => {
      const { qualification, paused } = desk.standing(figures.id);
      const name = workspace.annotators.get(figures.id)?.name ?? figures.id;
      return { ...figures, name, paused, qualification: qualification?.state ?? ('not-needed' as const) };
    });
    return { computedAt, behind, raters: rows };
  });

  for (const kind of ['pause', 'resume'] as const) {
    routes.post(
      `/api/lead/raters/:annotatorId/${kind}`,
      { schema: { params: RaterParams, body: Empty, response: withErrors(RaterState) } },
      async (request) => {
        const { annotatorId } = request.params;
        if (workspace.annotators.get(annotatorId) === null) {
          throw new FourfoldError('not-found', `Expected the id of an annotator, got ${annotatorId}.`);
        }
        const base = { annotatorId, at: new Date().toISOString(), by: annotatorOf(request).id };
        await desk.members.append(kind === 'pause' ? { ...base, kind, reason: 'lead' } : { ...base, kind });
        await audit(server, request, `annotator.${kind}`, annotatorId);
        return { paused: desk.standing(annotatorId).paused };
      },
    );
  }

  routes.get('/api/lead/agreement', { schema: { response: withErrors(AgreementReply) } }, async () => {
    const { agreement, judges, computedAt, behind } = await statistics.figures();
    return { computedAt, behind, rows: agreement, judges, gate: gateOf(agreement) };
  });

  routes.get(
    '/api/lead/disputes',
    { schema: { querystring: DisputesQuery, response: withErrors(DisputesReply) } },
    async (request) => {
      const { offset, limit, adjudicated } = request.query;
      const isSettled = (itemId: Parameters<typeof desk.book.adjudication>[0]) =>
        desk.book.adjudication(itemId) !== null;
      const all = desk.disputes.list().filter(({ item }) => isSettled(item.id) === adjudicated);
      const disputes = all.slice(offset, offset + limit).map(({ item, raters, value, comparison, scoreRange }) => ({
        itemId: item.id,
        excerpt: excerptOf(item),
        raters,
        disagreement: value,
        comparison,
        scoreRange,
        adjudicated: isSettled(item.id),
      }));
      return { total: all.length, disputes };
    },
  );

  routes.get(
    '/api/lead/items/:itemId',
    { schema: { params: ItemParams, response: withErrors(ItemReply) } },
    async (request) => itemReply(server, desk.requireItem(request.params.itemId)),
  );

  routes.put(
    '/api/lead/items/:itemId/adjudication',
    { schema: { params: ItemParams, body: AdjudicationRequest, response: withErrors(ItemReply) } },
    async (request) => {
      const lead = annotatorOf(request);
      const { submissionId, ...verdict } = request.body;
      const item = desk.requireItem(request.params.itemId);
      await desk.adjudicate(lead, item.id, verdict, submissionId);
      await audit(server, request, 'item.adjudicate', item.id);
      return itemReply(server, item);
    },
  );

  routes.get('/api/lead/webhooks', { schema: { response: withErrors(WebhooksReply) } }, async () => ({
    deliveries: webhook.list(),
  }));

  routes.get('/api/lead/project', { schema: { response: withErrors(SettingsReply) } }, async () => ({
    settings: settingsOf(desk.project),
  }));

  routes.patch(
    '/api/lead/project',
    { bodyLimit: SETTINGS_LIMIT_BYTES, schema: { body: ProjectChange, response: withErrors(SettingsReply) } },
    async (request) => {
      const project = changedProject(desk.project, request.body, desk.set.byId);
      workspace.projects.save(project);
      desk.change(project);
      await audit(server, request, 'project.change', project.id, { changed: Object.keys(request.body) });
      return { settings: settingsOf(desk.project) };
    },
  );
}

function undelivered(webhook: Webhook): Notice[] {
  return webhook
    .list()
    .filter(({ state }) => state === 'given-up')
    .map(({ id, event, createdAt, lastError }) => ({
      kind: 'webhook-failed',
      subject: id,
      text: `The webhook was not told of ${event}: ${lastError}.`,
      at: createdAt,
    }));
}
