// The bar at the head of the screen: how far, whether all is saved, language, keys, account.
import type { Language } from '../../src/core/annotation/project.ts';
import { LanguageSwitch } from './languageSwitch.tsx';
import { Logo } from './logo.tsx';
import type { OutboxState } from './outbox.ts';
import { useStrings } from './texts.ts';

interface TopBarProps {
  name: string;
  done: number;
  total: number;
  outbox: { state: OutboxState; pending: number };
  onKeys(): void;
  onLanguage(language: Language): void;
  onSignOut(): void;
}

export function TopBar({ name, done, total, outbox, onKeys, onLanguage, onSignOut }: TopBarProps) {
  const strings = useStrings();
  const isUnsent = outbox.state === 'waiting' && outbox.pending > 0;
  const status = isUnsent ? strings.unsent(outbox.pending) : outbox.pending > 0 ? strings.saving : strings.saved;
  return (
    <header class="top">
      <span class="brand">
        <Logo />
        <span>fourfold</span>
      </span>
      <span class="progress">
        <progress value={done} max={Math.max(total, 1)} aria-label={strings.progress(done, total)} />
        <span aria-hidden="true">{strings.progress(done, total)}</span>
      </span>
      <span class={isUnsent ? 'status unsent' : 'status'} role="status">
        {status}
      </span>
      <span class="tools">
        <LanguageSwitch onLanguage={onLanguage} />
        <button type="button" class="quiet show-keys" onClick={onKeys}>
          {strings.shortcuts}{' '}
          <span class="key" aria-hidden="true">
            ?
          </span>
        </button>
        <button type="button" class="quiet" onClick={onSignOut} title={name}>
          {strings.signOut}
        </button>
      </span>
    </header>
  );
}
