// Signing in with a pasted token.
import { useState } from 'preact/hooks';
import type { Language } from '../../src/core/annotation/project.ts';
import { LanguageSwitch } from './languageSwitch.tsx';
import { Logo } from './logo.tsx';
import { useStrings } from './texts.ts';

interface SignInProps {
  problem: 'none' | 'ended' | 'offline' | { message: string };
  onToken(token: string): Promise<void>;
  onLanguage(language: Language): void;
}

/** The token in what was pasted, which may be the whole link. */
function tokenIn(text: string): string {
  const trimmed = text.trim();
  const at = trimmed.indexOf('#');
  return (at < 0 ? null : new URLSearchParams(trimmed.slice(at + 1)).get('token')) ?? trimmed;
}

export function SignIn({ problem, onToken, onLanguage }: SignInProps) {
  const strings = useStrings();
  const [text, setText] = useState('');
  const [isBusy, setBusy] = useState(false);
  const submit = async (event: Event) => {
    event.preventDefault();
    if (tokenIn(text) === '') return;
    setBusy(true);
    await onToken(tokenIn(text));
    setBusy(false);
  };
  const message =
    typeof problem === 'object'
      ? problem.message
      : { none: null, ended: strings.signedOut, offline: strings.noServer }[problem];
  return (
    <main class="sign-in">
      <form class="panel" onSubmit={submit}>
        <p class="brand">
          <Logo /> fourfold
        </p>
        <h1>{strings.signInTitle}</h1>
        <p class="muted">{strings.signInHint}</p>
        <label for="token">{strings.tokenLabel}</label>
        <input
          id="token"
          type="password"
          autocomplete="off"
          spellcheck={false}
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <p role="alert" class="problem">
          {message}
        </p>
        <div class="row">
          <LanguageSwitch onLanguage={onLanguage} />
          <button type="submit" class="primary" disabled={isBusy}>
            {strings.signIn}
          </button>
        </div>
      </form>
    </main>
  );
}
