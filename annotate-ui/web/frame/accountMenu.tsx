// Who is signed in, and what they set for this browser: the browser's own popover, which closes by Escape and beside it.
import { LanguageSwitch } from './languageSwitch.tsx';
import { useStrings } from './texts.ts';
import { ThemeSwitch } from './themeSwitch.tsx';

interface AccountMenuProps {
  name: string;
  onSignOut(): void;
}

export function AccountMenu({ name, onSignOut }: AccountMenuProps) {
  const strings = useStrings();
  return (
    <>
      <button type="button" class="quiet account" popovertarget="account" aria-label={strings.account(name)}>
        <span class="initial" aria-hidden="true">
          {[...name.trim()][0]?.toUpperCase() ?? '?'}
        </span>
      </button>
      <div id="account" class="menu" popover="auto">
        <p class="who">{name}</p>
        <LanguageSwitch />
        <ThemeSwitch />
        <button type="button" class="sign-out" onClick={onSignOut}>
          {strings.signOut}
        </button>
      </div>
    </>
  );
}
