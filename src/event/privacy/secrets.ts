import { BOLD_END, type Masking, maskAssigned, OF_SYNTAX, TELLING_BESIDE, WRAPPED } from './assigned.ts'
import { BESIDE_TELLS, maskBeside, SECRET_ALONE } from './beside.ts'
import { AT, AT_TELLS, COLON, encoded, SLASH, START } from './escapes.ts'
import type { Marker } from './tells.ts'

/** What begins a JSON object, as base64url writes it: the header of a JWT. */
const JWT = /eyJ[\w-]+(?:\.[\w-]*)*/g

/** Not of small letters alone, as names are: a key of those has one chance in a million. */
const MIXED = '(?=[a-z_-]{0,64}[A-Z\\d])'
/**
 * By the prefixes that their issuers gave them so that they are found; shorter than they are issued, as texts are cut.
 * Each row has what follows them: https://github.com/gitleaks/gitleaks/blob/master/config/gitleaks.toml,
 * https://docs.github.com/en/code-security/reference/secret-security/supported-secret-scanning-patterns
 */
const ISSUED: readonly (readonly [follows: string, ...prefixes: string[]])[] = [
  // AWS, Alibaba.
  ['[A-Z\\d]{12,}', 'AKIA', 'ASIA', 'AROA', 'AIDA', 'ABIA', 'ACCA'],
  ['[\\w-]{20,}', 'AIza', 'ATATT3', 'LTAI'],
  [
    '[\\w-]{8,}',
    // GitHub, GitLab, Slack.
    ...['gho_', 'ghp_', 'ghs_', 'ghu_', 'ghr_', 'github_pat_'],
    ...[
      'glpat-',
      'gldt-',
      'glrt-',
      'glcbt-',
      'glptt-',
      'glft-',
      'glimt-',
      'glagent-',
      'gloas-',
      'glsoat-',
      'glffct-',
    ],
    ...['xoxa-', 'xoxb-', 'xoxc-', 'xoxd-', 'xoxe-', 'xoxo-', 'xoxp-', 'xoxr-', 'xoxs-', 'xapp-'],
    // Stripe, Shopify, Square, Shippo, Duffel.
    ...[
      'sk_live_',
      'sk_test_',
      'sk_prod_',
      'rk_live_',
      'rk_test_',
      'rk_prod_',
      'pk_live_',
      'pk_test_',
      'whsec_',
    ],
    ...['shpat_', 'shpca_', 'shppa_', 'shpss_', 'sq0atp-', 'sq0csp-', 'shippo_live_', 'duffel_live_'],
    // OpenAI, Anthropic, OpenRouter, Perplexity.
    ...['sk-proj-', 'sk-svcacct-', 'sk-admin-', 'sk-ant-', 'sk-or-v1-', 'pplx-'],
    // Google, DigitalOcean, Docker, Supabase, PlanetScale, Heroku, Tailscale.
    ...['GOCSPX-', 'dop_v1_', 'doo_v1_', 'dor_v1_', 'dckr_pat_', 'sbp_', 'sb_secret_'],
    ...['pscale_tkn_', 'pscale_pw_', 'pscale_oauth_', 'HRKU-', 'tskey-'],
    // Grafana, Sentry, New Relic, Postman, Brevo, Linear, Readme, RubyGems, Clojars, age; our own.
    ...['glsa_', 'sntrys_', 'sntryu_', 'NRAK-', 'NRII-', 'PMAK-', 'xkeysib-', 'xsmtpsib-'],
    ...['lin_api_', 'rdme_', 'rubygems_', 'CLOJARS_', 'AGE-SECRET-KEY-', 'hg_adm_'],
  ],
  // SendGrid, Google, Vault, Dynatrace, Doppler: with dots in them.
  ['[\\w-]{6,}(?:\\.[\\w-]+)*', 'SG.', 'ya29.', 'hvs.', 'hvb.', 'dt0c01.', 'dp.pt.', 'dp.st.'],
  // Those that names of packages, variables and classes may begin with as well: npm, PyPI, Hugging Face, OpenAI, Groq, xAI.
  [
    `${MIXED}[\\w-]{12,}`,
    'npm_',
    'pypi-',
    'hf_',
    'sk-',
    'gsk_',
    'xai-',
    'dapi',
    'pnu_',
    'glc_',
    'fo1_',
    'ntn_',
  ],
]
const escaped = (prefix: string): string => prefix.replaceAll('.', '\\.')
const PREFIXED = new RegExp(
  `${START}(?:${ISSUED.map(([follows, ...prefixes]) => `(?:${prefixes.map(escaped).join('|')})${follows}`).join('|')})`,
  'g',
)
const ISSUED_TELLS = ISSUED.flatMap(([, ...prefixes]) => prefixes.map((prefix) => prefix.replace(/\d/g, '0')))

const DASHES = '[-\\u2010-\\u2015]{2,5}'
const GAP = '(?:[ +]|%(?:25)*20|\\\\u0020)'
/** To its end, or to that of a text that was cut: headers and base64 in lines, however these are written. */
const PRIVATE_KEY = new RegExp(
  `${DASHES}${GAP}?BEGIN${GAP}(?:[A-Z\\d]{1,16}${GAP}){0,4}PRIVATE${GAP}KEY[^]*?(?:${DASHES}${GAP}?END[A-Z\\d +%\\\\u]*${DASHES}|$)`,
  'g',
)

/** What posts in somebody's name for whoever knows its path: of Slack, Discord, Teams and bots of Telegram. */
const WEBHOOK = new RegExp(
  [
    '((?:services|workflows|triggers)/T[A-Z\\d]{6,}/[AB]?[A-Z\\d]{6,}/|webhooks/\\d{6,}/|IncomingWebhook/)[\\w-]{8,}(?:/[\\w-]{8,})*',
    '|(?<![A-Za-z\\d])(bot)?\\d{6,}:AA[\\w-]{20,}',
  ].join(''),
  'g',
)

/**
 * The schemes of an Authorization header, wherever they stand. `Basic` and `Negotiate` are words as well: only before
 * what is none.
 */
/** The next one of an element that names an `apiKey`, before its value. */
const NO_ATTRIBUTE = `(?![a-z-]{1,32}=["'][^\\s"',;:)}\\]>])`
const BEARER = new RegExp(
  `${START}([Bb]earer|BEARER|apikey|[aA]piKey|APIKEY)((?:[\\s+:="'\\\\]|%(?:25)*20)+(?:(?:[<({[‹«⟨\`]|&lt;|%(?:25)*3[cC]){1,2}${MIXED})?)${NO_ATTRIBUTE}[\\w.~+/=%-]{6,}`,
  'g',
)
const BASIC = new RegExp(
  `${START}([Bb]asic|BASIC|[Nn]egotiate|NEGOTIATE)((?:[\\s+:=]|%(?:25)*20)+)(?=[a-z]*[A-Z\\d+/=%])[\\w+/=%-]{6,}`,
  'g',
)

/** The signs of an element that was put into JSON, HTML or a URL, and what stands between them. */
const LESS = encoded('<', 'lt')
const GREATER = encoded('>', 'gt')
const CONTENT = `(?:[^<>&\\\\%]|(?!${LESS}|${GREATER})[&\\\\%])`
const NAMED = `(?:${TELLING_BESIDE}|(?=${SECRET_ALONE})(?<=[<:]|${LESS})(?:${SECRET_ALONE}))`
const ELEMENT = new RegExp(
  `(${NAMED}>|${NAMED}\\s(?<=<[\\w:.-]{0,48}\\s)[^<>]{1,256}>)(?:[^<>]+(?=</)|\\s{0,64}<!\\[CDATA\\[(?:[^\\]<]|\\](?!\\]>)|<(?!!\\[CDATA))*(?:\\]\\]>)?)|(${NAMED}(?:\\s(?<=${LESS}[\\w:.-]{0,48}\\s)${CONTENT}{1,256})?\\\\{0,7}${GREATER})${CONTENT}+(?=${LESS}${SLASH})`,
  'gi',
)
const HAS_ELEMENT = new RegExp(`<(?:/|!\\[CDATA)|${LESS}${SLASH}`, 'i')
/** Names as people write them, and as command lines have them: only before what is no word. */
const SPOKEN = new RegExp(
  [
    `((?:(?:[Tt]oken|TOKEN)${OF_SYNTAX}|[Jj]wt|JWT|(?:API|[Aa]pi|[Ss]ecret|[Aa]ccess|[Ss]ession) (?:[Kk]ey|KEY|[Ii][Dd]))(?:\\[\\d{0,3}\\])?(?:\\*{1,2}\\s?:|\\s?${COLON})${BOLD_END}\\s?(?!${WRAPPED})["']?`,
    `|--(?:[\\w-]{0,32}-)?(?:password|passwd|token|secret|key)\\s["']?)${MIXED}[\\w.~+/=%-]{6,}`,
  ].join(''),
  'g',
)
const SPOKEN_TELLS = [
  ...['jwt', 'token', '"key', '"id'].flatMap((name) =>
    [':', '":', '"":', '""":', '"0":', '"00":'].map((end) => name + end),
  ),
  ...['token%', 'token&', 'token\\'],
  ...['-password"', '-passwd"', '-token"', '-secret"', '-key"'],
]

/** What stands before the address of a person, and is no user of a `user:password@host`. */
const LABEL = '(?:mailto|e-?mail|mail|to|from|cc|bcc|user|contact|sender|recipient|address|sip):'
/** Where no `//` stands before it. The `@` of a stack frame stands before a URL. */
const USERINFO = new RegExp(
  `(?<![\\w.%+-])(?!${LABEL})[\\w.%+-]{1,64}:[^\\s@:/"'<>[\\]]{1,128}${AT}(?=[\\w[])(?![a-z][a-z\\d+.-]{0,30}://)`,
  'gi',
)

/** In a URL a password may have blanks. Where a port follows the colon, a host stands before it. */
const SPACED_USERINFO = new RegExp(
  `(?<=//|${COLON}(?:${SLASH}){2,4})(?:[\\w%+-]{1,64}${COLON}[ \\t]{1,4}|[\\w.%+-]{1,64}${COLON}(?=[^\\s@]{1,128}[ \\t]))(?!\\d{1,5}\\b)[^\\s@:/"'<>[\\]]{1,128}(?:[ \\t]{1,4}[^\\s@:/"'<>[\\]]{1,128}){0,7}${AT}(?=[\\w[])`,
  'gi',
)

interface Secret {
  readonly tells: readonly Marker[]
  readonly clean: (text: string, masking?: Masking) => string
}

/** The last word of each name. */
const NAMES: readonly Marker[] = [
  ...['secret~', 'passwd~', 'passwt~', 'password~', 'passwort~', 'passphrase~', 'passcode~', 'pwd~'],
  ...['credential~', 'credentials~', 'signature~'],
  ...['key~', 'sid~', 'sess_id~', 'sess-id~', 'session_id~', 'session-id~', 'sessionid~', 'token~'],
  ...['secret', 'passwd', 'passwt', 'password', 'passwort', 'pwd'].flatMap((name) =>
    ['s~', '0', '_0', '-0'].map((end) => name + end),
  ),
  ...['token', 'key'].flatMap((name) => ['s:', 's":', 's"":', 's\\'].map((end) => name + end)),
  ...['samlresponse~', 'samlrequest~', 'client_assertion~', 'oauth_verifier~'],
  ...['_confirm~', '_confirmation~', 'confirm~', 'confirmation~'].map((end) => `password${end}`),
  ...['cvv~', 'cvv0~', 'cvc~', 'cvc0~'],
  ...['contrase"a~', 'contrasena~', 'mot"de"passe~', 'mot_de_passe~', 'mot-de-passe~', 'motdepasse~'],
  ...['senha~', 'wachtwoord~', 'kennwort~', 'l"senord~', 'losenord~'],
  ...['sig~', 'auth~', 'pass~', 'pw~', 'jwt~', 'otp~', 'pin~', 'ssn~', 'code_verifier~'],
  ...['otp', 'pin', 'mfa', '0fa', 'sms'].flatMap((what) =>
    ['', '"', '_', '-'].map((joint) => `${what}${joint}code~`),
  ),
]

/** An arrow, without a blank before it, and the bracket of a call. */
const POINTED_NAMES = NAMES.filter((name) => name.endsWith('~')).flatMap((name) =>
  ['-"', '-&', '-%', '-\\', '('].map((end) => name.slice(0, -1) + end),
)
const SEARCH_NAMES = ['search', 'query'].flatMap((what) =>
  ['', '_', '-'].flatMap((joint) =>
    ['term', 'text', 'string', 'query', 'q'].flatMap((of) => [
      `${what}${joint}${of}~`,
      `${what}${joint}${of}s~`,
    ]),
  ),
)
const HEADER_NAMES: readonly Marker[] = ['authorization~', 'cookie~']
const ASSIGNED_NAMES: readonly Marker[] = [
  ...NAMES,
  ...['"-u"', '"--user"', 'identified"', ...HEADER_NAMES, '-secret"', '-key"'],
  ...['q~', 'query~', 'search~', 'keyword~', 'keywords~'],
  ...SEARCH_NAMES,
  ...POINTED_NAMES,
]

const replace = (pattern: RegExp, mask: string) => (text: string) => text.replace(pattern, mask)

/** Without one of these nothing is assigned, as in most of the texts that name a token or a key. */
const ASSIGNS =
  /[=:%&\\→⇒≔]|-[->]|[a-z]\(\s?["'`]|["']\s?,\s?["']|\b(?:by|as)\s|(?:w[dt]|word|wort|phrase|code)\s{1,2}["'`]/i
const ifAssigned = (clean: (text: string) => string) => (text: string) =>
  ASSIGNS.test(text) ? clean(text) : text

/** Tokens and keys that are known by what they are, as `[token]`, wherever they stand. */
export const KEYS: readonly Secret[] = [
  { tells: ['eyJ'], clean: replace(JWT, '[token]') },
  { tells: ISSUED_TELLS, clean: replace(PREFIXED, '[token]') },
  { tells: ['services', 'workflows', 'triggers', 'webhook', '0:aa'], clean: replace(WEBHOOK, '$1$2[token]') },
  {
    tells: ['private"key', 'private+key', 'private%00', 'private\\u0000key'],
    clean: replace(PRIVATE_KEY, '[token]'),
  },
  { tells: ['bearer', 'apikey'], clean: replace(BEARER, '$1$2[token]') },
  { tells: ['basic', 'negotiate'], clean: replace(BASIC, '$1$2[token]') },
  { tells: AT_TELLS, clean: replace(SPACED_USERINFO, '') },
]

/** What is assigned to names like `password`, as `[token]`; `user:password@` as `[user]@`. */
export const NAMED_SECRETS: readonly Secret[] = [
  {
    tells: [...NAMES, ...HEADER_NAMES],
    clean: (text) => (HAS_ELEMENT.test(text) ? text.replace(ELEMENT, '$1$2[token]') : text),
  },
  { tells: SPOKEN_TELLS, clean: replace(SPOKEN, '$1[token]') },
  {
    tells: ASSIGNED_NAMES,
    clean: (text, masking) => (ASSIGNS.test(text) ? maskAssigned(text, masking) : text),
  },
  { tells: BESIDE_TELLS, clean: maskBeside },
  { tells: AT_TELLS, clean: ifAssigned(replace(USERINFO, '[user]@')) },
]
