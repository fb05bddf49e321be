import Type, { type TProperties } from 'typebox'

/** What a key tells whoever writes one: the reference page is made of it. */
export type Words = {
  readonly description: string
  /** Another value than the default. */
  readonly example?: unknown
}

/** Where numbers end: a hundred years, 1 PiB. What is beyond is a slip, or no number that stays exact. */
const MAX = { count: 1_000_000_000, durationMs: 3_153_600_000_000, bytes: 2 ** 50 } as const

const COUNT = { maximum: MAX.count, isOpen: true } as const
/** Written as a number of milliseconds or as text: 250ms, 10s, 15m, 24h, 30d. */
export const DURATION = { measure: 'duration', maximum: MAX.durationMs, isOpen: true } as const
/** Written as a number of bytes or as text: 512KiB, 64MiB, 4GiB. */
const BYTES = { measure: 'bytes', maximum: MAX.bytes, isOpen: true } as const

export const strict = <T extends TProperties>(properties: T) =>
  Type.Object(properties, { additionalProperties: false, default: {} })
/** A group that is there only where it is written: of an entry of a list, or left out by default. */
export const group = <T extends TProperties>(properties: T) =>
  Type.Object(properties, { additionalProperties: false })
export const literals = <Values extends string[]>(
  values: readonly [...Values],
  words: Words & { readonly default?: Values[number] },
) => Type.Enum<Values>(values, words)
export const toggle = (value: boolean, words: Words) => Type.Boolean({ ...words, default: value })
export const durationMs = (value: number, words: Words & { readonly minimum?: number }) =>
  Type.Integer({ minimum: 0, ...words, ...DURATION, default: value })
export const sizeBytes = (value: number, words: Words & { readonly minimum?: number }) =>
  Type.Integer({ minimum: 1, ...words, ...BYTES, default: value })
export const positive = (value: number, words: Words) =>
  Type.Integer({ ...COUNT, ...words, default: value, minimum: 1 })
/** Digests of texts that nobody has kept. */
export const KEY_DIGEST = 'a2cfa805604a7084695b69723e6bf84ccd0b58681cd6be836f12f8dc600181a3'
export const TOKEN_DIGEST = '1f13ae554bea76c55511f59fea8b425ad9290eed39689db8fb03792c6a3d9152'

/** Whose digest it is. */
export type DigestHolder = 'key' | 'token'

/** The command that makes one, with its digest. */
export const MADE_BY = {
  key: 'headgate key new',
  token: 'headgate key new --token',
} as const satisfies Record<DigestHolder, string>

/** Upper case is read as well. */
export const digest = ({ holder, ...words }: Words & { readonly holder: DigestHolder }) =>
  Type.String({
    ...{ measure: 'digest', holder, pattern: '^[0-9a-f]{64}$' },
    form: `the SHA-256 of the ${holder} in hex, 64 characters of 0-9 and a-f (\`${MADE_BY[holder]}\` makes one)`,
    ...words,
  })
/** One path segment: apps and rollups name folders and keys. */
export const segment = (words: Words) =>
  Type.String({
    pattern: '^[a-z0-9][a-z0-9_-]{0,63}$',
    form: '1 to 64 of a-z, 0-9, hyphen and underscore, beginning with a letter or digit',
    example: 'shop-web',
    ...words,
  })
/** Names a variable of the environment. Secrets are there, so that no file and no `config print` holds one. */
export const variable = (words: Words) =>
  Type.Optional(
    Type.String({
      pattern: '^[A-Z][A-Z0-9_]*$',
      form: 'the name of a variable: A-Z, 0-9 and underscore, beginning with a letter',
      ...words,
    }),
  )

export const host = (words: Words) =>
  Type.String({
    default: '127.0.0.1',
    minLength: 1,
    form: 'a host or an address',
    example: '127.0.0.1',
    ...words,
    description: `${words.description} \`localhost\` is \`127.0.0.1\`.`,
  })

/** The highest there is: https://www.rfc-editor.org/rfc/rfc9293#section-3.1 */
const MAX_PORT = 65_535
export const port = (words: Words & { readonly default?: number }) =>
  Type.Integer({ minimum: 0, maximum: MAX_PORT, ...words })

/** Without user and password: what is in force is printed, and fetch refuses such a URL. */
export const httpUrl = (words: Words) =>
  Type.String({
    pattern: '^https?://[^/?#@\\s]+([/?#]|$)',
    form: 'a URL without user and password',
    example: 'https://example.com',
    ...words,
  })

/** Where something of AWS is, and asked. */
export const awsEndpoint = (service: string, otherwise: string) => ({
  region: Type.Optional(
    Type.String({
      description: `The region of ${service}. Left out: ${otherwise}.`,
      minLength: 1,
      form: 'a region of AWS',
      example: 'eu-west-1',
    }),
  ),
  endpoint: Type.Optional(
    httpUrl({
      description: `Another address of ${service} than that of AWS: a VPC endpoint of your own, or an emulator.`,
      example: 'http://127.0.0.1:4566',
    }),
  ),
})
