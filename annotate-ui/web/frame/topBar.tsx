// The bar at the head of every view: where one is, what the view adds, and the account.
import type { ComponentChildren } from 'preact';
import { AccountMenu } from './accountMenu.tsx';
import { Logo } from './logo.tsx';
import { addressOf, type Route } from './route.ts';
import { useStrings } from './texts.ts';

export type Role = 'annotator' | 'lead' | 'admin';

interface TopBarProps {
  name: string;
  role: Role;
  view: Route['view'];
  onSignOut(): void;
  children?: ComponentChildren;
}

const VIEWS: Record<Role, Route['view'][]> = {
  annotator: ['work'],
  lead: ['work', 'lead'],
  admin: ['work', 'lead', 'admin'],
};

const HOME: Record<Route['view'], Route> = {
  work: { view: 'work' },
  lead: { view: 'lead', section: 'overview', itemId: null },
  admin: { view: 'admin', section: 'people' },
};

export function TopBar({ name, role, view, onSignOut, children }: TopBarProps) {
  const strings = useStrings();
  const views = VIEWS[role];
  return (
    <header class="top">
      <span class="brand">
        <Logo />
        <span>fourfold</span>
      </span>
      {views.length > 1 && (
        <nav class="views" aria-label={strings.views}>
          {views.map((known) => (
            <a key={known} href={addressOf(HOME[known])} aria-current={known === view ? 'page' : undefined}>
              {strings.viewNames[known]}
            </a>
          ))}
        </nav>
      )}
      {children}
      <AccountMenu name={name} onSignOut={onSignOut} />
    </header>
  );
}
