import { test } from 'tap'
import { userAgents } from '../../../src/gateway/collect/user-agent.ts'

const chrome = (version: string, device = '') =>
  `Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${version} ${device}Safari/537.36`

test('device, browser, its major version, and system', async (t) => {
  const factsOf = userAgents()
  for (const [header, facts] of [
    [
      chrome('140.0.0.0'),
      { device_type: 'desktop', user_agent_name: 'Chrome', user_agent_version: '140', os_name: 'Linux' },
    ],
    [
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/139.1',
      {
        device_type: 'desktop',
        user_agent_name: 'Microsoft Edge',
        user_agent_version: '139',
        os_name: 'Windows',
      },
    ],
    [
      'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1',
      { device_type: 'mobile', user_agent_name: 'Safari', user_agent_version: '18', os_name: 'iOS' },
    ],
    [
      'Mozilla/5.0 (iPad; CPU OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Mobile/15E148 Safari/604.1',
      { device_type: 'tablet', user_agent_name: 'Safari', user_agent_version: '17', os_name: 'iOS' },
    ],
    [
      'Mozilla/5.0 (SMART-TV; Linux; Tizen 5.0) AppleWebKit/538.1 (KHTML, like Gecko) Version/5.0 TV Safari/538.1',
      { device_type: 'other', user_agent_name: 'Tizen', user_agent_version: '5', os_name: 'Tizen' },
    ],
  ] as const) {
    t.strictSame(factsOf(header), facts)
  }
})

test('crawlers and monitors that say so are bots', async (t) => {
  const factsOf = userAgents()
  for (const header of [
    'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)',
    'Mozilla/5.0 (compatible; Yahoo! Slurp; http://help.yahoo.com/help/us/ysearch/slurp)',
    'facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)',
    'Scrapy/2.11.0 (+https://scrapy.org)',
    'Mozilla/5.0 (compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)',
    'ELB-HealthChecker/2.0',
    'kube-probe/1.28',
    `${chrome('120.0.0.0')} PTST/240101`,
    `${chrome('120.0.0.0')} Chrome-Lighthouse`,
    chrome('120.0.0.0').replace('Chrome', 'HeadlessChrome').concat(' DatadogSynthetics'),
  ]) {
    t.equal(factsOf(header).device_type, 'bot', header)
  }
})

test('libraries, apps and browsers without a screen are no bots', async (t) => {
  const factsOf = userAgents()
  for (const [header, device] of [
    ['curl/8.5.0', 'other'],
    ['Wget/1.21.4', 'other'],
    ['okhttp/4.12.0', 'other'],
    ['okhttp/5.0.0-alpha.14', 'other'],
    ['python-requests/2.32.3', 'other'],
    ['Python-urllib/3.9', 'other'],
    ['Java/21.0.2', 'other'],
    ['Apache-HttpClient/4.5.14 (Java/11.0.20)', 'other'],
    ['Go-http-client/2.0', 'other'],
    ['node', 'other'],
    ['undici', 'other'],
    ['node-fetch/1.0 (+https://github.com/bitinn/node-fetch)', 'other'],
    ['axios/1.7.2', 'other'],
    ['GuzzleHttp/7', 'other'],
    ['Dart/3.4 (dart:io)', 'other'],
    ['headgate-client/1.0', 'other'],
    [chrome('156.0.0.0').replace('Chrome', 'HeadlessChrome'), 'desktop'],
    ['Dalvik/2.1.0 (Linux; U; Android 14; Pixel 8 Build/UQ1A)', 'mobile'],
    ['MyApp/1.0 (Android 14; Pixel)', 'mobile'],
    ['MyApp/5.2 (iPhone; iOS 17.1; Scale/3.00)', 'mobile'],
    ['MyApp/1.0 CFNetwork/1410.1 Darwin/22.6.0', 'other'],
    [
      'Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36',
      'desktop',
    ],
    [
      'Mozilla/5.0 (X11; CrOS aarch64 15699.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36',
      'desktop',
    ],
    [
      'Mozilla/5.0 (Linux; Android 13; SM-X200) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36',
      'tablet',
    ],
  ] as const) {
    t.equal(factsOf(header).device_type, device, header)
  }
})

test('no header says nothing', async (t) => {
  const factsOf = userAgents()
  t.strictSame(factsOf(undefined), { device_type: 'other' })
  t.strictSame(factsOf(''), { device_type: 'other' })
})

test('text of a client’s own choosing never becomes a dimension', async (t) => {
  const factsOf = userAgents()
  t.strictSame(factsOf('Joe Doe 555-0199/7.0 (my phone)'), { device_type: 'other' })
  t.notHas(
    factsOf(chrome('99999999')),
    { user_agent_version: '99999999' },
    'a version has at most four digits',
  )
  t.equal(factsOf(chrome('99999999')).user_agent_version, undefined)
})

test('a header is remembered, and the ones not asked for longest are forgotten first', async (t) => {
  const factsOf = userAgents(2)
  const [a, b, c] = [chrome('1.0'), chrome('2.0'), chrome('3.0')] as const
  const first = factsOf(a)
  factsOf(b)
  t.equal(factsOf(a), first, 'remembered')
  factsOf(c)
  t.equal(factsOf(a), first, 'b was the oldest')
  const second = factsOf(b)
  t.equal(factsOf(b), second)
  t.equal(factsOf(a), first, 'c was the oldest')
})

test('of a long header only the beginning is looked at', async (t) => {
  const factsOf = userAgents()
  const long = chrome('140.0.0.0') + ' '.repeat(2_000)
  t.equal(factsOf(`${long}Googlebot`).device_type, 'desktop')
  t.equal(factsOf(`${long}one`), factsOf(`${long}other`), 'and remembered once')
})

test('a hostile header is judged like any other', async (t) => {
  for (const [part, facts] of [
    [chrome('140.0.0.0'), { device_type: 'desktop', user_agent_name: 'Chrome', user_agent_version: '140' }],
    ['Mozilla/5.0 (', { device_type: 'other' }],
    ['Android ', { device_type: 'mobile', user_agent_name: 'Android Browser', os_name: 'Android' }],
    ['iPhone;', { device_type: 'mobile', os_name: 'iOS' }],
    ['Version/1', { device_type: 'other' }],
    ['Mobile/', { device_type: 'mobile' }],
    ['a/', { device_type: 'other' }],
    ['x', { device_type: 'other' }],
    [' ', { device_type: 'other' }],
    ['(', { device_type: 'bot' }],
    [';', { device_type: 'bot' }],
  ] as const) {
    // 4 MB: what is not linear in it would not end before the test's timeout.
    const header = part.repeat(2 ** 22 / part.length)
    t.match(userAgents()(header), facts, part)
  }
})
