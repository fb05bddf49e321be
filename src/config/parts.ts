import Type, { type TProperties } from 'typebox'

/** Written as a number of milliseconds or as text: 250ms, 10s, 15m, 24h, 30d. */
export const DURATION = { measure: 'duration' } as const
/** Written as a number of bytes or as text: 512KiB, 64MiB, 4GiB. */
export const BYTES = { measure: 'bytes' } as const

export const strict = <T extends TProperties>(properties: T) =>
  Type.Object(properties, { additionalProperties: false, default: {} })
export const literals = <Values extends string[]>(values: readonly [...Values], options = {}) =>
  Type.Enum<Values>(values, options)
export const durationMs = (value: number, minimum = 0) =>
  Type.Integer({ ...DURATION, default: value, minimum })
export const sizeBytes = (value: number, minimum = 1) => Type.Integer({ ...BYTES, default: value, minimum })
export const positive = (value: number) => Type.Integer({ default: value, minimum: 1 })
/** Upper case is read as well. */
export const sha256 = Type.String({
  measure: 'digest',
  pattern: '^[0-9a-f]{64}$',
  description: 'SHA-256 in hex',
  form: 'the SHA-256 of the key in hex, 64 characters of 0-9 and a-f (`headgate key new` makes one)',
})
/** One path segment: apps and rollups name folders and keys. */
export const segment = Type.String({
  pattern: '^[a-z0-9][a-z0-9_-]{0,63}$',
  form: '1 to 64 of a-z, 0-9, hyphen and underscore, beginning with a letter or digit',
  example: 'shop-web',
})
/** Names a variable of the environment. Secrets are there, so that no file and no `config print` holds one. */
export const variable = Type.Optional(
  Type.String({
    pattern: '^[A-Z][A-Z0-9_]*$',
    form: 'the name of a variable: A-Z, 0-9 and underscore, beginning with a letter',
    example: 'HEADGATE_SUBJECT_KEY',
  }),
)

export const listen = (port: number) =>
  strict({
    host: Type.String({
      default: '127.0.0.1',
      minLength: 1,
      form: 'a host or an address',
      example: '127.0.0.1',
    }),
    port: Type.Integer({ default: port, minimum: 0, maximum: 65_535 }),
  })

/** Without user and password: what is in force is printed, and fetch refuses such a URL. */
export const httpUrl = Type.String({
  pattern: '^https?://[^/?#@\\s]+([/?#]|$)',
  form: 'a URL without user and password',
  example: 'https://example.com',
})

export const AwsEndpoint = {
  region: Type.Optional(Type.String({ minLength: 1, form: 'a region of AWS', example: 'eu-west-1' })),
  endpoint: Type.Optional(httpUrl),
}
