/** What is looked at is in the address, so that it can be shared and reloaded. The token never is. */
export const RANGE_MS = { '1h': 3_600_000, '6h': 21_600_000, '24h': 86_400_000, '7d': 604_800_000 }
export const QUANTILES = ['0.5', '0.75', '0.95']

/** What is not said, or is no such thing, is the usual. */
export function readAddress() {
  const wanted = new URLSearchParams(location.hash.slice(1))
  const range = wanted.get('range')
  const quantiles = (wanted.get('q') ?? '').split(',').filter((q) => QUANTILES.includes(q))
  return {
    app: wanted.get('app') ?? '',
    metric: wanted.get('metric') ?? '',
    range: Object.hasOwn(RANGE_MS, range) ? range : '24h',
    quantiles: quantiles.length === 0 ? ['0.75'] : quantiles,
  }
}

export function writeAddress({ app, metric, range, quantiles }) {
  const q = quantiles.join(',')
  history.replaceState(null, '', `#${new URLSearchParams({ app, metric, range, q })}`)
}
