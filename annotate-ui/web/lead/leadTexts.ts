// The lead's texts and numbers in the language of the page.
import type { Interval } from '../../../src/core/annotation/lead.ts';
import type { Language } from '../../../src/core/annotation/project.ts';
import { usePreferences } from '../frame/preferences.ts';
import { leadChinese } from './chinese.ts';
import { type LeadStrings, leadEnglish } from './english.ts';

const STRINGS: Record<Language, LeadStrings> = { en: leadEnglish, zh: leadChinese };

export function useLeadStrings(): LeadStrings {
  return STRINGS[usePreferences().language];
}

export interface Formats {
  /** 0.734 as "0.73". */
  figure(value: number | null | undefined): string;
  /** 0.734 as "73 %". */
  share(value: number | null | undefined): string;
  /** "0.73" and its interval "0.70 to 0.77", or a dash and nothing. */
  interval(value: Interval | null | undefined): { value: string; range: string };
  count(value: number | null | undefined): string;
  time(iso: string | null | undefined): string;
}

export function useFormats(): Formats {
  const { language } = usePreferences();
  const strings = useLeadStrings();
  const locale = language === 'zh' ? 'zh-CN' : 'en-GB';
  const number = (digits: number) =>
    new Intl.NumberFormat(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits });
  const percent = new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 0 });
  const when = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' });
  const or = <T>(value: T | null | undefined, show: (value: T) => string) =>
    value === null || value === undefined ? strings.unknown : show(value);
  const figure = (value: number | null | undefined) => or(value, (known) => number(2).format(known));
  return {
    figure,
    share: (value) => or(value, (known) => percent.format(known)),
    interval: (value) =>
      value === null || value === undefined
        ? { value: strings.unknown, range: '' }
        : { value: figure(value.value), range: strings.interval(figure(value.low), figure(value.high)) },
    count: (value) => or(value, (known) => number(0).format(known)),
    time: (iso) => or(iso, (known) => when.format(new Date(known))),
  };
}
