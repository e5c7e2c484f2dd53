// Where another program is told, and how the last messages fared.
import { useLoaded, WhenLoaded } from '../frame/loaded.tsx';
import { leadApi } from './leadApi.ts';
import { useFormats, useLeadStrings } from './leadTexts.ts';
import { NumberField } from './numberField.tsx';
import type { SettingsDraft } from './settingsDraft.ts';
import { SwitchField } from './switchField.tsx';
import { Table } from './table.tsx';

interface WebhookFieldsProps {
  draft: SettingsDraft;
  onChange(change: Partial<SettingsDraft>): void;
  onSessionEnded(): void;
}

export function WebhookFields({ draft, onChange, onSessionEnded }: WebhookFieldsProps) {
  const strings = useLeadStrings();
  const { webhook } = draft;
  const set = (part: Partial<SettingsDraft['webhook']>) => onChange({ webhook: { ...webhook, ...part } });
  return (
    <SwitchField
      title={strings.webhookTitle}
      label={strings.webhookLabel}
      isOn={webhook.isOn}
      onSwitch={(isOn) => set({ isOn })}
    >
      <label>
        <span>{strings.webhookUrl}</span>
        <input type="url" required value={webhook.url} onInput={(event) => set({ url: event.currentTarget.value })} />
      </label>
      <div class="pair">
        <label>
          <span>{webhook.hasSecret ? strings.webhookSecretKept : strings.webhookSecret}</span>
          <input
            type="password"
            autocomplete="off"
            minLength={16}
            required={!webhook.hasSecret}
            value={webhook.secret}
            onInput={(event) => set({ secret: event.currentTarget.value })}
          />
        </label>
        <NumberField
          label={strings.webhookBatch}
          value={webhook.batchItems}
          onValue={(batchItems) => set({ batchItems })}
        />
      </div>
      {webhook.hasSecret && <Deliveries onSessionEnded={onSessionEnded} />}
    </SwitchField>
  );
}

function Deliveries({ onSessionEnded }: { onSessionEnded(): void }) {
  const strings = useLeadStrings();
  const { time, count } = useFormats();
  const loaded = useLoaded(leadApi.webhooks, 'webhooks', onSessionEnded);
  return (
    <WhenLoaded loaded={loaded}>
      {({ deliveries }) =>
        deliveries.length > 0 && (
          <Table
            name={strings.deliveries}
            head={[strings.event, strings.day, strings.state]}
            rows={deliveries.map(({ event, createdAt, attempts, state, lastError }) => [
              event,
              time(createdAt),
              `${strings.deliveryStates[state]} (${count(attempts)})${lastError === null ? '' : `: ${lastError}`}`,
            ])}
          />
        )
      }
    </WhenLoaded>
  );
}
