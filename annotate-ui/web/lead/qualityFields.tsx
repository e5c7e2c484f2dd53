// What holds the quality up: the practice round, hidden known answers, the gate before pairs.
import { useCriterionText } from '../frame/texts.ts';
import { COMPARISON } from './criterionNames.ts';
import { useLeadStrings } from './leadTexts.ts';
import { NumberField } from './numberField.tsx';
import type { SettingsDraft } from './settingsDraft.ts';
import { SwitchField } from './switchField.tsx';

interface QualityFieldsProps {
  draft: SettingsDraft;
  onChange(change: Partial<SettingsDraft>): void;
}

function KnownAnswers({ value, onValue }: { value: string; onValue(value: string): void }) {
  const strings = useLeadStrings();
  return (
    <label>
      <span>{strings.knownAnswers}</span>
      <textarea
        class="code"
        rows={6}
        spellcheck={false}
        value={value}
        onInput={(event) => onValue(event.currentTarget.value)}
      />
      <small class="hint">{strings.knownAnswersHint}</small>
    </label>
  );
}

export function QualificationFields({ draft, onChange }: QualityFieldsProps) {
  const strings = useLeadStrings();
  const { qualification } = draft;
  const set = (part: Partial<SettingsDraft['qualification']>) =>
    onChange({ qualification: { ...qualification, ...part } });
  return (
    <SwitchField
      title={strings.qualificationTitle}
      label={strings.qualificationLabel}
      isOn={qualification.isOn}
      onSwitch={(isOn) => set({ isOn })}
    >
      <div class="pair">
        <NumberField
          label={strings.passMark}
          value={qualification.passMark}
          onValue={(passMark) => set({ passMark })}
        />
        <NumberField
          label={strings.attempts}
          value={qualification.attempts}
          onValue={(attempts) => set({ attempts })}
        />
      </div>
      <KnownAnswers value={qualification.items} onValue={(items) => set({ items })} />
    </SwitchField>
  );
}

export function GoldFields({ draft, onChange }: QualityFieldsProps) {
  const strings = useLeadStrings();
  const { gold } = draft;
  const set = (part: Partial<SettingsDraft['gold']>) => onChange({ gold: { ...gold, ...part } });
  return (
    <SwitchField
      title={strings.goldTitle}
      label={strings.goldLabel}
      isOn={gold.isOn}
      onSwitch={(isOn) => set({ isOn })}
    >
      <div class="pair">
        <NumberField label={strings.goldRate} value={gold.rate} onValue={(rate) => set({ rate })} />
        <NumberField label={strings.goldBar} value={gold.bar} onValue={(bar) => set({ bar })} />
        <NumberField label={strings.goldWindow} value={gold.window} onValue={(window) => set({ window })} />
        <NumberField label={strings.goldMinimum} value={gold.minimum} onValue={(minimum) => set({ minimum })} />
      </div>
      <KnownAnswers value={gold.items} onValue={(items) => set({ items })} />
    </SwitchField>
  );
}

export function GateFields({ draft, onChange }: QualityFieldsProps) {
  const strings = useLeadStrings();
  const { gate } = draft;
  const set = (part: Partial<SettingsDraft['gate']>) => onChange({ gate: { ...gate, ...part } });
  const criterionText = useCriterionText();
  const nameOf = (criterion: string) => {
    const card = draft.criteria.find(({ id }) => id === criterion);
    return card === undefined ? criterion : criterionText(card).name || criterion;
  };
  const criteria = [...new Set([...draft.criteria.map(({ id }) => id), COMPARISON, ...Object.keys(gate.bars)])];
  return (
    <SwitchField
      title={strings.gateTitle}
      label={strings.gateLabel}
      isOn={gate.isOn}
      onSwitch={(isOn) => set({ isOn })}
    >
      <div class="pair">
        {criteria.map((criterion) => (
          <NumberField
            key={criterion}
            label={strings.gateBar(criterion === COMPARISON ? strings.comparison : nameOf(criterion))}
            value={gate.bars[criterion] ?? ''}
            isOptional
            onValue={(bar) => set({ bars: { ...gate.bars, [criterion]: bar } })}
          />
        ))}
        <NumberField
          label={strings.gateItems}
          value={gate.minimumItems}
          onValue={(minimumItems) => set({ minimumItems })}
        />
      </div>
    </SwitchField>
  );
}
