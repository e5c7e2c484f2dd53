import { PromptId } from '../core/ids.ts';
import { Prompt } from '../core/records.ts';
import type { EvaluatedReply } from './evaluatedReply.ts';
import { samplesData } from './samplesData.ts';

const prompts = ['a', 'b', 'c'].map((id, i) =>
  Prompt.parse({
    id,
    dimension: i < 2 ? 'x' : 'y',
    messages:
      id === 'c'
        ? [
            { role: 'system', content: 'Be brief.' },
            { role: 'user', content: 'c?' },
          ]
        : [{ role: 'user', content: `${id}?` }],
  }),
);

const reply = (promptId: string, text: string): EvaluatedReply => ({
  promptId: PromptId.parse(promptId),
  text,
  tokens: 1,
  finishReason: 'stop',
});

describe('samplesData', () => {
  test('takes the first prompts of each dimension and the first reply of each model', () => {
    const replies = [reply('c', 'cc'), reply('a', 'aaa'), reply('a', 'other'), reply('b', 'b')];
    const data = samplesData({
      prompts,
      models: [{ name: 'sft-1', role: 'sft', replies }],
      utility: (_, { text }) => text.length / 10,
      perDimension: 1,
      sampling: 'at temperature 0.7',
    });
    expect(data.items.map(({ promptId, prompt }) => [promptId, prompt])).toEqual([
      ['a', 'a?'],
      ['c', 'system: Be brief.\nuser: c?'],
    ]);
    expect(data.items[0]?.replies).toEqual([{ text: 'aaa', finishReason: 'stop', utility: 0.3 }]);
    expect(data.rule).toContain('The first prompt of each dimension in the order of the file');
    expect(data.rule).toContain('at temperature 0.7');
  });
});
