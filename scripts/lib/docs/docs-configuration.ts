import Type, { type TSchema } from 'typebox'
import { stringify } from 'yaml'
import { environmentNames } from '../../../src/config/parse.ts'
import { Config } from '../../../src/config/schema/config-schema.ts'
import { mostOf, told } from '../../../src/std/input/expectation.ts'
import { inUnits } from '../../../src/std/input/quantities.ts'

/** A key of the configuration, as the page has a row for it. */
export interface Key {
  /** `apps[].keys[].sha256` */
  readonly path: string
  readonly schema: TSchema
  readonly isRequired: boolean
}

/** Every key that has a value of its own, in the order of the schema, and those of the entries of lists. */
export function keysOf(schema: TSchema, path = '', isRequired = false): Key[] {
  if (Type.IsObject(schema)) {
    const required = new Set<string>(schema.required)
    return Object.entries(schema.properties).flatMap(([key, inner]) =>
      keysOf(inner, path === '' ? key : `${path}.${key}`, required.has(key)),
    )
  }
  const own = { path, schema, isRequired }
  if (Type.IsArray(schema) && Type.IsObject(schema.items)) return [own, ...keysOf(schema.items, `${path}[]`)]
  if (Type.IsUnion(schema))
    return [
      own,
      ...schema.anyOf.filter((each) => Type.IsObject(each)).flatMap((group) => keysOf(group, path)),
    ]
  return [own]
}

/** What could be written there instead of the default. */
export function exampleOf(schema: TSchema): unknown {
  const { example, default: otherwise } = told(schema)
  if (example !== undefined) return example
  if (Type.IsBoolean(schema)) return !otherwise
  if (Type.IsEnum(schema)) return schema.enum.find((value) => value !== otherwise) ?? otherwise
  return Type.IsLiteral(schema) ? schema.const : undefined
}

interface Section {
  readonly title: string
  /** Keys at and below these, unless another section says it more precisely. */
  readonly paths: readonly string[]
  readonly before?: string
  readonly after?: string
}

const SECTIONS: readonly Section[] = [
  {
    title: 'The process',
    paths: ['dataDir', 'logLevel', 'shutdown', 'aws'],
    after: `At the end, within \`shutdown.totalMs\`: readiness off for \`waitMs\`, 10 s at most for requests in flight, \`drainMs\` at most for the stream, the rest for the lake where the journal is ephemeral (at least as long as the stream had), and 3 s for the checkpoint. In an ECS task (where \`ECS_CONTAINER_METADATA_URI_V4\` is set, Fargate included) give the container a \`stopTimeout\` of 120 s, or a shorter \`totalMs\`.`,
  },
  {
    title: 'Gateway',
    paths: ['gateway'],
    before:
      'The public listener. On Fargate (`AWS_EXECUTION_ENV` is `AWS_ECS_FARGATE`) `durability` is `stream` by default.',
  },
  {
    title: 'Lake',
    paths: ['lake'],
    after: `Credentials for a bucket come from the AWS SDK's default chain, and need \`s3:GetObject\`, \`s3:PutObject\` and \`s3:DeleteObject\` below the prefix and \`s3:ListBucket\`. The server must honour \`If-None-Match: *\`, as Amazon S3, versitygw and SeaweedFS do: runs are committed by it.`,
  },
  {
    title: 'Aggregation',
    paths: ['aggregation'],
    before:
      'The private listener: windows, queries, dashboard. How it works day by day is in [operations](operations.md).',
    after:
      'A digest is that of the token alone: `printf %s "$TOKEN" | sha256sum`, without the newline that `echo` adds.',
  },
  {
    title: 'Apps',
    paths: ['apps'],
    before: 'Whose beacons are taken. Apps and tokens are read again at SIGHUP.',
    after: `A digest is that of the key alone: \`printf %s "$KEY" | sha256sum\`, without the newline that \`echo\` adds: with it every request is a 401, and no check can tell. Browsers are held to \`origins\` by their \`Origin\`. An image has none: the pixel is held to the origin of its page, by \`Sec-Fetch-Site\` and \`Referer\`, and a page that says by the first that there is one, and sends no \`Referer\`, counts as foreign. Browsers that send no \`Sec-Fetch-Site\` (before 2023, and all where the gateway has no TLS) are held to the \`Referer\` alone. What says none of this (mails, proxies of pictures, servers) may use it, and so may every page where the app lists no origins.`,
  },
  {
    title: 'Credentials of apps that write themselves',
    paths: ['apps[].credentials', 'gateway.credentials'],
    before: `With \`credentials\` an app's clients get AWS credentials that put records on the app's own stream and do nothing else ([how](mobile.md), [why so](adr/0016-a-ceiling-beside-the-builder.md)). Each decision is one log line with \`audit: true\`. What the issuers of an app say decides who is given any: two apps of one issuer and audience need an \`azp\` or a value in \`requiredClaims\` of their own.`,
    after: `A key for \`recordKeyEnv\`:

\`\`\`sh
node -e 'console.log(JSON.stringify(crypto.generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" })))'
\`\`\``,
  },
]

export function configurationPage(): string {
  const keys = keysOf(Config)
  return `# Configuration

One YAML or JSON file (\`--config FILE\` or \`HEADGATE_CONFIG\`); \`headgate init\` writes one to begin with. Each key outside of lists can be set by the variable below its name as well, which then wins; lists and objects in a variable are JSON (\`HEADGATE_GATEWAY_TRUST_PROXY='["10.0.0.0/8"]'\`). Other variables that begin with \`HEADGATE_\` are faults, except those that the configuration names for its secrets and those that Kubernetes and Docker set for a service of that name.

Durations are milliseconds or text (\`250ms\`, \`90s\`, \`15m\`, \`24h\`, \`7d\`), sizes are bytes or text (\`512KiB\`, \`64MiB\`, \`4GiB\`). \`headgate config check\` reports every fault at once, and warns of what can hardly be meant; \`headgate config print\` shows what is in force. SIGHUP reads apps and tokens again; what else has changed is named then, and needs a restart. What the file says between is in force nowhere, not in a worker that takes the place of one that died either.

${SECTIONS.map((section) => rendered(section, keys)).join('\n\n')}
`
}

function rendered({ title, paths, before, after }: Section, keys: readonly Key[]): string {
  const rows = keys.filter(({ path }) => paths.includes(sectionPathOf(path))).map(rowOf)
  const table = `| key | | value | default | example |\n|---|---|---|---|---|\n${rows.join('\n')}`
  return [`## ${title}`, before, table, after].filter((part) => part !== undefined).join('\n\n')
}

/** The most precise of those that a section has. */
function sectionPathOf(path: string): string {
  const inside = SECTIONS.flatMap(({ paths }) => paths).filter(
    (top) => path === top || path.startsWith(`${top}.`) || path.startsWith(`${top}[]`),
  )
  return inside.reduce((most, top) => (top.length > most.length ? top : most), '')
}

const variables = new Map([...environmentNames()].map(([name, { path }]) => [path.join('.'), name]))

function rowOf({ path, schema, isRequired }: Key): string {
  const variable = variables.get(path)
  const cells = [
    `\`${path}\`${variable === undefined ? '' : `<br>\`${variable}\``}`,
    told(schema).description ?? '',
    kindOf(schema),
    defaultOf(schema, isRequired),
    code(exampleOf(schema)),
  ]
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
}

function kindOf(schema: TSchema): string {
  const { measure, minimum, minItems, maxItems } = told(schema)
  const maximum = mostOf(schema)
  if (Type.IsEnum(schema)) return schema.enum.map((value) => `\`${value}\``).join(', ')
  if (Type.IsUnion(schema)) return '`off` or the keys below'
  if (Type.IsArray(schema)) return `list${range(minItems, maxItems, String)}`
  if (measure === 'digest') return '64 hex digits'
  if (measure === 'duration') return `duration${range(minimum, maximum, (ms) => inUnits(measure, ms))}`
  if (measure === 'bytes') return `size${range(minimum, maximum, (bytes) => inUnits(measure, bytes))}`
  if (Type.IsInteger(schema) || Type.IsNumber(schema)) return `number${range(minimum, maximum, String)}`
  if (Type.IsBoolean(schema)) return '`true`, `false`'
  if (Type.IsLiteral(schema)) return `\`${schema.const}\``
  return told(schema).form ?? 'text'
}

function range(least = 0, most: number | undefined, say: (amount: number) => string): string {
  if (most !== undefined) return least === 0 ? `, at most ${say(most)}` : `, ${say(least)} to ${say(most)}`
  return least > 1 ? `, at least ${say(least)}` : ''
}

function defaultOf(schema: TSchema, isRequired: boolean): string {
  const { measure, default: value } = told(schema)
  if (value === undefined) return isRequired ? 'required' : ''
  if (Type.IsUnion(schema)) return 'the keys below'
  if (typeof value === 'number' && (measure === 'duration' || measure === 'bytes'))
    return code(inUnits(measure, value))
  return code(value)
}

/** As it is written in YAML, on one line. */
const code = (value: unknown): string =>
  value === undefined ? '' : `\`${stringify(value, { collectionStyle: 'flow', lineWidth: 0 }).trim()}\``
