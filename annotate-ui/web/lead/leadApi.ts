// What the lead's view asks of the server.
import type { ImportFormat, ImportReply } from '../../../src/core/annotation/exchange.ts';
import type {
  AdjudicationRequest,
  AgreementReply,
  DisputesReply,
  ItemReply,
  OverviewReply,
  RaterState,
  RatersReply,
  SettingsReply,
  WebhooksReply,
} from '../../../src/core/annotation/lead.ts';
import type { ProjectChange } from '../../../src/core/annotation/project.ts';
import { call, callWithFile } from '../net/call.ts';

const part = (text: string) => encodeURIComponent(text);

export const DISPUTES_PAGE = 50;

export const leadApi = {
  overview: () => call<OverviewReply>('GET', '/api/lead/overview'),
  raters: () => call<RatersReply>('GET', '/api/lead/raters'),
  pause: (id: string) => call<RaterState>('POST', `/api/lead/raters/${part(id)}/pause`, {}),
  resume: (id: string) => call<RaterState>('POST', `/api/lead/raters/${part(id)}/resume`, {}),
  agreement: () => call<AgreementReply>('GET', '/api/lead/agreement'),
  disputes: (offset: number, adjudicated: boolean) =>
    call<DisputesReply>('GET', `/api/lead/disputes?offset=${offset}&limit=${DISPUTES_PAGE}&adjudicated=${adjudicated}`),
  item: (id: string) => call<ItemReply>('GET', `/api/lead/items/${part(id)}`),
  adjudicate: (id: string, request: AdjudicationRequest) =>
    call<ItemReply>('PUT', `/api/lead/items/${part(id)}/adjudication`, request),
  settings: () => call<SettingsReply>('GET', '/api/lead/project'),
  change: (change: ProjectChange) => call<SettingsReply>('PATCH', '/api/lead/project', change),
  webhooks: () => call<WebhooksReply>('GET', '/api/lead/webhooks'),
  importFile: (format: ImportFormat, file: Blob) =>
    callWithFile<ImportReply>(`/api/lead/import?format=${format}`, file),
};
