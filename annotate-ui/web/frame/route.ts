// Which view the address asks for. Views live behind the #, so that a reload needs nothing of the server.

export const LEAD_SECTIONS = ['overview', 'annotators', 'agreement', 'disputes', 'settings', 'data'] as const;
export type LeadSection = (typeof LEAD_SECTIONS)[number];
export const ADMIN_SECTIONS = ['people', 'invitations', 'audit'] as const;
export type AdminSection = (typeof ADMIN_SECTIONS)[number];

export type Route =
  | { view: 'work' }
  | { view: 'lead'; section: LeadSection; itemId: string | null }
  | { view: 'admin'; section: AdminSection };

/** The view that `#/lead/disputes/item-1` and its like ask for; the work where it is none of them. */
export function routeOf(hash: string): Route {
  const [view, section, id] = hash.replace(/^#\/?/, '').split('/');
  if (view === 'lead') {
    const itemId = id === undefined || id === '' ? null : decodeURIComponent(id);
    return { view, section: LEAD_SECTIONS.find((name) => name === section) ?? 'overview', itemId };
  }
  if (view === 'admin') return { view, section: ADMIN_SECTIONS.find((name) => name === section) ?? 'people' };
  return { view: 'work' };
}

/** The address of a view, for a link. */
export function addressOf(route: Route): string {
  switch (route.view) {
    case 'work':
      return '#/';
    case 'lead':
      return `#/lead/${route.section}${route.itemId === null ? '' : `/${encodeURIComponent(route.itemId)}`}`;
    case 'admin':
      return `#/admin/${route.section}`;
    default:
      return route satisfies never;
  }
}

/** What a personal link or an invitation carries behind the #: `#token=…` or `#invite=…`. */
export function secretIn(hash: string): { kind: 'token' | 'invite'; secret: string } | null {
  const values = new URLSearchParams(hash.replace(/^#/, ''));
  for (const kind of ['token', 'invite'] as const) {
    const secret = values.get(kind);
    if (secret !== null && secret !== '') return { kind, secret };
  }
  return null;
}
