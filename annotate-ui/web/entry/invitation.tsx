// Taking an invitation: what it is for, then a name and a password.
import { useEffect, useState } from 'preact/hooks';
import type { AcceptRequest, InvitationLookReply } from '../../../src/core/annotation/people.ts';
import type { Me } from '../../../src/core/annotationApi.ts';
import { Notice } from '../frame/notice.tsx';
import { useStrings } from '../frame/texts.ts';
import { api } from '../net/api.ts';
import { ApiError } from '../net/call.ts';
import { EntryForm } from './entryForm.tsx';
import { Field } from './field.tsx';

interface InvitationProps {
  invitation: string;
  onJoined(me: Me): void;
  onSignIn(): void;
}

/** As PASSWORD_MIN of the server's schema, which this page imports the types of only. */
const PASSWORD_MIN = 10;
const ID_PATTERN = '[A-Za-z0-9][A-Za-z0-9._\\-]*';

/** A sign-in name to begin with: the letters and digits of the name, where it has some. */
function idFrom(name: string): string {
  return name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 40);
}

export function Invitation({ invitation, onJoined, onSignIn }: InvitationProps) {
  const strings = useStrings();
  const [look, setLook] = useState<InvitationLookReply | 'over' | 'offline' | null>(null);
  const [attempt, setAttempt] = useState(0);
  const [name, setName] = useState('');
  const [chosenId, setChosenId] = useState<string | null>(null);
  const [password, setPassword] = useState('');
  const [problem, setProblem] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  useEffect(() => {
    api
      .lookAtInvitation(invitation)
      .then(setLook, (error) => setLook(error instanceof ApiError && !error.isPassing ? 'over' : 'offline'));
  }, [invitation, attempt]);

  if (look === null) return <Notice text={strings.loading} isQuiet />;
  if (look === 'over') {
    return (
      <Notice title={strings.signInTitle} text={strings.inviteOver}>
        <button type="button" onClick={onSignIn}>
          {strings.signIn}
        </button>
      </Notice>
    );
  }
  if (look === 'offline') {
    return (
      <Notice text={strings.noServer}>
        <button type="button" onClick={() => setAttempt(attempt + 1)}>
          {strings.retry}
        </button>
      </Notice>
    );
  }
  const id = chosenId ?? idFrom(name);
  const submit = async () => {
    setBusy(true);
    setProblem(null);
    try {
      onJoined(await api.accept({ invitation, id, name: name.trim(), password } as AcceptRequest));
    } catch (error) {
      setProblem(error instanceof ApiError ? error.message : strings.noServer);
      setBusy(false);
    }
  };
  return (
    <EntryForm
      title={strings.invitedTitle(look.projectTitle)}
      hint={strings.invitedAs[look.role]}
      problem={problem}
      action={strings.join}
      isBusy={isBusy}
      onSubmit={submit}
    >
      <Field
        id="own-name"
        label={strings.yourName}
        value={name}
        onValue={setName}
        autocomplete="name"
        maxLength={100}
        required
      />
      <Field
        id="name"
        label={strings.idLabel}
        hint={strings.idHint}
        value={id}
        onValue={setChosenId}
        autocomplete="username"
        pattern={ID_PATTERN}
        maxLength={64}
        required
      />
      <Field
        id="password"
        type="password"
        label={strings.choosePassword}
        hint={strings.passwordHint(PASSWORD_MIN)}
        value={password}
        onValue={setPassword}
        autocomplete="new-password"
        minLength={PASSWORD_MIN}
        maxLength={200}
        required
      />
    </EntryForm>
  );
}
