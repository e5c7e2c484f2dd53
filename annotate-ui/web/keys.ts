// From a key press to what it means. Pure: whether the page acts on it is decided by the caller.

export type Action =
  | { kind: 'focus'; candidate: number }
  | { kind: 'best'; candidate: number }
  | { kind: 'bestActive' }
  | { kind: 'tie' }
  | { kind: 'score'; score: number }
  | { kind: 'move'; direction: 'up' | 'down' | 'left' | 'right' }
  | { kind: 'skip' }
  | { kind: 'submit' }
  | { kind: 'undo' }
  | { kind: 'help' };

/** What of a KeyboardEvent matters here. */
export interface KeyPress {
  key: string;
  code: string;
  shiftKey: boolean;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
}

/** The control that has the focus, as far as it wants keys for itself. */
export type FocusedControl = 'none' | 'text' | 'radio' | 'button';

const ARROWS: Record<string, 'up' | 'down' | 'left' | 'right'> = {
  ArrowUp: 'up',
  ArrowDown: 'down',
  ArrowLeft: 'left',
  ArrowRight: 'right',
};

/** The Latin letter or digit of the key, whatever the keyboard's layout or an input method makes of it. */
function characterOf({ key, code }: KeyPress): string {
  if (/^[a-z0-9?]$/i.test(key)) return key.toLowerCase();
  if (key.length > 1 && key !== 'Process' && key !== 'Unidentified') return '';
  return /^(?:Key|Digit|Numpad)([A-Z0-9])$/.exec(code)?.[1]?.toLowerCase() ?? '';
}

/**
 * What the key press asks for, or null where it is not ours: with a modifier, in a text field, or native to the
 * focused control.
 */
export function actionOf(press: KeyPress, focused: FocusedControl): Action | null {
  if (press.ctrlKey || press.metaKey || press.altKey || focused === 'text') return null;
  if (press.key === 'Enter') return focused === 'button' ? null : { kind: 'submit' };
  const direction = ARROWS[press.key];
  if (direction !== undefined) return focused === 'radio' ? null : { kind: 'move', direction };

  const character = characterOf(press);
  if (character === '?' || press.key === '？') return { kind: 'help' };
  const candidate = character === '' ? -1 : 'abcdef'.indexOf(character);
  if (candidate >= 0) return press.shiftKey ? { kind: 'best', candidate } : { kind: 'focus', candidate };
  if (press.shiftKey) return null;
  if (/^[1-5]$/.test(character)) return { kind: 'score', score: Number(character) };
  switch (character) {
    case 'w':
      return { kind: 'bestActive' };
    case 't':
      return { kind: 'tie' };
    case 's':
      return { kind: 'skip' };
    case 'u':
      return { kind: 'undo' };
    default:
      return null;
  }
}
