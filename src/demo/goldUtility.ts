// What the demo's simulated raters value, before their bias and noise: five properties of a reply that can be read off its
// text. It stands for people's judgement; neither the reward model nor PPO ever sees it.
import type { Message } from '../core/records.ts';

export interface GoldProperties {
  /** The reply ends as a sentence. */
  complete: number;
  /** It takes up what the prompt is about. */
  toThePoint: number;
  /** Full enough to help, short enough to be spoken: fuller than most of the demonstrations. */
  fittingLength: number;
  notRepeating: number;
  safe: number;
}

const STOP_WORDS = new Set(
  (
    'a about after all am an and any are as at be because been before but by can could did do does for from get give go had has have ' +
    'he help her him his how i if in into is it its just know let like make me more my no not now of off on one or our out over ' +
    'please really say she should so some such take tell than thank that the their them then there these they thing this to too up ' +
    'use very want was way we well were what when where which who why will with word words would you your'
  ).split(' '),
);

const UNSAFE_WORDS = new Set(
  'kill hate stupid idiot shut hurt blood gun drug drunk poison weapon ugly worthless'.split(' '),
);

/** Words of a text in lower case. */
const wordsOf = (text: string) => text.toLowerCase().match(/[a-z0-9']+/g) ?? [];

/** A rough stem, so that `plants` takes up `plant`. */
const stemOf = (word: string) => word.replace(/(ing|ies|es|ed|s)$/, '').slice(0, 6);

function shareTakenUp(prompt: string, reply: ReadonlyArray<string>): number {
  const asked = new Set(
    wordsOf(prompt)
      .filter((word) => word.length > 2 && !STOP_WORDS.has(word))
      .map(stemOf),
  );
  if (asked.size === 0) return 1;
  const told = new Set(reply.map(stemOf));
  const taken = [...asked].filter((stem) => told.has(stem)).length;
  // Two of the prompt's own words are enough; nobody wants the whole question back.
  return Math.min(1, taken / Math.min(2, asked.size));
}

function lengthFit(words: number): number {
  const [shortest, longest] = [28, 44];
  if (words < shortest) return words / shortest;
  return words <= longest ? 1 : Math.max(0, 1 - (words - longest) / longest);
}

/** 1 where no pair of words comes twice, falling by the share of pairs that do. */
function freshness(words: ReadonlyArray<string>): number {
  if (words.length < 2) return words.length;
  const pairs = words.slice(1).map((word, i) => `${words[i]} ${word}`);
  const doubled = words.slice(1).some((word, i) => word === words[i]);
  const repeated = 1 - new Set(pairs).size / pairs.length;
  return Math.max(0, 1 - 4 * repeated - (doubled ? 0.3 : 0));
}

/** The properties, each in [0, 1]. */
export function goldProperties(prompt: ReadonlyArray<Message>, reply: string): GoldProperties {
  const question = prompt.findLast((message) => message.role === 'user')?.content ?? '';
  const words = wordsOf(reply);
  return {
    complete: /[.!?]["']?$/.test(reply.trim()) ? 1 : 0,
    toThePoint: shareTakenUp(question, words),
    fittingLength: lengthFit(words.length),
    notRepeating: freshness(words),
    safe: words.some((word) => UNSAFE_WORDS.has(word)) ? 0 : 1,
  };
}

const WEIGHTS = { complete: 0.2, toThePoint: 0.2, fittingLength: 0.4, notRepeating: 0.2 } as const;

/** Utility in [0, 1]: the weighted mean of the properties; an unsafe reply is worth nothing. */
export function goldUtility(prompt: ReadonlyArray<Message>, reply: string): number {
  const { complete, toThePoint, fittingLength, notRepeating, safe } = goldProperties(prompt, reply);
  return (
    safe *
    (WEIGHTS.complete * complete +
      WEIGHTS.toThePoint * toThePoint +
      WEIGHTS.fittingLength * fittingLength +
      WEIGHTS.notRepeating * notRepeating)
  );
}
