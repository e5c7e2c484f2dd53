import { actionOf, type KeyPress } from './keys.ts';

const press = (key: string, over: Partial<KeyPress> = {}): KeyPress => ({
  key,
  code: '',
  shiftKey: false,
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  ...over,
});

describe('actionOf', () => {
  test.each([
    ['a', {}, { kind: 'focus', candidate: 0 }],
    ['F', {}, { kind: 'focus', candidate: 5 }], // Caps Lock
    ['B', { shiftKey: true }, { kind: 'best', candidate: 1 }],
    ['5', {}, { kind: 'score', score: 5 }],
    ['w', {}, { kind: 'bestActive' }],
    ['t', {}, { kind: 'tie' }],
    ['s', {}, { kind: 'skip' }],
    ['u', {}, { kind: 'undo' }],
    ['?', { shiftKey: true }, { kind: 'help' }],
    ['Enter', {}, { kind: 'submit' }],
    ['ArrowDown', {}, { kind: 'move', direction: 'down' }],
  ])('%s %o means %o', (key, over, action) => {
    expect(actionOf(press(key, over), 'none')).toEqual(action);
  });

  test('what is not ours is left alone', () => {
    for (const key of ['0', '6', 'g', 'Tab', 'Escape', ' ', 'F1', 'Home']) {
      expect(actionOf(press(key, { code: key === 'F1' ? 'F1' : '' }), 'none')).toBeNull();
    }
    for (const modifier of ['ctrlKey', 'metaKey', 'altKey']) {
      expect(actionOf(press('s', { [modifier]: true }), 'none')).toBeNull();
    }
  });

  test('the focused control keeps its own keys', () => {
    expect(actionOf(press('t'), 'text')).toBeNull();
    expect(actionOf(press('Enter'), 'button')).toBeNull();
    expect(actionOf(press('Enter'), 'radio')).toEqual({ kind: 'submit' });
    expect(actionOf(press('ArrowLeft'), 'radio')).toBeNull();
    expect(actionOf(press('4'), 'radio')).toEqual({ kind: 'score', score: 4 });
  });

  test('a Cyrillic layout or an input method does not stand in the way', () => {
    expect(actionOf(press('ф', { code: 'KeyA' }), 'none')).toEqual({ kind: 'focus', candidate: 0 });
    expect(actionOf(press('Process', { code: 'Digit3' }), 'none')).toEqual({ kind: 'score', score: 3 });
    expect(actionOf(press('？', { code: 'Slash', shiftKey: true }), 'none')).toEqual({ kind: 'help' });
  });
});
