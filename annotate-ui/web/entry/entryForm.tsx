// The frame of the forms by which one comes in: the mark, a heading, the fields, what went wrong, the settings below.
import type { ComponentChildren } from 'preact';
import { LanguageSwitch } from '../frame/languageSwitch.tsx';
import { Logo } from '../frame/logo.tsx';
import { ThemeSwitch } from '../frame/themeSwitch.tsx';

interface EntryFormProps {
  title: string;
  hint: string;
  problem: string | null;
  action: string;
  isBusy: boolean;
  onSubmit(): Promise<void>;
  children: ComponentChildren;
}

export function EntryForm({ title, hint, problem, action, isBusy, onSubmit, children }: EntryFormProps) {
  return (
    <main class="sign-in">
      <form
        class="panel"
        onSubmit={(event) => {
          event.preventDefault();
          void onSubmit();
        }}
      >
        <p class="brand">
          <Logo /> fourfold
        </p>
        <h1>{title}</h1>
        <p class="muted">{hint}</p>
        {children}
        <p role="alert" class="problem">
          {problem}
        </p>
        <button type="submit" class="primary" disabled={isBusy}>
          {action}
        </button>
      </form>
      <div class="settings">
        <LanguageSwitch />
        <ThemeSwitch />
      </div>
    </main>
  );
}
