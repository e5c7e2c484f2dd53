import { placeAfter, placeToward } from './place.ts';
import { taskOf } from './testTask.ts';

const task = taskOf();

test('places run through the item and stop at its ends', () => {
  expect(placeAfter(task, { candidate: 1, criterion: 1 })).toEqual({ candidate: 2, criterion: 0 });
  expect(placeAfter(task, { candidate: 2, criterion: 0 })).toEqual({ candidate: 2, criterion: 0 });
  expect(placeToward(task, { candidate: 2, criterion: 0 }, 'up')).toEqual({ candidate: 1, criterion: 1 });
  expect(placeToward(task, { candidate: 0, criterion: 0 }, 'up')).toEqual({ candidate: 0, criterion: 0 });
  expect(placeToward(task, { candidate: 0, criterion: 1 }, 'down')).toEqual({ candidate: 1, criterion: 0 });
  expect(placeToward(task, { candidate: 0, criterion: 1 }, 'right')).toEqual({ candidate: 1, criterion: 1 });
  expect(placeToward(task, { candidate: 1, criterion: 1 }, 'right')).toEqual({ candidate: 1, criterion: 1 });
  expect(placeToward(task, { candidate: 2, criterion: 0 }, 'left')).toEqual({ candidate: 1, criterion: 0 });
  expect(placeToward(task, { candidate: 0, criterion: 1 }, 'left')).toEqual({ candidate: 0, criterion: 1 });
});

test('without a comparison the last criterion is the end; without scales a step is a whole reply', () => {
  const noVerdict = taskOf({ comparison: 'none' });
  expect(placeAfter(noVerdict, { candidate: 1, criterion: 1 })).toEqual({ candidate: 1, criterion: 1 });
  const noScales = taskOf({ ratings: false });
  expect(placeAfter(noScales, { candidate: 0, criterion: 0 })).toEqual({ candidate: 1, criterion: 0 });
  expect(placeToward(noScales, { candidate: 1, criterion: 0 }, 'up')).toEqual({ candidate: 0, criterion: 0 });
});
