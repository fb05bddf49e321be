import { Compile } from 'typebox/compile'
import type { Config } from '../config.ts'
import { Reconciliation } from '../http/reconciliation.ts'
import type { AskGateway } from '../wiring-aggregation.ts'
import { urlOf } from './addresses.ts'
import { type Answer, askAdmin } from './admin.ts'

/** Where the gateway of this configuration may answer for itself, on this machine. */
export const stateUrls = ({ gateway, aggregation }: Config): readonly string[] =>
  [...(gateway.operations.listen ? [gateway.operations.listen] : []), aggregation.listen].map(urlOf)

const isReconciliation = Compile(Reconciliation)

export const askState = (url: string, token: string | undefined): Promise<Answer<Reconciliation>> =>
  askAdmin({ url, token, path: '/reconcile', read, what: 'the state of a gateway' })

function read(text: string): Reconciliation | undefined {
  const body: unknown = JSON.parse(text)
  return isReconciliation.Check(body) ? body : undefined
}

/** The gateway that serves this configuration on this machine; null when none answers who believes us. */
export function localGateway(config: Config, token: string | undefined): AskGateway {
  return async () => {
    for (const url of stateUrls(config)) {
      const answer = await askState(url, token)
      if (answer.kind === 'known') return answer.value
    }
    return null
  }
}
