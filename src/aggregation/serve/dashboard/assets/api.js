/** Fewer than a token may have under way, so that two who look at the same are both served. */
const CALLS_AT_ONCE = 3
/** A server that has too much to do says when to come back. */
const TRIES = 4

/** An answer that is no success. `status` 0: there was no answer. */
export class ApiError extends Error {
  constructor(status, message) {
    super(message)
    this.status = status
  }
}

/** Calls this origin with the token in the Authorization header, and nowhere else. */
export function createApi(token) {
  let skewMs = 0
  let calls = 0
  const waiting = []

  /** A few at a time, in the order in which they were asked for. */
  async function call(path, options) {
    if (calls >= CALLS_AT_ONCE) await new Promise((resolve) => waiting.push(resolve))
    else calls += 1
    try {
      for (let left = TRIES - 1; ; left -= 1) {
        const { response, body } = await once(path, options)
        if (response.ok) return body
        if (body.code !== 'queries_busy' || left === 0)
          throw new ApiError(response.status, body.detail ?? `The server answered ${response.status}.`)
        await pause(Number(response.headers.get('retry-after')) * 1_000, options.signal)
      }
    } finally {
      const next = waiting.shift()
      if (next) next()
      else calls -= 1
    }
  }

  async function once(path, options) {
    options.signal?.throwIfAborted()
    let response
    try {
      response = await fetch(path, {
        ...options,
        headers: { authorization: `Bearer ${token}`, ...options.headers },
        credentials: 'omit',
        cache: 'no-store',
        redirect: 'error',
      })
    } catch (error) {
      if (!(error instanceof TypeError)) throw error
      throw new ApiError(0, 'The server cannot be reached.')
    }
    const date = Date.parse(response.headers.get('date') ?? '')
    if (!Number.isNaN(date)) skewMs = date - Date.now()
    const body = await response.json().catch((error) => {
      if (!(error instanceof SyntaxError || error instanceof TypeError)) throw error
      if (response.ok) throw new ApiError(0, 'The answer broke off.')
      return {}
    })
    return { response, body }
  }

  return {
    /** The server's clock: a range of the last hour must not depend on a laptop's. */
    nowMs: () => Date.now() + skewMs,
    get(path, parameters = {}, signal = undefined) {
      const query = new URLSearchParams(parameters)
      return call(`${path}?${query}`, { signal })
    },
    post: (path, body) =>
      call(path, {
        method: 'POST',
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json' },
      }),
  }
}

function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms)
    signal?.addEventListener('abort', () => {
      clearTimeout(timer)
      reject(signal.reason)
    })
  })
}
