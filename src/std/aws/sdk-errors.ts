import { foreignName } from '../foreign-text.ts'

/** What an error of an AWS SDK is called: a name by AWS, such as AccessDenied, or a code of the system, such as ECONNRESET. */
export function sdkCodeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  return foreignName('code' in error && typeof error.code === 'string' ? error.code : error.name)
}

/** What a code means by a table of them. A service may call an error `constructor`, which every object has. */
export const meaningOf = <Meaning>(
  meanings: Readonly<Record<string, Meaning>>,
  code: string,
): Meaning | undefined => (Object.hasOwn(meanings, code) ? meanings[code] : undefined)

/** The status of the answer; 0 when there was none. */
export function sdkStatusOf(error: unknown): number {
  const status: unknown = Object(error).$metadata?.httpStatusCode
  return typeof status === 'number' ? status : 0
}

/** By which the service finds the call in its own log. */
export function sdkRequestIdOf(error: unknown): string | undefined {
  const id: unknown = Object(error).$metadata?.requestId
  return typeof id === 'string' ? foreignName(id) : undefined
}
