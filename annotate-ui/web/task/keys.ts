// From a key press to what it means. Pure: whether the page acts on it is decided by the caller.
import type { Direction } from './place.ts';

export type Action =
  | { kind: 'focus'; candidate: number }
  /** Chooses a reply: as best, one step toward it, or the next place in the ranking. */
  | { kind: 'choose'; candidate: number }
  | { kind: 'chooseActive' }
  | { kind: 'tie' }
  | { kind: 'bothBad' }
  | { kind: 'score'; score: number }
  | { kind: 'move'; direction: Direction }
  | { kind: 'rank'; step: -1 | 1 }
  | { kind: 'correct' }
  | { kind: 'flag' }
  | { kind: 'comment' }
  | { kind: 'play' }
  | { kind: 'seek'; seconds: number }
  | { kind: 'speed'; direction: 'slower' | 'faster' }
  | { kind: 'asText' }
  | { kind: 'guidelines' }
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

const ARROWS: Record<string, Direction> = {
  ArrowUp: 'up',
  ArrowDown: 'down',
  ArrowLeft: 'left',
  ArrowRight: 'right',
};

const SEEK_SECONDS = 2;

const LETTERS: Record<string, Action> = {
  w: { kind: 'chooseActive' },
  t: { kind: 'tie' },
  n: { kind: 'bothBad' },
  i: { kind: 'correct' },
  x: { kind: 'flag' },
  m: { kind: 'comment' },
  k: { kind: 'play' },
  j: { kind: 'seek', seconds: -SEEK_SECONDS },
  l: { kind: 'seek', seconds: SEEK_SECONDS },
  ',': { kind: 'speed', direction: 'slower' },
  '.': { kind: 'speed', direction: 'faster' },
  r: { kind: 'asText' },
  g: { kind: 'guidelines' },
  s: { kind: 'skip' },
  u: { kind: 'undo' },
};

/** The Latin letter, digit or point of the key, whatever the keyboard's layout or an input method makes of it. */
function characterOf({ key, code }: KeyPress): string {
  if (/^[a-z0-9?,.]$/i.test(key)) return key.toLowerCase();
  if (key.length > 1 && key !== 'Process' && key !== 'Unidentified') return '';
  if (code === 'Comma') return ',';
  if (code === 'Period') return '.';
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
  if (direction !== undefined) {
    if (press.shiftKey && (direction === 'up' || direction === 'down')) {
      return { kind: 'rank', step: direction === 'up' ? -1 : 1 };
    }
    return focused === 'radio' ? null : { kind: 'move', direction };
  }

  const character = characterOf(press);
  if (character === '?' || press.key === '？') return { kind: 'help' };
  const candidate = character === '' ? -1 : 'abcdef'.indexOf(character);
  if (candidate >= 0) return press.shiftKey ? { kind: 'choose', candidate } : { kind: 'focus', candidate };
  if (press.shiftKey) return null;
  if (/^[1-9]$/.test(character)) return { kind: 'score', score: Number(character) };
  return LETTERS[character] ?? null;
}
