// The project's settings as a form: what is asked, of whom, and what holds the quality up.
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { SettingsReply } from '../../../src/core/annotation/lead.ts';
import { useLoaded, WhenLoaded } from '../frame/loaded.tsx';
import { useStrings } from '../frame/texts.ts';
import { RichText } from '../text/richText.tsx';
import { AskFields } from './askFields.tsx';
import { CriteriaEditor } from './criteriaEditor.tsx';
import { leadApi } from './leadApi.ts';
import { useLeadStrings } from './leadTexts.ts';
import { NumberField } from './numberField.tsx';
import { GateFields, GoldFields, QualificationFields } from './qualityFields.tsx';
import { changeOf, draftOf, NotJson, type SettingsDraft } from './settingsDraft.ts';
import { WebhookFields } from './webhookFields.tsx';

export function Settings({ onSessionEnded }: { onSessionEnded(): void }) {
  const strings = useLeadStrings();
  const loaded = useLoaded(leadApi.settings, 'settings', onSessionEnded);
  return (
    <>
      <h1>{strings.settings}</h1>
      <WhenLoaded loaded={loaded}>
        {(reply) => <SettingsForm reply={reply} onSaved={loaded.replace} onSessionEnded={onSessionEnded} />}
      </WhenLoaded>
    </>
  );
}

interface SettingsFormProps {
  reply: SettingsReply;
  onSaved(reply: SettingsReply): void;
  onSessionEnded(): void;
}

function SettingsForm({ reply, onSaved, onSessionEnded }: SettingsFormProps) {
  const strings = useLeadStrings();
  const common = useStrings();
  const [draft, setDraft] = useState(() => draftOf(reply.settings));
  const [message, setMessage] = useState<{ text: string; isBad: boolean } | null>(null);
  const [isBusy, setBusy] = useState(false);
  const change = (part: Partial<SettingsDraft>) => {
    setDraft((before) => ({ ...before, ...part }));
    setMessage({ text: strings.unsaved, isBad: false });
  };
  const save = async () => {
    setBusy(true);
    try {
      const saved = await leadApi.change(changeOf(draft));
      setDraft(draftOf(saved.settings));
      onSaved(saved);
      setMessage({ text: strings.savedNow, isBad: false });
    } catch (error) {
      const text =
        error instanceof NotJson
          ? strings.notJson(error.field === 'gold' ? strings.goldTitle : strings.qualificationTitle, error.message)
          : common.failed(error instanceof Error ? error.message : '');
      setMessage({ text, isBad: true });
    } finally {
      setBusy(false);
    }
  };
  const fields = { draft, onChange: change };
  return (
    <form
      class="form wide"
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <label>
        <span>{strings.title}</span>
        <input
          type="text"
          required
          maxLength={200}
          value={draft.title}
          onInput={(event) => change({ title: event.currentTarget.value })}
        />
      </label>
      <label>
        <span>{strings.guidelinesLabel}</span>
        <textarea
          rows={10}
          value={draft.guidelines}
          onInput={(event) => change({ guidelines: event.currentTarget.value })}
        />
      </label>
      <details>
        <summary>{strings.preview}</summary>
        <RichText text={draft.guidelines} links="live" class="preview" />
      </details>
      <AskFields {...fields} />
      <Group title={strings.criteria}>
        <CriteriaEditor criteria={draft.criteria} onCriteria={(criteria) => change({ criteria })} />
      </Group>
      <div class="pair">
        <NumberField
          label={strings.overlap}
          value={draft.overlap}
          isOptional
          onValue={(overlap) => change({ overlap })}
        />
        <NumberField
          label={strings.lease}
          value={draft.leaseMinutes}
          onValue={(leaseMinutes) => change({ leaseMinutes })}
        />
      </div>
      <QualificationFields {...fields} />
      <GoldFields {...fields} />
      <GateFields {...fields} />
      <WebhookFields {...fields} onSessionEnded={onSessionEnded} />
      <div class="save-bar">
        <button type="submit" class="primary" disabled={isBusy}>
          {strings.save}
        </button>
        <p role="status" class={message?.isBad === true ? 'problem' : 'muted'}>
          {message?.text}
        </p>
      </div>
    </form>
  );
}

function Group({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <fieldset class="group">
      <legend>{title}</legend>
      {children}
    </fieldset>
  );
}
