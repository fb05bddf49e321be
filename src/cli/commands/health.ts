import { unlessRejected } from '../../std/expected-errors.ts'
import { adviceOn, urlFlag } from '../client/admin-client.ts'
import { urlOf } from '../client/listener-url.ts'
import { loadConfig } from '../setup/load.ts'
import { CONFIG_OPTION, type Command, EXIT } from '../terminal/command.ts'

/** A probe that takes longer has failed: Docker's and Kubernetes' checks give up after a few seconds, too. */
const HEALTH_TIMEOUT_MS = 3_000

export const healthCommand: Command = {
  name: 'health',
  summary: 'Ask a running Headgate whether it is ready; for container health checks.',
  description: `Asks /readyz of the configured listeners of this machine. Exits 0 when all that answer are ready, 1 otherwise.
--url asks one address only.`,
  options: {
    ...CONFIG_OPTION,
    url: {
      type: 'string',
      value: 'URL',
      help: 'Ask this address only, such as http://127.0.0.1:8080/readyz.',
      byDefault: '/readyz of gateway.listen and of aggregation.listen',
    },
  },
  async run({ flags }, terminal) {
    const url = urlFlag(flags)
    const urls = url === undefined ? await configuredUrls(flags, terminal) : [url]
    const answers = await Promise.all(urls.map(ask))
    for (const { url, state } of answers) terminal.out(`${url}: ${state}\n`)
    const reached = answers.filter(({ state }) => state !== 'unreachable')
    if (reached.length === 0) terminal.err(adviceOn([{ kind: 'unreachable', why: '' }]))
    return reached.length > 0 && reached.every(({ state }) => state === 'ready') ? EXIT.ok : EXIT.failed
  },
}

async function configuredUrls(...args: Parameters<typeof loadConfig>): Promise<string[]> {
  const { gateway, aggregation } = await loadConfig(...args)
  return [gateway.listen, aggregation.listen].map((listen) => `${urlOf(listen)}/readyz`)
}

async function ask(url: string): Promise<{ url: string; state: 'ready' | 'not ready' | 'unreachable' }> {
  const asked = fetch(url, { signal: AbortSignal.timeout(HEALTH_TIMEOUT_MS) })
  const response = await unlessRejected(asked, isUnreachable)
  if (response === undefined) return { url, state: 'unreachable' }
  return { url, state: response.ok ? 'ready' : 'not ready' }
}

/** What fetch rejects with where nobody answers, or not in time. */
const isUnreachable = (error: unknown): boolean => ['TypeError', 'TimeoutError'].includes(Object(error).name)
