import { isoSecondsFloor } from '../../std/iso-seconds.ts'
import type { VendedCredentials } from './credentials.ts'

/** https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html, the default of a stream. */
const MAX_RECORD_BYTES = 1_048_576
/** A container of half a minute is cheap to send and little to lose. Ours. */
const RECOMMENDED_FLUSH_SECONDS = 30
/** As the SDKs do it, and early enough for one more attempt. */
const REFRESH_AHEAD_MS = 600_000

/** For apps: whoever builds a provider of its own. */
export function credentialsAnswer(
  { vendId, session, expiresMs, app, recordToken, enrolment }: VendedCredentials,
  nowMs: number,
) {
  const { secretAccessKey, sessionToken } = session.reveal()
  const credentials = {
    ...{ accessKeyId: session.accessKeyId, secretAccessKey, sessionToken },
    expiration: isoSecondsFloor(expiresMs),
  }
  return {
    vendId,
    region: app.region,
    streams: [app.stream],
    credentials,
    refreshAfter: isoSecondsFloor(refreshMs(expiresMs, nowMs)),
    limits: { maxRecordBytes: MAX_RECORD_BYTES, recommendedFlushSeconds: RECOMMENDED_FLUSH_SECONDS },
    ...(recordToken !== undefined && { recordToken }),
    ...(enrolment !== undefined && { enrolment }),
  }
}

/** Ten minutes before the end, or half way to it, whichever comes later. */
const refreshMs = (expiresMs: number, nowMs: number): number =>
  Math.max(expiresMs - REFRESH_AHEAD_MS, (expiresMs + nowMs) / 2)

/** What the container providers of all SDKs read. */
export function containerAnswer({ session, expiresMs, app }: VendedCredentials) {
  const { secretAccessKey, sessionToken } = session.reveal()
  return {
    AccessKeyId: session.accessKeyId,
    SecretAccessKey: secretAccessKey,
    Token: sessionToken,
    Expiration: isoSecondsFloor(expiresMs),
    AccountId: app.accountId,
  }
}
