// What annotators are asked of each item.
import type { ComparisonKind, Project } from '../../../src/core/annotation/project.ts';
import { useLeadStrings } from './leadTexts.ts';
import type { SettingsDraft } from './settingsDraft.ts';

const COMPARISONS: ComparisonKind[] = ['none', 'best', 'strength', 'ranking'];
const PARTS = ['ratings', 'correction', 'flags', 'comment', 'skip'] as const;

interface AskFieldsProps {
  draft: SettingsDraft;
  onChange(change: Partial<SettingsDraft>): void;
}

export function AskFields({ draft, onChange }: AskFieldsProps) {
  const strings = useLeadStrings();
  const change = (part: Partial<Project['ask']>) => onChange({ ask: { ...draft.ask, ...part } });
  return (
    <fieldset class="group">
      <legend>{strings.asked}</legend>
      <label>
        <span>{strings.compare}</span>
        <select
          value={draft.ask.comparison}
          onChange={(event) => change({ comparison: event.currentTarget.value as ComparisonKind })}
        >
          {COMPARISONS.map((kind) => (
            <option key={kind} value={kind}>
              {strings.comparisons[kind]}
            </option>
          ))}
        </select>
      </label>
      {PARTS.map((part) => (
        <label key={part} class="option">
          <input
            type="checkbox"
            checked={draft.ask[part]}
            onChange={(event) => change({ [part]: event.currentTarget.checked })}
          />
          <span>{strings[part]}</span>
        </label>
      ))}
    </fieldset>
  );
}
