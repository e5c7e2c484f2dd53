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
    ['B', { shiftKey: true }, { kind: 'choose', candidate: 1 }],
    ['5', {}, { kind: 'score', score: 5 }],
    ['w', {}, { kind: 'chooseActive' }],
    ['t', {}, { kind: 'tie' }],
    ['s', {}, { kind: 'skip' }],
    ['u', {}, { kind: 'undo' }],
    ['?', { shiftKey: true }, { kind: 'help' }],
    ['Enter', {}, { kind: 'submit' }],
    ['ArrowDown', {}, { kind: 'move', direction: 'down' }],
    ['ArrowUp', { shiftKey: true }, { kind: 'rank', step: -1 }],
    ['8', {}, { kind: 'score', score: 8 }],
    ['n', {}, { kind: 'bothBad' }],
    ['i', {}, { kind: 'correct' }],
    ['k', {}, { kind: 'play' }],
    ['j', {}, { kind: 'seek', seconds: -2 }],
    ['.', {}, { kind: 'speed', direction: 'faster' }],
    ['g', {}, { kind: 'guidelines' }],
  ])('%s %o means %o', (key, over, action) => {
    expect(actionOf(press(key, over), 'none')).toEqual(action);
  });

  test('what is not ours is left alone', () => {
    for (const key of ['0', 'z', 'Tab', 'Escape', ' ', 'F1', 'Home']) {
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
