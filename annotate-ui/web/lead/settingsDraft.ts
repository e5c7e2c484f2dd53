// The project's settings while they are edited: texts as typed, and what they come to. Pure.
import type {
  CriterionCard,
  Language,
  Project,
  ProjectChange,
  ProjectSettings,
} from '../../../src/core/annotation/project.ts';

/** Numbers are kept as typed, so that half a number does not jump under the cursor. */
export interface SettingsDraft {
  title: string;
  guidelines: string;
  ask: Project['ask'];
  criteria: CriterionCard[];
  overlap: string;
  leaseMinutes: string;
  gate: { isOn: boolean; bars: Record<string, string>; minimumItems: string };
  qualification: { isOn: boolean; items: string; passMark: string; attempts: string };
  gold: { isOn: boolean; items: string; rate: string; bar: string; window: string; minimum: string };
  webhook: { isOn: boolean; url: string; secret: string; hasSecret: boolean; batchItems: string };
}

const json = (value: unknown) => JSON.stringify(value, null, 2);

export function draftOf(settings: ProjectSettings): SettingsDraft {
  const { gate, qualification, gold, webhook } = settings;
  const bars = Object.entries(gate?.bars ?? {}).map(([criterion, bar]) => [criterion, String(bar)]);
  return {
    title: settings.title,
    guidelines: settings.guidelines,
    ask: settings.ask,
    criteria: settings.criteria,
    overlap: settings.overlap === null ? '' : String(settings.overlap),
    leaseMinutes: String(settings.leaseMinutes),
    gate: { isOn: gate !== null, bars: Object.fromEntries(bars), minimumItems: String(gate?.minimumItems ?? 20) },
    qualification: {
      isOn: qualification !== null,
      items: json(qualification?.items ?? []),
      passMark: String(qualification?.passMark ?? 0.7),
      attempts: String(qualification?.attempts ?? 2),
    },
    gold: {
      isOn: gold !== null,
      items: json(gold?.items ?? []),
      rate: String(gold?.rate ?? 0.05),
      bar: String(gold?.bar ?? 0.6),
      window: String(gold?.window ?? 10),
      minimum: String(gold?.minimum ?? 4),
    },
    webhook: {
      isOn: webhook !== null,
      url: webhook?.url ?? '',
      secret: '',
      hasSecret: webhook?.hasSecret ?? false,
      batchItems: String(webhook?.batchItems ?? 100),
    },
  };
}

/** What was typed is no JSON. */
export class NotJson extends Error {
  readonly field: 'qualification' | 'gold';

  constructor(field: 'qualification' | 'gold', cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.name = 'NotJson';
    this.field = field;
  }
}

function parsed(field: 'qualification' | 'gold', text: string): never[] {
  try {
    return JSON.parse(text) as never[];
  } catch (error) {
    throw new NotJson(field, error);
  }
}

const optionalNumber = (text: string | undefined) => (text === undefined || text.trim() === '' ? null : Number(text));

/** The change that brings the project to the draft. Limits are the server's to check. @throws NotJson */
export function changeOf(draft: SettingsDraft): ProjectChange {
  const { gate, qualification, gold, webhook } = draft;
  const bars = Object.entries(gate.bars).flatMap(([criterion, text]) => {
    const bar = optionalNumber(text);
    return bar === null ? [] : [[criterion, bar] as const];
  });
  return {
    title: draft.title.trim(),
    guidelines: draft.guidelines,
    ask: draft.ask,
    criteria: draft.criteria.map(inBothLanguages),
    overlap: optionalNumber(draft.overlap),
    leaseMinutes: Number(draft.leaseMinutes),
    gate: gate.isOn ? { bars: Object.fromEntries(bars), minimumItems: Number(gate.minimumItems) } : null,
    qualification: qualification.isOn
      ? {
          items: parsed('qualification', qualification.items),
          passMark: Number(qualification.passMark),
          attempts: Number(qualification.attempts),
        }
      : null,
    gold: gold.isOn
      ? {
          items: parsed('gold', gold.items),
          rate: Number(gold.rate),
          bar: Number(gold.bar),
          window: Number(gold.window),
          minimum: Number(gold.minimum),
        }
      : null,
    webhook: webhook.isOn
      ? {
          url: webhook.url.trim(),
          batchItems: Number(webhook.batchItems),
          ...(webhook.secret === '' ? {} : { secret: webhook.secret }),
        }
      : null,
  };
}

/** Texts that one language lacks are taken from the other: better a foreign word than none. */
function inBothLanguages(card: CriterionCard): CriterionCard {
  const { en, zh } = card.text;
  const merged = (own: typeof en, other: typeof en) => ({
    name: own.name || other.name,
    question: own.question || other.question,
    anchors: own.anchors.map((anchor, i) => anchor || (other.anchors[i] ?? '')),
  });
  return { ...card, text: { en: merged(en, zh), zh: merged(zh, en) } };
}

const emptyText = () => ({ name: '', question: '', anchors: ['', '', '', '', ''] });

export const emptyCriterion = (): CriterionCard => ({ id: '', text: { en: emptyText(), zh: emptyText() } });

type TextField = 'name' | 'question' | number;

/** A criterion with one of its texts changed; a number is the place of an anchor, from 0. */
export function withText(
  card: CriterionCard,
  { language, field, text }: { language: Language; field: TextField; text: string },
): CriterionCard {
  const before = card.text[language];
  const after =
    typeof field === 'number'
      ? { ...before, anchors: before.anchors.map((anchor, i) => (i === field ? text : anchor)) }
      : { ...before, [field]: text };
  return { ...card, text: { ...card.text, [language]: after } };
}
