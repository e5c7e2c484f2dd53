// The admin's view: people, invitations, audit log.
import type { Me } from '../../../src/core/annotationApi.ts';
import { ADMIN_SECTIONS, addressOf, type Route } from '../frame/route.ts';
import { TopBar } from '../frame/topBar.tsx';
import { useAdminStrings } from './adminTexts.ts';
import { AuditLog } from './auditLog.tsx';
import { Invitations } from './invitations.tsx';
import { People } from './people.tsx';

interface AdminViewProps {
  me: Me;
  route: Route;
  onSignOut(): void;
  onSessionEnded(): void;
}

export function AdminView({ me, route, onSignOut, onSessionEnded }: AdminViewProps) {
  const strings = useAdminStrings();
  const section = route.view === 'admin' ? route.section : 'people';
  return (
    <>
      <TopBar name={me.annotator.name} role={me.annotator.role} view="admin" onSignOut={onSignOut} />
      <nav class="sections" aria-label={strings.sections}>
        {ADMIN_SECTIONS.map((name) => (
          <a
            key={name}
            href={addressOf({ view: 'admin', section: name })}
            aria-current={name === section ? 'page' : undefined}
          >
            {strings.section[name]}
          </a>
        ))}
      </nav>
      <main class="board">
        {section === 'people' && <People me={me} onSessionEnded={onSessionEnded} />}
        {section === 'invitations' && (
          <>
            <h1>{strings.invitations}</h1>
            <Invitations role={me.annotator.role} onSessionEnded={onSessionEnded} />
          </>
        )}
        {section === 'audit' && <AuditLog onSessionEnded={onSessionEnded} />}
      </main>
    </>
  );
}
