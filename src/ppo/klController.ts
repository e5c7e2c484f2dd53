// The coefficient of the KL penalty: fixed, or steered towards a target.

export interface KlController {
  readonly coefficient: number;
  /** Takes note of the mean divergence (nats a reply) of so many replies. */
  update(kl: number, replies: number): void;
}

/**
 * Without a target the coefficient stays. With one: e = clip(KL / target - 1, -0.2, 0.2), β ← β (1 + e n / horizon).
 * Source: Ziegler et al. (2019), section 2.2.
 */
export function klController(
  start: number,
  { target, horizon }: { target?: number | undefined; horizon: number },
): KlController {
  let coefficient = start;
  return {
    get coefficient() {
      return coefficient;
    },
    update(kl, replies) {
      if (target === undefined) return;
      const error = Math.min(0.2, Math.max(-0.2, kl / target - 1));
      coefficient *= 1 + (error * replies) / horizon;
    },
  };
}
