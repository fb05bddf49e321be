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

  async function call(path, options) {
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
      if (error.name === 'AbortError') throw error
      throw new ApiError(0, 'The server cannot be reached.')
    }
    const date = Date.parse(response.headers.get('date') ?? '')
    if (!Number.isNaN(date)) skewMs = date - Date.now()
    const body = await response.json().catch((error) => {
      if (error.name === 'AbortError') throw error
      return {}
    })
    if (!response.ok)
      throw new ApiError(response.status, body.detail ?? `The server answered ${response.status}.`)
    return body
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
