import { test } from 'tap'
import { four, missed, prose, stored, three, urls } from './columns.ts'

/** Put together here, as no scanner of repositories should take a test for a leak. */
const SECRET = 'Needle0'.repeat(6)
const UPPER = 'NEEDLE0'.repeat(3)

/** Prefixes by their issuers. Sources stand in src/event/privacy/secrets.ts. */
const ISSUED = {
  AWS: ['AKIA', 'ASIA', 'AROA', 'AIDA'],
  GitHub: ['ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_', 'github_pat_'],
  GitLab: ['glpat-', 'gldt-', 'glrt-', 'glcbt-', 'glptt-', 'glagent-', 'gloas-', 'glsoat-'],
  Slack: ['xoxb-', 'xoxp-', 'xoxa-', 'xoxe-', 'xoxc-', 'xoxd-', 'xapp-1-'],
  Stripe: ['sk_live_', 'sk_test_', 'rk_live_', 'pk_live_', 'whsec_'],
  OpenAI: ['sk-', 'sk-proj-', 'sk-svcacct-', 'sk-admin-'],
  Anthropic: ['sk-ant-', 'sk-ant-api03-'],
  SendGrid: ['SG.Needle0.', 'SG.'],
  Google: ['AIza', 'ya29.', 'ya29.a0-', 'GOCSPX-'],
  'Hugging Face': ['hf_'],
  DigitalOcean: ['dop_v1_', 'doo_v1_', 'dor_v1_'],
  PyPI: ['pypi-', 'pypi-AgEIcHlwaS5vcmc'],
  npm: ['npm_'],
  Shopify: ['shpat_', 'shpca_', 'shppa_', 'shpss_'],
  Square: ['sq0atp-', 'sq0csp-'],
  others: [
    ...[
      'glsa_',
      'sntrys_',
      'NRAK-',
      'PMAK-',
      'xkeysib-',
      'lin_api_',
      'rubygems_',
      'dckr_pat_',
      'hvs.',
      'dt0c01.',
    ],
    ...[
      'dp.pt.',
      'pplx-',
      'gsk_',
      'xai-',
      'sb_secret_',
      'pscale_tkn_',
      'HRKU-',
      'tskey-auth-',
      'dapi',
      'ATATT3',
    ],
  ],
  'this product': ['hg_adm_'],
}

test('keys go by the prefixes of their issuers, in prose and in URLs, whatever stands around them', async (t) => {
  for (const [issuer, prefixes] of Object.entries(ISSUED)) {
    for (const prefix of prefixes) {
      const key = prefix + (issuer === 'AWS' ? UPPER : SECRET)
      const what = `${issuer}, ${prefix}`
      t.same(prose(`refused: ${key}, retry`), four('refused: [token], retry'), what)
      t.same(prose(`(${key})`), four('([token])'), what)
      t.same(prose(`x%3D${key} \\n${key}\\n`), four('x%3D[token] \\n[token]\\n'), `${what}, behind an escape`)
      t.same(urls(`https://shop.example/v/${key}/x`), three('https://shop.example/v/[token]/x'), what)
      t.same(stored({ page_path: `/v/${key}` }).page_path, '/v/[token]', what)
      t.same(stored({ app_version: `1.0-${key}` }).app_version, '1.0-[token]', what)
    }
  }
})

test('shorter than any issuer makes them, as texts are cut', async (t) => {
  for (const key of [
    'ghp_Needle00',
    'sk-proj-Needle00',
    'whsec_Needle00',
    'dop_v1_Needle00',
    'hf_Needle0Needle',
  ]) {
    t.same(prose(`at ${key}`), four('at [token]'), key)
  }
})

test('names that begin alike stay', async (t) => {
  for (const text of [
    ...[
      'npm_config_registry_url',
      'hf_model_name_or_path',
      'sk-folding-cube-container',
      'pypi-mirror-of-the-team',
    ],
    ...[
      'task-NEEDLE0NEEDLE0NEEDLE0',
      'risk-Based-Authentication0',
      'ask-Me-Anything-0123',
      'AKIA',
      'xoxo',
      'SG.1',
    ],
    ...['eyebrow', 'sk-1', 'ghp_', 'dapifoo', 'a whsec_ prefix', 'div.sk-circle12'],
  ]) {
    t.same(prose(text), four(text))
    t.same(urls(`/${text.replaceAll(' ', '-')}`), three(`/${text.replaceAll(' ', '-')}`), text)
  }
})

const BODY = 'MIIEvQIBADANBgkqhkiG9w0BAQEFAASC+/=='
const pem = (kind: string, line: string) =>
  [`-----BEGIN ${kind}-----`, BODY, BODY, `-----END ${kind}-----`].join(line)

test('private keys go whole, however their lines are written', async (t) => {
  for (const kind of [
    'PRIVATE KEY',
    'RSA PRIVATE KEY',
    'EC PRIVATE KEY',
    'OPENSSH PRIVATE KEY',
    'PGP PRIVATE KEY BLOCK',
  ]) {
    for (const line of ['\n', '\r\n', '\\n', '\\\\n', ' ', '']) {
      t.same(
        prose(`key ${pem(kind, line)} is bad`),
        four('key [token] is bad'),
        `${kind} ${JSON.stringify(line)}`,
      )
    }
  }
  t.same(
    missed([
      [encodeURI(pem('PRIVATE KEY', '\n')), '[token]'],
      [pem('PRIVATE KEY', '\n').replaceAll(' ', '+'), '[token]'],
      [
        `---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\n${BODY}\n---- END SSH2 ENCRYPTED PRIVATE KEY ----.`,
        '[token].',
      ],
      [`x -----BEGIN PRIVATE KEY-----\n${BODY}`, 'x [token]'],
      [`x -----BEGIN PRIVATE KEY-----${BODY}\n-----EN`, 'x [token]'],
      [`{"pem":"-----BEGIN RSA PRIVATE KEY-----\\n${BODY}`, '{"pem":"[token]'],
      [`${pem('PRIVATE KEY', '\n')} and ${pem('EC PRIVATE KEY', '\\n')}`, '[token] and [token]'],
    ] as const),
    [],
  )
  const open = '-----BEGIN PUBLIC KEY-----\nMCowBQ\n-----END PUBLIC KEY----- -----BEGIN CERTIFICATE-----'
  t.same(prose(open), four(open), 'what is public stays')
})

test('the paths of webhooks go, which are keys themselves', async (t) => {
  const [team, chat] = ['T0NEEDLE0/B0NEEDLE0', '123456789']
  for (const [url, clean] of [
    [`https://hooks.slack.com/services/${team}/${SECRET}`, `services/${team}/[token]`],
    [`https://discord.com/api/webhooks/${chat}/${SECRET}`, `webhooks/${chat}/[token]`],
    [`https://hooks.slack.com/workflows/T0NEEDLE0/A0NEEDLE0/${chat}/${SECRET}`, 'A0NEEDLE0/[token]'],
    [`https://hooks.slack.com/triggers/T0NEEDLE0/${chat}/${SECRET}`, `${chat}/[token]`],
    [`https://outlook.office.com/webhook/a@b/IncomingWebhook/${SECRET}/${SECRET}`, 'IncomingWebhook/[token]'],
    [`https://api.telegram.org/bot${chat}:AA${SECRET}/getMe`, 'bot[token]/getMe'],
  ] as const) {
    t.match(stored({ page_url: url }).page_url, clean)
    t.notMatch(String(prose(`POST ${url} failed`)), 'Needle')
  }
  t.same(prose('/services/T1/B2/list of services'), four('/services/T1/B2/list of services'))
})

test('keys of which what joins their words is written otherwise', async (t) => {
  t.same(
    missed(
      [
        ...['SG%2ENeedle0Needle0.Needle0', 'SG=2ENeedle0Needle0.Needle0', 'sk=2Dproj=2DNeedle0Needle0'],
        ...[
          'ghp&lowbar;Needle0Needle0',
          'ghp&amp;UnderBar;Needle0Needle0',
          'sk&hyphen;proj&dash;Needle0Needle0',
        ],
        ...['sk\u2013proj\u2013Needle0Needle0', 'sk\u2010proj\u2212Needle0Needle0'],
      ].map((key) => [`at ${key} x`, 'at [token] x']),
    ),
    [],
  )
  t.same(
    missed([
      ['a \u2013 b token=S', 'a \u2013 b token=[token]'],
      'a \u2013 b',
      'a&hyphen;b &lowbar; c',
      'app%2Emin%2Ejs',
      '2020\u20132021',
    ]),
    [],
  )
})

test('a value in the sections of XML, in what PHP serializes and in the brackets of a placeholder', async (t) => {
  t.same(
    missed([
      ['<password><![CDATA[S < S] ]]></password>', '<password>[token]</password>'],
      ['<token a="b"> <![CDATA[S', '<token a="b">[token]'],
      ['<password a="b"> <![CDATA[S]]><b>', '<password a="b">[token]<b>'],
      ['<password><![CDATA[S', '<password>[token]'],
      ['s:8:"password";s:3:"S T";s:1:"a";', 's:8:"password";s:3:"[token]";s:1:"a";'],
      ['s:8:\\"password\\";s:1:\\"S\\";', 's:8:\\"password\\";s:1:\\"[token]\\";'],
      ['s:6:"secret";a:1:{i:0;s:1:"S";} x', 's:6:"secret";a:1:[token] x'],
      ['s:6:"secret";O:3:"A\\B":1:{s:1:"a";s:1:"S";} x', 's:6:"secret";O:3:"A\\B":1:[token] x'],
      ...['<>', '()', '[]', '{}', '‹›', '«»'].map((pair) => {
        const [open = '', close = ''] = pair
        return [`Bearer ${open}Needle0${close} x`, `Bearer ${open}[token]${close} x`] as const
      }),
      ['Bearer `Needle0`', 'Bearer `[token]`'],
      ['Bearer {{Needle0}}', 'Bearer {{[token]}}'],
      ['&lt;password&gt;S &amp; S&lt;/password&gt;', '&lt;password&gt;[token]&lt;/password&gt;'],
      [
        '{"a":"\\u003cpassword\\u003eS \\"S\\"\\u003c/password\\u003e"}',
        '{"a":"\\u003cpassword\\u003e[token]\\u003c/password\\u003e"}',
      ],
      [
        '\\u003CApi_Key\\u003ES\\u003C\\/Api_Key\\u003E',
        '\\u003CApi_Key\\u003E[token]\\u003C\\/Api_Key\\u003E',
      ],
      [
        '&lt;wsse:Password Type=&quot;x&quot;&gt;S&lt;/wsse:Password&gt;',
        '&lt;wsse:Password Type=&quot;x&quot;&gt;[token]&lt;/wsse:Password&gt;',
      ],
      ['\\\\u003csecret\\\\u003eS\\\\u003c/secret', '\\\\u003csecret\\\\u003e[token]\\u003c/secret'],
      ['&amp;lt;token&amp;gt;S&amp;lt;/token&amp;gt;', '&amp;lt;token&amp;gt;[token]&amp;lt;/token&amp;gt;'],
      ['%3Cpassword%3ES%20S%3C%2Fpassword%3E', '%3Cpassword%3E[token]%3C%2Fpassword%3E'],
      ['<a:Authorization b="c">S</a:Authorization>', '<a:Authorization b="c">[token]</a:Authorization>'],
      ['&lt;cookie&gt;S&lt;/cookie&gt;', '&lt;cookie&gt;[token]&lt;/cookie&gt;'],
      ['Bearer &lt;Needle0&gt;', 'Bearer &lt;[token]&gt;'],
    ]),
    [],
  )
  t.same(missed(['Bearer <access_token>', 'Bearer (required)', 'Bearer [token]', '<b><![CDATA[S]]></b>']), [])
})

test('a password of a URL goes with its blanks, and what stands behind a host or a port stays', async (t) => {
  t.same(
    missed([
      ['to https://ann:pass word@host/x failed', 'to https://host/x failed'],
      ['to https://ann:S 2 S S@db.example:5432/x', 'to https://db.example:5432/x'],
      ['postgres://ann:!S? 1#S%40[::1]:5432', 'postgres://[ip]:5432'],
      ['(amqp://ann:12S S@[203.0.113.77]/)', '(amqp://[ip]/)'],
      ['"https:\\/\\/ann:S S@host\\/x"', '"https:\\/\\/host\\/x"'],
      ['https://ann:S  S\tS S S S@host/x', 'https://host/x'],
      ['https://ann: S S@host/x', 'https://host/x'],
      ['https%3A%2F%2Fann%3AS S%40host%2Fx', 'https%3A%2F%2Fhost%2Fx'],
      ...[
        'https://shop.example:8080 by ann@host',
        'https://shop.example: ann@host',
        'https://shop.example by ann@host',
      ],
      ...['at https://shop.example/a:b c@host', '// a: b c@host', 'https://ann:b "c@host"', 'a:b c@host'],
    ]),
    [],
  )
})

test('what is assigned to a telling name goes, and words that only stand beside one stay', async (t) => {
  t.same(
    missed([
      ...[
        ['password=S', 'password=[token]'],
        ['passwort=S', 'passwort=[token]'],
        ['passcode: S', 'passcode: [token]'],
        ['pw=S', 'pw=[token]'],
        [
          'token%3DS token&#61;S token&equals;S token\\u003dS',
          'token%3D[token] token&#61;[token] token&equals;[token] token\\u003d[token]',
        ],
        ['AccountKey=S', 'AccountKey=[token]'],
        ['SharedAccessKey=S', 'SharedAccessKey=[token]'],
        ['token: Needle0', 'token: [token]'],
        ['Token: NEEDLE', 'Token: [token]'],
        ['bad token: Needle0, sorry', 'bad token: [token], sorry'],
        ['API key: Needle0', 'API key: [token]'],
        ['session id: abc123', 'session id: [token]'],
        ['user[password]=S&x=1', 'user[password]=[token]&x=1'],
        ['%22password%22%3A%22S', '%22password%22%3A%22[token]'],
        ['{"token"=>"S", :password => "S"}', '{"token"=>"[token]", :password => "[token]"}'],
        ['{&quot;password&quot;:&quot;S', '{&quot;password&quot;:&quot;[token]'],
        ['password  =  S', 'password  =  [token]'],
        ['secretKey=S shared_key: S', 'secretKey=[token] shared_key: [token]'],
        ['{"password":["S","S S"],"n":1}', '{"password":[token],"n":1}'],
        ['{"a":1,"password":{"value":"S"}} x', '{"a":1,"password":[token]} x'],
        ['{\\"secret\\": [ \\"S\\"', '{\\"secret\\": [token]'],
        ['<password>S S</password><b>x</b>', '<password>[token]</password><b>x</b>'],
        ['authorization: Digest username="S", response="S"', 'authorization: [token]'],
        ['jwt: Needle0', 'jwt: [token]'],
        ['--password Needle0 --db-token "Needle0"', '--password [token] --db-token "[token]"'],
        ['Bearer "Needle0"', 'Bearer "[token]"'],
        ['\\nBearer Needle0', '\\nBearer [token]'],
        ['Bearer%2520Needle0', 'Bearer%2520[token]'],
        ['\\nBasic TmVlZGxlOk5lZWRsZQ==', '\\nBasic [token]'],
        ['\\neyJhbGciOi.eyJhcHAi.c2ln', '\\n[token]'],
      ],
      ...[
        ...[
          'Unexpected token: Identifier',
          'unexpected token: RIGHT_BRACE',
          'Illegal token: Symbol42',
          'token: value',
        ],
        ...[
          'Missing token: Semicolon1',
          'Duplicate key: orders_pkey',
          'monkey: banana0',
          'api key: missing',
          'a token: x1',
        ],
        ...['--password is required', '--token must be given', 'user id: unknown', 'the key"', 'spw=1'],
        ...[
          'jwt: malformed',
          'token => value',
          'if (token>max) <b>',
          'a <token> <b></b>',
          'tokens[0]: x',
          'secret>',
        ],
        ...['Bearer token', 'Basic information', 'passwords are long'],
      ].map((text) => [text, text]),
    ] as const),
    [],
  )
})
