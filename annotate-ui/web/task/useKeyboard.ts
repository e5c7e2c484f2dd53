// Listens to the keyboard for the whole page and hands on what a key press means.
import { useLayoutEffect, useRef } from 'preact/hooks';
import { type Action, actionOf, type FocusedControl } from './keys.ts';

interface KeyboardOptions {
  /** False while a dialog has the keyboard. */
  isOn: boolean;
  /** False for those who dictate or type with aids that send stray letters; Enter and arrows still work. */
  hasLetterKeys: boolean;
  onAction(action: Action): void;
}

function focusedControl(target: EventTarget | null): FocusedControl {
  if (!(target instanceof HTMLElement)) return 'none';
  if (target instanceof HTMLInputElement) return target.type === 'radio' ? 'radio' : 'text';
  if (target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement) return 'text';
  return target instanceof HTMLButtonElement || target instanceof HTMLAnchorElement ? 'button' : 'none';
}

export function useKeyboard(options: KeyboardOptions): void {
  const latest = useRef(options);
  latest.current = options;
  useLayoutEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const { isOn, hasLetterKeys, onAction } = latest.current;
      if (!isOn || event.isComposing || event.defaultPrevented) return;
      const action = actionOf(event, focusedControl(event.target));
      if (action === null) return;
      if (!hasLetterKeys && action.kind !== 'submit' && action.kind !== 'move') return;
      event.preventDefault();
      // A key held down must not submit one item after another.
      if (!event.repeat || action.kind === 'move') onAction(action);
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, []);
}
