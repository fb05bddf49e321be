/**
 * The histogram: base-2 exponential buckets at scale 5, which is OpenTelemetry's exponential histogram (index + 1) and
 * Prometheus' native-histogram schema 5. Bucket b holds (g^(b−1), g^b] with g = 2^(1/32).
 */
export const SCALE = 5
export const GAMMA = 2 ** (1 / 2 ** SCALE)
/** Largest |estimate − x| / x, x the order statistic x[floor(q·(n−1))]: (g−1)/(g+1) = 1.083 %. */
export const RELATIVE_ERROR = (GAMMA - 1) / (GAMMA + 1)
/** 32 / ln 2 as text for SQL: `ceil(ln(v)·K − ε)` is the bucket. */
export const K_SQL = '4.616624130844683E1'
/** Keeps engines whose `ln` differs in the last bit on one side of a bucket's border. */
export const EPSILON_SQL = '1E-9'
/** Values below this are counted as zero. */
export const ZERO_BELOW_SQL = '1E-6'
export const ZERO_BUCKET = -32_768
/** Values above this are rejected, so that Σ micros·w fits DECIMAL(38,0). */
export const MAX_VALUE = 1_000_000_000
/** Weights are kept in thousandths: w = round(weight × 1000). */
export const WEIGHT_UNIT = 1_000
/** Values are summed in millionths, as integers: sums of doubles differ from run to run. */
export const MICROS = 1_000_000
