import { lossCurve, ppoHistory, rewardModelHistory } from './trainingCurves.ts';

describe('curves from metrics', () => {
  test('have a point where a step recorded the figure, and none elsewhere', () => {
    const lines = [
      { step: 1, loss: 3 },
      { step: 2, loss: 2, validationLoss: 2.5 },
      { step: 3, loss: null },
    ];
    expect(lossCurve(lines)).toEqual({
      train: [
        [1, 3],
        [2, 2],
      ],
      validation: [[2, 2.5]],
    });
  });

  test('a reward model keeps the last length baseline', () => {
    const lines = [
      { step: 1, loss: 0.7, accuracy: 0.5, lengthBaseline: 0.6 },
      { step: 2, loss: 0.6, accuracy: 0.8, lengthBaseline: 0.62 },
    ];
    expect(rewardModelHistory(lines)).toMatchObject({
      accuracy: {
        train: [],
        validation: [
          [1, 0.5],
          [2, 0.8],
        ],
      },
      lengthBaseline: 0.62,
    });
    expect(rewardModelHistory([])).not.toHaveProperty('lengthBaseline');
  });

  test('PPO keeps iterations with reward and KL, and what else they recorded', () => {
    const lines = [
      { step: 1, reward: 0.1 },
      { step: 2, reward: 0.2, kl: 1, replyTokens: 20, policyLoss: 0.3 },
    ];
    expect(ppoHistory(lines, 6)).toEqual({
      klTarget: 6,
      iterations: [{ step: 2, reward: 0.2, kl: 1, replyLength: 20 }],
    });
    expect(ppoHistory([], null)).toBeNull();
  });
});
