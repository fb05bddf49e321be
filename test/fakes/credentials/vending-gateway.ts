import type { Test } from 'tap'
import { startSts } from '../aws/sts.ts'
import { fakeClock } from '../clock.ts'
import { sha256, startGateway } from '../gateway.ts'
import { credentialsOf, REGION, sessionsAt, tokenOf } from './vending.ts'

type Gateway = Parameters<typeof startGateway>[1]

/** An app with a key and an origin of its own, both named after it, and with credentials unless told otherwise. */
export const vendingAppOf = (id: string, credentials: object | null = {}, more: object = {}): object => ({
  id,
  keys: [{ sha256: sha256(`${id}-key`) }],
  origins: [`https://${id}.example`],
  ...(credentials && { credentials: credentialsOf(id, credentials) }),
  ...more,
})

interface Setup extends NonNullable<Gateway> {
  readonly limits?: object
}

export interface VendCall {
  readonly token?: string | undefined
  readonly key?: string | undefined
  readonly headers?: Readonly<Record<string, string>>
  readonly from?: string
}

/** A gateway that vends by the real STS client from a fake STS, which gives narrow sessions only. */
export async function startVendingGateway(t: Test, setup: Setup = {}) {
  const clock = fakeClock()
  const sts = await startSts(t, clock.nowMs)
  const { limits = {}, apps = [vendingAppOf('ios'), vendingAppOf('web')], ...rest } = setup
  const gateway = await startGateway(t, {
    clock,
    logLevel: 'debug',
    ...rest,
    apps,
    gateway: { credentials: { region: REGION, subjectKeyEnv: 'K', limits }, ...rest.gateway },
    vending: { stsFor: sessionsAt(sts, clock), ...rest.vending },
  })
  const { app, logLines } = gateway
  const headersOf = ({ token = tokenOf('user-1'), headers = {} }: VendCall) => ({
    ...(token !== '' && { authorization: `Bearer ${token}` }),
    ...headers,
  })
  const post = (body: unknown = { app: 'ios' }, asking: VendCall = {}) => {
    const { key = 'ios-key', from = '127.0.0.1' } = asking
    return app.inject({
      method: 'POST',
      url: '/v1/credentials',
      remoteAddress: from,
      headers: {
        'content-type': 'application/json',
        ...(key !== '' && { 'x-headgate-key': key }),
        ...headersOf(asking),
      },
      payload: typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body),
    })
  }
  const container = (id = 'ios', asking: VendCall = {}) =>
    app.inject({
      url: `/v1/container-credentials/${id}`,
      remoteAddress: asking.from ?? '127.0.0.1',
      headers: headersOf(asking),
    })
  /** The decisions so far, as the audit log tells them. */
  const audit = (): Record<string, unknown>[] =>
    logLines.map((line) => JSON.parse(line)).filter((line) => line.audit === true)
  return { ...gateway, sts, post, container, audit }
}
