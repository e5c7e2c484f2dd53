// Signing in, by name and password or with a pasted token.
import { useState } from 'preact/hooks';
import type { SessionRequest } from '../../../src/core/annotationApi.ts';
import { secretIn } from '../frame/route.ts';
import { useStrings } from '../frame/texts.ts';
import { EntryForm } from './entryForm.tsx';
import { Field } from './field.tsx';

export type SignInProblem = 'none' | 'ended' | 'offline' | { message: string };

interface SignInProps {
  problem: SignInProblem;
  onCredentials(credentials: SessionRequest): Promise<void>;
}

const WAYS = ['byName', 'byToken'] as const;

/** The token in what was pasted, which may be the whole link. */
function tokenIn(text: string): string {
  const trimmed = text.trim();
  const at = trimmed.indexOf('#');
  return (at < 0 ? null : secretIn(trimmed.slice(at))?.secret) ?? trimmed;
}

export function SignIn({ problem, onCredentials }: SignInProps) {
  const strings = useStrings();
  const [way, setWay] = useState<(typeof WAYS)[number]>('byName');
  const [token, setToken] = useState('');
  const [id, setId] = useState('');
  const [password, setPassword] = useState('');
  const [isBusy, setBusy] = useState(false);
  const submit = async () => {
    setBusy(true);
    const credentials = way === 'byToken' ? { token: tokenIn(token) } : { annotatorId: id.trim(), password };
    await onCredentials(credentials as SessionRequest);
    setBusy(false);
  };
  const message =
    typeof problem === 'object'
      ? problem.message
      : { none: null, ended: strings.signedOut, offline: strings.noServer }[problem];
  return (
    <EntryForm
      title={strings.signInTitle}
      hint={strings.signInHint}
      problem={message}
      action={strings.signIn}
      isBusy={isBusy}
      onSubmit={submit}
    >
      <fieldset class="ways">
        <legend class="sr-only">{strings.signIn}</legend>
        {WAYS.map((name) => (
          <label key={name} class="option">
            <input type="radio" name="way" checked={way === name} onChange={() => setWay(name)} />
            <span>{strings[name]}</span>
          </label>
        ))}
      </fieldset>
      {way === 'byToken' ? (
        <Field
          id="token"
          type="password"
          label={strings.tokenLabel}
          value={token}
          onValue={setToken}
          autocomplete="off"
          required
        />
      ) : (
        <>
          <Field id="name" label={strings.idLabel} value={id} onValue={setId} autocomplete="username" required />
          <Field
            id="password"
            type="password"
            label={strings.passwordLabel}
            value={password}
            onValue={setPassword}
            autocomplete="current-password"
            required
          />
        </>
      )}
    </EntryForm>
  );
}
