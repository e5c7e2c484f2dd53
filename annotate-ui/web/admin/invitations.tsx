// Invitation links: making one, seeing who took which, withdrawing.
import { useState } from 'preact/hooks';
import type { InvitationCard, Role } from '../../../src/core/annotation/people.ts';
import { CopyField } from '../frame/copyField.tsx';
import { useLoaded, WhenLoaded } from '../frame/loaded.tsx';
import { useStrings } from '../frame/texts.ts';
import { useFormats } from '../lead/leadTexts.ts';
import { Table } from '../lead/table.tsx';
import { adminApi } from './adminApi.ts';
import { useAdminStrings } from './adminTexts.ts';

interface InvitationsProps {
  /** Of whoever looks: a lead invites annotators only. */
  role: Role;
  onSessionEnded(): void;
}

export function Invitations({ role, onSessionEnded }: InvitationsProps) {
  const strings = useAdminStrings();
  const loaded = useLoaded(adminApi.invitations, 'invitations', onSessionEnded);
  return (
    <section aria-labelledby="invitations">
      <h2 id="invitations">{strings.inviteTitle}</h2>
      <p class="muted">{strings.invitationsHint}</p>
      <InviteForm role={role} onMade={loaded.reload} />
      <WhenLoaded loaded={loaded}>
        {({ invitations }) =>
          invitations.length === 0 ? (
            <p class="muted">{strings.noInvitations}</p>
          ) : (
            <InvitationTable invitations={invitations} onChanged={loaded.reload} />
          )
        }
      </WhenLoaded>
    </section>
  );
}

function InviteForm({ role, onMade }: { role: Role; onMade(): void }) {
  const strings = useAdminStrings();
  const common = useStrings();
  const [wanted, setWanted] = useState<Role>('annotator');
  const [note, setNote] = useState('');
  const [hours, setHours] = useState('72');
  const [link, setLink] = useState<string | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const submit = async () => {
    setProblem(null);
    setLink(null);
    try {
      const { path } = await adminApi.invite({ role: wanted, note: note.trim(), hours: Number(hours) });
      setLink(new URL(path, window.location.origin).href);
      setNote('');
      onMade();
    } catch (error) {
      setProblem(error instanceof Error ? error.message : '');
    }
  };
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <div class="pair">
        {role === 'admin' && (
          <label>
            <span>{strings.role}</span>
            <select value={wanted} onChange={(event) => setWanted(event.currentTarget.value as Role)}>
              {Object.entries(strings.roles).map(([name, text]) => (
                <option key={name} value={name}>
                  {text}
                </option>
              ))}
            </select>
          </label>
        )}
        <label>
          <span>{strings.note}</span>
          <input type="text" maxLength={200} value={note} onInput={(event) => setNote(event.currentTarget.value)} />
        </label>
        <label>
          <span>{strings.hours}</span>
          <input
            type="number"
            required
            min={1}
            max={720}
            value={hours}
            onInput={(event) => setHours(event.currentTarget.value)}
          />
        </label>
      </div>
      <button type="submit" class="primary">
        {strings.make}
      </button>
      <div role="status">
        {link !== null && (
          <>
            <p>{strings.linkTitle}</p>
            <CopyField label={strings.link} value={link} />
          </>
        )}
        {problem !== null && <p class="problem">{common.failed(problem)}</p>}
      </div>
    </form>
  );
}

function InvitationTable({ invitations, onChanged }: { invitations: InvitationCard[]; onChanged(): void }) {
  const strings = useAdminStrings();
  const { time } = useFormats();
  const stateOf = ({ used, expiresAt }: InvitationCard) => {
    if (used !== null) return strings.usedState(used.by);
    return Date.parse(expiresAt) < Date.now() ? strings.overState : strings.openState;
  };
  return (
    <Table
      name={strings.invitations}
      head={[strings.note, strings.role, strings.madeBy, strings.expires, strings.state]}
      rows={invitations.map((invitation) => [
        invitation.note || invitation.id.slice(0, 8),
        strings.roles[invitation.role],
        invitation.createdBy,
        time(invitation.expiresAt),
        <span key="state" class="state">
          {stateOf(invitation)}
          {stateOf(invitation) === strings.openState && (
            <button
              type="button"
              aria-label={strings.withdrawOf(invitation.note || invitation.id.slice(0, 8))}
              onClick={() => void adminApi.withdraw(invitation.id).then(onChanged, onChanged)}
            >
              {strings.withdraw}
            </button>
          )}
        </span>,
      ])}
    />
  );
}
