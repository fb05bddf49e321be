import Type, { type Static } from 'typebox'
import { AppCredentials } from './credentials-schema.ts'
import {
  digest,
  group,
  KEY_DIGEST,
  literals,
  positive,
  segment,
  sizeBytes,
  strict,
  toggle,
} from './schema-parts.ts'

export const AppConfig = group({
  id: segment({
    description:
      'The name of the app in the lake, in the numbers and in addresses of the dashboard. It stays.',
  }),
  keys: Type.Array(
    strict({
      sha256: digest({
        holder: 'key',
        description:
          'The digest of a publishable key, of the key alone: `headgate key new` makes both. `echo` adds a newline, which nobody can see in a digest.',
        example: KEY_DIGEST,
      }),
    }),
    {
      description: 'By which requests are known to be of this app. Two, while one takes over from the other.',
      example: [{ sha256: KEY_DIGEST }],
      default: [],
      maxItems: 2,
    },
  ),
  origins: Type.Array(Type.String({ form: 'an origin', example: 'https://shop.example.com' }), {
    description:
      'Whose pages may send, as browsers say it: `https://shop.example.com`, `capacitor://localhost`, `chrome-extension://<id>`. `https://*.example.com` takes the names below it, however deep, and not itself. A browser from elsewhere is refused; what sends no `Origin` is not a browser and needs none.',
    example: ['https://shop.example.com'],
    default: [],
  }),
  aliases: Type.Array(Type.String({ minLength: 1, maxLength: 256 }), {
    description: 'Identifiers of this app that foreign formats carry, such as the id of a RUM app monitor.',
    example: ['lab-shop'],
    default: [],
  }),
  keyless: toggle(false, {
    description:
      'Whether a listed origin alone is enough, without a key. Whatever is no browser can claim one.',
  }),
  limits: strict({
    requestsPerSecond: positive(500, {
      description: 'Requests of this app, from all addresses.',
      example: 50,
    }),
    burst: positive(1_000, {
      description: 'How many requests may come at once, after a time without any.',
      example: 100,
    }),
    bytesPerSecond: sizeBytes(5_242_880, {
      description:
        'Of what is stored for this app, and not of what was sent: a context is stored with each event.',
      example: '1MiB',
    }),
    eventsPerSecond: positive(20_000, { description: 'Events of this app.', example: 2_000 }),
  }),
  privacy: strict({
    ip: literals(['truncate', 'drop'], {
      description:
        'What the audit log of credentials keeps of an address: its network (/24, /48), or nothing. Events never hold one.',
      default: 'truncate',
    }),
    gpc: literals(['strip', 'drop', 'ignore'], {
      description:
        'What `Sec-GPC: 1` (Global Privacy Control) does: events lose `user_id`, `session_id`, `page_view_id` and all attributes, and their other ids are hashed (`strip`), or are rejected one by one with `privacy_gpc` (`drop`), or kept as they are (`ignore`).',
      default: 'strip',
    }),
    allowQuery: Type.Array(Type.String({ minLength: 1 }), {
      description: 'Query parameters that may be kept in URLs. All others are cut.',
      example: ['utm_source'],
      default: [],
    }),
  }),
  credentials: Type.Optional(AppCredentials),
})

export type AppConfig = Static<typeof AppConfig>
