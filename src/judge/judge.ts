// What a judge is, whether a language model behind a server or a set of rules.
import type { CandidateId } from '../core/ids.ts';
import type { Message, Outcome, Scores } from '../core/records.ts';

export interface JudgedReply {
  id: CandidateId;
  text: string;
  finishReason: 'stop' | 'length';
}

export interface JudgedItem {
  prompt: ReadonlyArray<Message>;
  /** In the order in which the judge is to see them. */
  candidates: ReadonlyArray<JudgedReply>;
}

/** What came of one item. Where `comparison` is missing there are no ratings. */
export interface Verdict {
  ratings: Record<CandidateId, Scores>;
  comparison: Outcome;
  details: {
    /** Whether both orders named the same best; null where order cannot matter or there is no verdict. */
    positionConsistent: boolean | null;
    /** Requests that were made. */
    requests: number;
  };
}

export interface Judge {
  /** 'rule-based', or 'openai:MODEL', 'anthropic:MODEL'. */
  readonly name: string;
  /** Hash of the judge's prompt or rules: another hash is another judge. */
  readonly promptHash: string;
  /**
   * Judges one item. A failure is a verdict of kind 'missing' with its reason.
   * @throws interrupted when the signal is aborted; server-failed where no item could ever be judged (a refused key).
   */
  judge(item: JudgedItem, signal: AbortSignal): Promise<Verdict>;
}
