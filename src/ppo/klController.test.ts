import { klController } from './klController.ts';

test('the coefficient grows where the divergence is above the target, by at most a fifth of n over the horizon', () => {
  const controller = klController(0.1, { target: 6, horizon: 10_000 });
  // e = 6.6 / 6 - 1 = 0.1: 0.1 (1 + 0.1 · 512 / 10 000) = 0.100512
  controller.update(6.6, 512);
  expect(controller.coefficient).toBeCloseTo(0.100512, 12);
  // e = 60 / 6 - 1, clipped to 0.2: × (1 + 0.2 · 512 / 10 000) = × 1.01024
  controller.update(60, 512);
  expect(controller.coefficient).toBeCloseTo(0.100512 * 1.01024, 12);
});

test('it shrinks below the target, with the same limit, and rests on it', () => {
  const controller = klController(0.2, { target: 4, horizon: 1000 });
  controller.update(4, 100);
  expect(controller.coefficient).toBe(0.2);
  // A sampled divergence may be negative: -0.2 is the limit. 0.2 (1 - 0.2 · 100 / 1000) = 0.196
  controller.update(-3, 100);
  expect(controller.coefficient).toBeCloseTo(0.196, 12);
  // e = 3.6 / 4 - 1 = -0.1
  controller.update(3.6, 100);
  expect(controller.coefficient).toBeCloseTo(0.196 * 0.99, 12);
});

test('without a target it stays', () => {
  const controller = klController(0.05, { horizon: 10 });
  controller.update(1000, 1000);
  expect(controller.coefficient).toBe(0.05);
});
