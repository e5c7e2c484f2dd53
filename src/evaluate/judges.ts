// The judges that every evaluation can ask, as utilities: the rules and the reward model.
import { RULE_JUDGE_NAME, RULE_TIE_WITHIN, ruleUtility } from '../judge/ruleJudge.ts';
import { rewardUtility, type Utility } from './evaluatedReply.ts';

/** A judge of single replies, under the name by which reports call it. */
export interface UtilityJudge {
  name: string;
  utility: Utility;
  /** Utilities that differ by no more are a tie; 0 where absent. */
  tieWithin?: number;
}

/** Utility in [0, 1] by the rules of the offline judge. */
export const RULE_JUDGE: UtilityJudge = {
  name: `${RULE_JUDGE_NAME} judge`,
  utility: (prompt, reply) => ruleUtility(reply, prompt.messages),
  tieWithin: RULE_TIE_WITHIN,
};

/** Reward, on the reward model's own scale. */
export const REWARD_JUDGE: UtilityJudge = { name: 'reward model', utility: rewardUtility };
