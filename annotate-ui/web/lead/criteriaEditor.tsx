// The criteria with their wording and anchors in both languages.
import type { CriterionCard, Language } from '../../../src/core/annotation/project.ts';
import { STRINGS } from '../frame/strings.ts';
import { useLeadStrings } from './leadTexts.ts';
import { emptyCriterion, withText } from './settingsDraft.ts';

const LANGUAGES: Language[] = ['en', 'zh'];

interface CriteriaEditorProps {
  criteria: CriterionCard[];
  onCriteria(criteria: CriterionCard[]): void;
}

export function CriteriaEditor({ criteria, onCriteria }: CriteriaEditorProps) {
  const strings = useLeadStrings();
  return (
    <>
      {criteria.map((card, i) => (
        <CriterionFields
          // The place is the identity: the short name is being typed here.
          key={i}
          card={card}
          onCard={(changed) => onCriteria(criteria.map((other, j) => (j === i ? changed : other)))}
          onRemove={() => onCriteria(criteria.filter((_, j) => j !== i))}
        />
      ))}
      <button type="button" onClick={() => onCriteria([...criteria, emptyCriterion()])}>
        {strings.addCriterion}
      </button>
    </>
  );
}

interface CriterionFieldsProps {
  card: CriterionCard;
  onCard(card: CriterionCard): void;
  onRemove(): void;
}

function CriterionFields({ card, onCard, onRemove }: CriterionFieldsProps) {
  const strings = useLeadStrings();
  const field = (label: string, value: string, onText: (text: string) => void, isRequired = false) => (
    <label key={label}>
      <span>{label}</span>
      <input type="text" value={value} required={isRequired} onInput={(event) => onText(event.currentTarget.value)} />
    </label>
  );
  return (
    <details class="criterion" open={card.id === ''}>
      <summary>{card.text.en.name || card.id || strings.addCriterion}</summary>
      {field(strings.criterionId, card.id, (id) => onCard({ ...card, id }), true)}
      <div class="pair">
        {LANGUAGES.map((language) => {
          const name = STRINGS[language].languageName;
          const text = card.text[language];
          const set = (part: 'name' | 'question' | number) => (typed: string) =>
            onCard(withText(card, { language, field: part, text: typed }));
          return (
            <div key={language} class="stack">
              {field(strings.criterionName(name), text.name, set('name'))}
              {field(strings.criterionQuestion(name), text.question, set('question'))}
              {text.anchors.map((anchor, i) => field(strings.criterionAnchor(i + 1, name), anchor, set(i)))}
            </div>
          );
        })}
      </div>
      <button type="button" onClick={onRemove}>
        {strings.removeCriterion}
      </button>
    </details>
  );
}
