import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'

/** One request as it arrived. */
export interface StsCall {
  readonly headers: IncomingHttpHeaders
  /** Of the form: Action, RoleArn, Policy, Tags.member.1.Key and so on. */
  readonly params: Readonly<Record<string, string>>
}

export type StsFault =
  /** As AWS words it, in XML. */
  | { readonly kind: 'error'; readonly code: string; readonly status: number; readonly message?: string }
  /** An answer in which this element is missing, or is another. */
  | { readonly kind: 'tamper'; readonly element: string; readonly by: string }
  | { readonly kind: 'reset' }
  | { readonly kind: 'hang' }
  /** Takes the time that somebody else decides. */
  | { readonly kind: 'wait'; readonly until: Promise<unknown> }

export interface FakeSts {
  readonly endpoint: string
  /** Every call, refused ones as well. */
  readonly calls: readonly StsCall[]
  /** Each is used once, in order. */
  readonly faults: StsFault[]
  /** Happens to every call once `faults` is used up. */
  outage: StsFault | undefined
  /** Bytes that came in on any connection: none mean that nothing was tried. */
  receivedBytes(): number
}

/** Secrets that it gives out begin so. */
export const STS_SECRET = 'PlantedStsSecret/'
export const STS_TOKEN = 'PlantedStsToken+'

interface Closing {
  teardown(close: () => Promise<void>): void
}

/**
 * A Security Token Service that gives sessions to whoever asks properly, as AWS would: bounds, names and sizes are those
 * of https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html.
 */
export async function startSts(t: Closing, nowMs: () => number = Date.now): Promise<FakeSts> {
  const calls: StsCall[] = []
  const faults: StsFault[] = []
  let received = 0
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const params = Object.fromEntries(new URLSearchParams(Buffer.concat(chunks).toString()))
    calls.push({ headers: request.headers, params })
    const id = `00000000-0000-4000-8000-${String(calls.length).padStart(12, '0')}`
    const send = (status: number, xml: string) =>
      response.writeHead(status, { 'content-type': 'text/xml', 'x-amzn-requestid': id }).end(xml)
    const fault = faults.shift() ?? sts.outage
    if (fault?.kind === 'reset') return request.socket.destroy()
    if (fault?.kind === 'hang') return
    if (fault?.kind === 'wait') await fault.until
    const error = fault?.kind === 'error' ? fault : faultOf(request.headers, params)
    if (error !== undefined) return send(error.status, errorXml(error, id))
    const xml = sessionXml(params, { number: calls.length, nowMs: nowMs(), id })
    return send(200, fault?.kind === 'tamper' ? tampered(xml, fault) : xml)
  })
  server.on('connection', (socket) => {
    socket.on('data', (data: Buffer) => {
      received += data.length
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  const sts: FakeSts = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    faults,
    outage: undefined,
    receivedBytes: () => received,
  }
  return sts
}

type ErrorFault = Extract<StsFault, { readonly kind: 'error' }>

const NAME = /^[\w+=,.@-]{2,64}$/
const TAG = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u

/** What AWS would refuse. */
function faultOf(headers: IncomingHttpHeaders, params: StsCall['params']): ErrorFault | undefined {
  const invalid = (message: string): ErrorFault => ({
    kind: 'error',
    code: 'ValidationError',
    status: 400,
    message,
  })
  if (!/Credential=[^/]+\/\d{8}\/[a-z0-9-]+\/sts\/aws4_request/.test(headers.authorization ?? '')) {
    return { kind: 'error', code: 'MissingAuthenticationToken', status: 403 }
  }
  if (params['Action'] !== 'AssumeRole') return { kind: 'error', code: 'InvalidAction', status: 400 }
  const { DurationSeconds: seconds = '3600', Policy: policy, RoleSessionName: name = '' } = params
  if (Number(seconds) < 900 || Number(seconds) > 3_600) return invalid('durationSeconds')
  if (!NAME.test(name)) return invalid('roleSessionName')
  if (params['SourceIdentity'] !== undefined && !NAME.test(params['SourceIdentity']))
    return invalid('sourceIdentity')
  if (policy !== undefined && policy.length > 2_048) return invalid('policy')
  if (!isNarrow(policy)) return { kind: 'error', code: 'TooWide', status: 403 }
  const tags = Object.entries(params).filter(([key]) => key.startsWith('Tags.member.'))
  return tags.every(([, text]) => TAG.test(text)) ? undefined : invalid('tags')
}

/**
 * Where AWS would give a wide session without a word, this one refuses: whatever a test is about, none may be asked for.
 */
function isNarrow(policy = '{"Statement":[{}]}'): boolean {
  const { Statement: statements } = JSON.parse(policy) as { Statement: Readonly<Record<string, unknown>>[] }
  return statements.every(
    ({ Effect: effect, Action: actions, Resource: resources }) =>
      effect === 'Allow' &&
      [actions].flat().every((action) => ACTIONS.includes(String(action))) &&
      [resources].flat().every((resource) => RESOURCE.test(String(resource))),
  )
}

const ACTIONS = ['kinesis:PutRecord', 'kinesis:PutRecords', 'kms:GenerateDataKey']
const RESOURCE =
  /^arn:aws:(kinesis:[a-z0-9-]+:\d{12}:stream\/headgate-direct-[\w.-]+|kms:[a-z0-9-]+:\d{12}:key\/[\w-]+)$/

const errorXml = ({ code, message = 'No.' }: ErrorFault, id: string): string =>
  `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error><RequestId>${id}</RequestId></ErrorResponse>`

interface Giving {
  readonly number: number
  readonly nowMs: number
  readonly id: string
}

function sessionXml(params: StsCall['params'], { number, nowMs, id }: Giving): string {
  const { RoleArn = '', RoleSessionName, SourceIdentity, DurationSeconds = '3600', Policy = '' } = params
  const account = RoleArn.split(':')[4]
  const role = RoleArn.split('/').at(-1)
  const ends = new Date(nowMs + Number(DurationSeconds) * 1_000).toISOString().replace(/\.\d{3}Z$/, 'Z')
  const digits = String(number).padStart(4, '0')
  return `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>
<AssumedRoleUser><AssumedRoleId>AROAEXAMPLEROLEID00000:${RoleSessionName}</AssumedRoleId><Arn>arn:aws:sts::${account}:assumed-role/${role}/${RoleSessionName}</Arn></AssumedRoleUser>
<Credentials><AccessKeyId>ASIAEXAMPLE00000${digits}</AccessKeyId><SecretAccessKey>${STS_SECRET}${digits}</SecretAccessKey><SessionToken>${STS_TOKEN}${digits}</SessionToken><Expiration>${ends}</Expiration></Credentials>
<PackedPolicySize>${Math.ceil(Policy.length / 20)}</PackedPolicySize><SourceIdentity>${SourceIdentity}</SourceIdentity>
</AssumeRoleResult><ResponseMetadata><RequestId>${id}</RequestId></ResponseMetadata></AssumeRoleResponse>`
}

const tampered = (xml: string, { element, by }: Extract<StsFault, { readonly kind: 'tamper' }>): string =>
  xml.replace(new RegExp(`<${element}>.*</${element}>`, 's'), by)
