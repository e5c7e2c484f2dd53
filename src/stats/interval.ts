// What every estimate of this folder comes back as.

/** An estimate with the two ends of its confidence interval. */
export interface Estimate {
  value: number;
  low: number;
  high: number;
}
