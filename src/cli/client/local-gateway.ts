import Type, { type Static } from 'typebox'
import { Compile } from 'typebox/compile'
import type { Config } from '../../config/parse.ts'
import { askBalance, type GatewayBalance } from '../../http/reconciliation.ts'
import type { AdminAnswer } from '../../std/admin-request.ts'
import type { Logger } from '../../std/telemetry.ts'
import { type AskGateway, gatewayAt, remoteGatewayOf } from '../../wiring/ask-gateway.ts'
import type { Flags } from '../terminal/command.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { ASKING, askAdmin, tokenOf } from './admin-client.ts'
import { urlOf } from './listener-url.ts'

/** Where the gateway of this configuration may answer for itself, on this machine. */
export const stateUrls = ({ gateway, aggregation }: Config): readonly string[] =>
  [...(gateway.operations.listen ? [gateway.operations.listen] : []), aggregation.listen].map(urlOf)

export const askState = (url: string, token: string | undefined): Promise<AdminAnswer<GatewayBalance>> =>
  askBalance({ url, token, ...ASKING })

/** The gateway that serves this configuration on this machine; null when none answers who believes us. */
export const localGateway = (config: Config, token: string | undefined, log: Logger): AskGateway =>
  gatewayAt(stateUrls(config), { token, log, mayBeAbsent: true })

/** Where none is configured, the one that serves here: what it has taken until now is waited for. */
export async function gatewayOf(
  config: Config,
  flags: Flags,
  terminal: Terminal & { readonly log: Logger },
): Promise<AskGateway> {
  const { env, log } = terminal
  if (config.aggregation.gatewayUrl !== undefined) return remoteGatewayOf(config, env, log)
  return localGateway(config, await tokenOf(flags, config, terminal), log)
}

const whole = Type.Integer({ minimum: 0 })
/** As much of the pipeline's state as is told of here; what is optional a Headgate of before does not tell. */
const LakeState = Type.Object({
  notIngested: Type.Optional(whole),
  engine: Type.Optional(Type.String()),
  setAside: Type.Optional(
    Type.Object({
      ...{ lines: whole, objects: whole, doubtful: Type.Optional(whole) },
      lastMs: Type.Union([Type.Integer(), Type.Null()]),
    }),
  ),
  tooLate: Type.Optional(whole),
  ahead: Type.Optional(whole),
  dueWindows: Type.Optional(whole),
  dueWithEvents: Type.Optional(whole),
  windowsToRepeat: Type.Optional(whole),
})
export type LakeState = Static<typeof LakeState>
const pipelines = Compile(Type.Object({ aggregation: LakeState }))

/** What of the lake the aggregation could not take in, has set aside, and has to do. */
export const askLakeState = (url: string, token: string | undefined): Promise<AdminAnswer<LakeState>> =>
  askAdmin({
    ...{ url, token, path: '/query/pipeline', what: 'the state of a pipeline' },
    read(text) {
      const body: unknown = JSON.parse(text)
      return pipelines.Check(body) ? body.aggregation : undefined
    },
  })
