import { axisFrom } from './agreementChart.ts';
import { endsOf, sparkPath } from './sparkline.ts';

describe('a sparkline', () => {
  test('runs from edge to edge, the highest at the top', () => {
    expect(sparkPath([0, 1, 0.5])).toBe('M2.0 20.0L42.0 2.0L82.0 11.0');
  });

  test('breaks where nothing was measured, and stays in the middle where nothing changed', () => {
    expect(sparkPath([1, null, 1])).toBe('M2.0 11.0M82.0 11.0');
    expect(sparkPath([null, 1])).toBeNull();
  });

  test('its ends are the first and the last number', () => {
    expect(endsOf([null, 3, 4, null])).toEqual({ first: 3, last: 4 });
    expect(endsOf([null])).toBeNull();
  });
});

test('the axis of agreement begins at 0, or below the lowest end', () => {
  const line = (low: number) => ({ name: 'x', alpha: { value: 0.5, low, high: 0.6 }, bar: null });
  expect(axisFrom([line(0.2)])).toBe(0);
  expect(axisFrom([line(0.2), line(-0.25)])).toBe(-0.4);
  expect(axisFrom([{ name: 'x', alpha: null, bar: null }])).toBe(0);
});
