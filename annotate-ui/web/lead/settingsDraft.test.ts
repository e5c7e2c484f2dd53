import { DEFAULT_ASK, Project, ProjectChange, type ProjectSettings } from '../../../src/core/annotation/project.ts';
import { changeOf, draftOf, emptyCriterion, NotJson, withText } from './settingsDraft.ts';

const filled = (id: string) => {
  let card = { ...emptyCriterion(), id };
  for (const language of ['en', 'zh'] as const) {
    for (const field of ['name', 'question', 0, 1, 2, 3, 4] as const) {
      card = withText(card, { language, field, text: `${field} in ${language}` });
    }
  }
  return card;
};

const project = Project.parse({
  id: 'p-1',
  candidateSetId: 'candidate-set-1',
  title: 'Spoken replies',
  guidelines: '# Read',
  criteria: [filled('fluency')],
  ask: DEFAULT_ASK,
  overlap: 3,
  gate: { bars: { fluency: 0.4 }, minimumItems: 10 },
  qualification: { items: [{ itemId: 'item-1', best: null }] },
  gold: { items: [{ itemId: 'item-2', best: 'c-1' }] },
});
const settings: ProjectSettings = { ...project, webhook: null };

describe('settings while they are edited', () => {
  test('an untouched draft comes to the project as it is, and the server takes it', () => {
    const change = ProjectChange.parse(changeOf(draftOf(settings)));
    const { id: _, candidateSetId: __, ...rest } = settings;
    expect(change).toEqual(rest);
  });

  test('what is empty or off is null', () => {
    const draft = draftOf(settings);
    const change = changeOf({
      ...draft,
      overlap: ' ',
      gate: { ...draft.gate, isOn: false },
      qualification: { ...draft.qualification, isOn: false },
      gold: { ...draft.gold, isOn: false, items: 'nonsense' },
    });
    expect(change).toMatchObject({ overlap: null, gate: null, qualification: null, gold: null, webhook: null });
  });

  test('a bar that is taken out is no bar, and a key that is not typed is not sent', () => {
    const draft = draftOf({ ...settings, webhook: { url: 'http://127.0.0.1:1/', batchItems: 5, hasSecret: true } });
    const change = changeOf({ ...draft, gate: { ...draft.gate, bars: { fluency: '' } } });
    expect(change.gate?.bars).toEqual({});
    expect(change.webhook).toEqual({ url: 'http://127.0.0.1:1/', batchItems: 5 });
  });

  test('a criterion that is written in one language serves in both', () => {
    const draft = draftOf(settings);
    const card = withText({ ...emptyCriterion(), id: 'wit' }, { language: 'en', field: 'name', text: 'Wit' });
    expect(changeOf({ ...draft, criteria: [card] }).criteria?.[0]?.text.zh.name).toBe('Wit');
  });

  test('known answers that are no JSON are told by their field', () => {
    const draft = draftOf(settings);
    expect(() => changeOf({ ...draft, gold: { ...draft.gold, items: '[{' } })).toThrow(NotJson);
  });
});
