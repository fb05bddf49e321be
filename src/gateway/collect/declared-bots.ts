import { createIsbotFromList, list } from 'isbot'

/**
 * What measures on somebody's behalf, or is driven by somebody: libraries for HTTP, ours and everybody's senders among
 * them, apps that say their own name, and browsers without a screen. What they send is as real as any other measurement.
 */
const NO_BOTS: readonly string[] = [
  'curl/8.5.0',
  'Wget/1.21.4',
  'okhttp/4.12.0',
  'Dalvik/2.1.0 (Linux; U; Android 14; Pixel 8 Build/UQ1A)',
  'python-requests/2.31.0',
  'Python-urllib/3.12',
  'Python/3.11 aiohttp/3.9.1',
  'python-httpx/0.27.0',
  'Java/17.0.1',
  'Java-http-client/21.0.2',
  'Apache-HttpClient/5.2.1 (Java/17.0.1)',
  'Jetty/12.0.5',
  'Go-http-client/1.1',
  'node',
  'undici',
  'node-fetch/1.0',
  'axios/1.6.2',
  'got (https://github.com/sindresorhus/got)',
  'Google-HTTP-Java-Client/1.43.3 (gzip)',
  'Deno/1.40.0',
  'Bun/1.1.0',
  'GuzzleHttp/7',
  'PHP/8.3.0',
  'Symfony HttpClient (Curl)',
  'libwww-perl/6.67',
  'Ruby',
  'Faraday v2.7.0',
  'rest-client/2.1.0 (linux x86_64) ruby/3.2.2',
  'Dart/3.1 (dart:io)',
  'Ktor client',
  'reqwest/0.11.23',
  'RestSharp/110.2.0.0',
  'PostmanRuntime/7.36.0',
  'insomnia/8.4.5',
  'HTTPie/3.2.2',
  'k6/0.48.0 (https://k6.io/)',
  'Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1.19041.1',
  'OTel-OTLP-Exporter-JavaScript/0.52.1',
  'Apache-HttpAsyncClient/4.1.5 (Java/17.0.1)',
  'MyApp/1.0 CFNetwork/1410.1 Darwin/22.6.0',
  'com.example.shop.android/2026.11.1-production+build.471112',
  'MyApp (unknown version) CFNetwork/1410 Darwin/22.6.0 (x86_64)',
  'DuckDuckGo/5 (com.duckduckgo.mobile.android; Android API 29)',
  'MyApp/5.2 (iPhone; iOS 17.1; Scale/3.00)',
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/120.0.0.0 Safari/537.36',
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/538.1 (KHTML, like Gecko) PhantomJS/2.1.1 Safari/538.1',
  'Mozilla/5.0 (linux) AppleWebKit/537.36 (KHTML, like Gecko) jsdom/22.1.0',
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Cypress/13.6.1 Chrome/114 Safari/537.36',
  'Playwright/1.40.0 (x64; ubuntu 22.04) node/20.10',
  'selenium/4.16.0 (python linux)',
]

/** Crawlers give the address of a page about them; monitors have names of their own. */
const MORE: readonly string[] = [
  // Which node-fetch does of itself.
  '^(?!node-fetch/).*\\+https?:',
  'slurp',
  'catchpoint',
  'check_http',
  'datadog',
  'debugbear',
  'googlehc',
  'gtmetrix',
  'kube-probe',
  'nagios',
  'prometheus/',
  'uptime',
  'zabbix',
]

const declares = (pattern: string): boolean => {
  const known = new RegExp(pattern, 'i')
  return !NO_BOTS.some((agent) => known.test(agent))
}

/**
 * Whether an agent says that it crawls or monitors. Of the patterns that isbot knows those are left out that hold for what
 * is none: they guess by form, and whoever says its name and version looks like a bot to them.
 */
export const isDeclaredBot: (agent: string) => boolean = createIsbotFromList([
  ...list.filter(declares),
  ...MORE,
])
