import { bearerOf } from '../../http/auth.ts'
import { asAppError } from '../../http/problems.ts'
import type { Clock } from '../../std/clock.ts'
import { AppError, detailed } from '../../std/errors.ts'
import type { Entropy } from '../../std/id.ts'
import { isoSecondsFloor } from '../../std/iso-seconds.ts'
import type { Registry } from '../apps/registry.ts'
import type { Directory, VendingApp } from '../apps/vending-apps.ts'
import type { Attestation, Attested } from './attest/attestation.ts'
import type { Audit, AuditEntry } from './audit.ts'
import {
  appByHead,
  appByKey,
  assertNotDenied,
  assertStreams,
  endWithToken,
  type VendRequest,
  vendingApp,
} from './authorize.ts'
import type { SubjectHistory } from './limits/subject-sightings.ts'
import type { VendingLimits } from './limits/vending-limits.ts'
import type { VendingMetrics } from './metrics.ts'
import type { RecordSigner } from './record-signer.ts'
import type { Subject, TokenVerifier } from './tokens/subject.ts'
import type { SubjectHasher } from './tokens/subject-hash.ts'
import type { SessionVendor, VendedSession } from './vend.ts'

export interface VendedCredentials extends VendedSession {
  readonly app: VendingApp
  readonly recordToken: string | undefined
  /** Given to a device that was attested for the first time, for it to keep. */
  readonly enrolment: string | undefined
}

/** What a request says before its body. */
export type VendRequestHead = Pick<VendRequest, 'route' | 'key' | 'origin' | 'address'>

/** The other way in: credentials instead of events. */
export interface Credentials {
  /** Before anything of a request is read. */
  chargeAddress(address: string): void
  /** The app of a key, if it vends, before the body is read: nobody unknown has any parsed. A refusal is told as by `issue`. */
  admitByHead(ask: VendRequestHead): Promise<void>
  /** The same of a request that is told of nowhere. */
  appByHead(ask: Pick<VendRequest, 'key' | 'origin'>): VendingApp
  /** The app that a key names, if it vends. */
  appOf(ask: Pick<VendRequest, 'app' | 'key' | 'origin'>): VendingApp
  readonly attestation: Attestation
  /** Decides, and tells of it in the audit log. A refusal carries the id by which it is found there. */
  issue(ask: VendRequest): Promise<VendedCredentials>
}

/** Tells who asks, and for which app. */
export interface IdentityPorts {
  readonly registry: Registry
  readonly directory: Directory
  readonly tokens: TokenVerifier
  readonly attestation: Attestation
  readonly hasher: SubjectHasher
}

export interface CredentialsPorts {
  readonly identity: IdentityPorts
  readonly limits: VendingLimits
  readonly subjectHistory: SubjectHistory
  readonly vendor: SessionVendor
  readonly signer: RecordSigner | undefined
  readonly audit: Audit
  readonly metrics: VendingMetrics
  readonly clock: Clock
  readonly entropy: Entropy
}

/** Keys of an issuer are fetched within two seconds, or not in time for anybody who waits. */
const AUTHENTICATION_MS = 3_000

/** Stands in the issuer's place where there is none. A configured one has a name. */
const NO_ISSUER = ''
const NO_APP = { issuers: [], allIssuers: [] }

export function createCredentials(ports: CredentialsPorts): Credentials {
  const { registry, directory, tokens, attestation, hasher } = ports.identity
  const { limits, subjectHistory, vendor, signer, audit, metrics, clock, entropy } = ports

  /** The app and, unless anyone may have its credentials, who asks. */
  async function authenticate(ask: VendRequest, entry: AuditEntry): Promise<Authenticated> {
    const signal = AbortSignal.timeout(AUTHENTICATION_MS)
    if (ask.route === 'credentials') {
      const { id } = appByKey(ask, registry)
      entry.note({ app: id })
      const app = vendingApp(id, ask, directory)
      if (app.mode === 'public') return { app, subject: undefined }
      return { app, subject: await tokens.verify(bearerOf(ask.authorization) ?? '', app, signal) }
    }
    // Without a key only a token says anything: an app that is not there must look like a token that is wrong.
    const app = directory.byId(ask.app)
    const subject = await tokens.verify(bearerOf(ask.authorization) ?? '', app ?? NO_APP, signal)
    if (app === undefined) throw new AppError('invalid_token', 'The token is not valid.')
    entry.note({ app: app.id })
    return { app: vendingApp(app.id, ask, directory), subject }
  }

  function assertWithinLimits({ app, subject }: Authenticated, subjectHash: string, address: string): void {
    if (subject === undefined) {
      limits.app(app.id)
      limits.anonymous()
      return
    }
    // Before it is remembered, or asking twice would make anybody known.
    if (!subjectHistory.hasSeen(app.id, subjectHash)) limits.newSubject(app.id)
    metrics.saw(subjectHistory.record(app.id, subjectHash, address))
    limits.subject(app.id, subjectHash)
    limits.app(app.id)
  }

  /** Last before STS: it costs the most. */
  async function attest(
    ask: VendRequest,
    who: Authenticated,
    entry: AuditEntry,
  ): Promise<Attested | undefined> {
    const { app } = who
    if (app.mode !== 'oidc+attest') return undefined
    const attesting = { app, subject: nameOf(who), streams: ask.streams ?? [] }
    const signal = AbortSignal.timeout(AUTHENTICATION_MS)
    const attested = await attestation.check(ask.attestation, attesting, signal)
    entry.note({ attestation: attested.kind, attestationLevel: attested.level })
    // What could not be checked is let in as anyone is.
    if (attested.level === 'none') limits.anonymous()
    return attested
  }

  async function decide(ask: VendRequest, entry: AuditEntry): Promise<VendedCredentials> {
    const who = await authenticate(ask, entry)
    const { app, subject } = who
    const subjectHash = hasher.hash(subject?.issuer ?? NO_ISSUER, nameOf(who))
    entry.note({ sub: subjectHash, ...(subject && factsOf(subject)) })
    assertNotDenied(subjectHash, app)
    assertStreams(ask, app)
    assertWithinLimits(who, subjectHash, ask.address)
    const durationSeconds = Math.min(ask.durationSeconds ?? app.durationSeconds, app.durationSeconds)
    const notAfterMs = endWithToken(app, subject, { durationSeconds, clock })
    const attested = await attest(ask, who, entry)
    entry.note({ streams: [app.stream.name], durationSeconds })
    const same = [app.id, subjectHash, durationSeconds, notAfterMs, attested?.level, attested?.deviceId]
    // Two strangers are not one.
    const identity = subject && JSON.stringify(same)
    const vended = await vendor.vend({ app, subjectHash, durationSeconds, notAfterMs, identity }, entry.note)
    const { vendId, session, expiresMs } = vended
    const { accessKeyId, packedPolicyPercent, stsRequestId } = session
    entry.note({
      vendId,
      accessKeyId,
      packedPolicyPercent,
      stsRequestId,
      expiration: isoSecondsFloor(expiresMs),
    })
    const recordToken = await signer?.sign({ app: app.id, subHash: subjectHash, vendId }, expiresMs)
    return { ...vended, app, recordToken, enrolment: attested?.enrolment }
  }

  /** What is decided is in the audit log, and in the metrics. */
  async function audited<T>(
    ask: Pick<VendRequest, 'route' | 'address'>,
    work: (entry: AuditEntry) => Promise<T>,
  ): Promise<T> {
    const decisionId = entropy.id()
    const entry = audit.open(decisionId, ask)
    try {
      return await work(entry)
    } catch (thrown) {
      const error = asAppError(thrown)
      entry.denied(error)
      metrics.decided(entry.app(), error.code)
      throw detailed(error, { ...error.details, instance: `urn:uuid:${decisionId}` })
    }
  }

  return {
    chargeAddress: (address) => limits.address(address),
    admitByHead: (ask) =>
      audited(ask, async (entry) => {
        const { id } = appByHead(ask, registry)
        entry.note({ app: id })
        vendingApp(id, ask, directory)
      }),
    appByHead: (ask) => vendingApp(appByHead(ask, registry).id, ask, directory),
    appOf: (ask) => vendingApp(appByKey(ask, registry).id, ask, directory),
    attestation,
    issue: (ask) =>
      audited(ask, async (entry) => {
        const issued = await decide(ask, entry)
        entry.vended()
        metrics.decided(issued.app.id, 'vended')
        return issued
      }),
  }
}

interface Authenticated {
  readonly app: VendingApp
  readonly subject: Subject | undefined
}

/** An app with which anyone may write has one subject: itself. */
const nameOf = ({ app, subject }: Authenticated): string => subject?.subject ?? app.id

const factsOf = ({ issuer, keyId, tokenIdHash }: Subject) => ({
  iss: issuer,
  kid: keyId,
  jtiHash: tokenIdHash,
})
