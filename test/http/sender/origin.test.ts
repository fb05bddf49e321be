import { test } from 'tap'
import { originAllowed, originsOf } from '../../../src/gateway/apps/registry.ts'
import { formsOf, readOrigin } from '../../../src/http/sender/origin.ts'

const admits = (listed: string, sent: string) => originAllowed({ origins: originsOf([listed]) }, sent)

test('what may be listed lets in what a browser sends for it', async (t) => {
  for (const [listed, normal, sent] of [
    ['https://shop.example.com', 'https://shop.example.com', 'https://shop.example.com'],
    ['https://Shop.Example.com:443', 'https://shop.example.com', 'https://shop.example.com'],
    ['http://shop.example.com:80', 'http://shop.example.com', 'http://shop.example.com'],
    ['http://localhost:5173', 'http://localhost:5173', 'http://localhost:5173'],
    ['http://[::1]:3000', 'http://[::1]:3000', 'http://[::1]:3000'],
    ['http://127.0.0.1', 'http://127.0.0.1', 'http://127.0.0.1'],
    ['https://münchen.example', 'https://xn--mnchen-3ya.example', 'https://xn--mnchen-3ya.example'],
    ['https://MÜNCHEN.example', 'https://xn--mnchen-3ya.example', 'https://xn--mnchen-3ya.example'],
    ['https://日本.example:8443', 'https://xn--wgv71a.example:8443', 'https://xn--wgv71a.example:8443'],
    ['capacitor://localhost', 'capacitor://localhost', 'capacitor://localhost'],
    ['ionic://localhost', 'ionic://localhost', 'ionic://localhost'],
    ['tauri://localhost', 'tauri://localhost', 'tauri://localhost'],
    ['my-app+x://Local.Host:1234', 'my-app+x://local.host:1234', 'my-app+x://local.host:1234'],
    ['chrome-extension://abcdefghijklmnopabcdefghijklmnop', undefined, undefined],
    ['moz-extension://0f0f0f0f-1111-2222-3333-444444444444', undefined, undefined],
    ['safari-web-extension://0F0F0F0F-1111-2222-3333-444444444444', undefined, undefined],
    ['file://', 'file://', 'file://'],
    ['https://*.example.com', 'https://*.example.com', 'https://a.example.com'],
    ['https://*.Example.com:443', 'https://*.example.com', 'https://a.b.c.example.com'],
    ['https://*.example.com:8443', 'https://*.example.com:8443', 'https://a.example.com:8443'],
    ['https://*.münchen.example', 'https://*.xn--mnchen-3ya.example', 'https://a.xn--mnchen-3ya.example'],
    ['http://*.localhost:3000', 'http://*.localhost:3000', 'http://shop.localhost:3000'],
    ['https://*.shop.co.uk', 'https://*.shop.co.uk', 'https://a.shop.co.uk'],
    ['https://shop.example.com.', 'https://shop.example.com.', 'https://shop.example.com.'],
    ['https://*.example.com.', 'https://*.example.com.', 'https://a.example.com.'],
    ['https://*.shop.vercel.app', 'https://*.shop.vercel.app', 'https://a.shop.vercel.app'],
  ] as const) {
    t.same(readOrigin(listed), { kind: 'origin', normal: normal ?? listed.toLowerCase() }, listed)
    t.equal(admits(listed, sent ?? listed), true, `${listed} lets in ${sent}`)
  }
})

test('a wildcard is one label or more, never the name itself, another scheme or port, or what only ends like it', async (t) => {
  for (const sent of [
    'https://example.com',
    'https://.example.com',
    'https://evilexample.com',
    'https://a.example.com.evil.example',
    'https://a.example.com:8443',
    'http://a.example.com',
    'https://example.com.a',
    'https://[::1]',
    `https://${'a.'.repeat(200)}example.com`,
    'capacitor://a.example.com',
    ...[
      'evil/',
      'evil.example/',
      'evil.example:x',
      'evil\\',
      '*',
      'a.*',
      'a..b',
      'evil?',
      'evil#',
      'u@evil',
    ].map((before) => `https://${before}.example.com`),
    ...['%61', 'ä', ' a', 'a\t', '[::1]', 'a;b', "a'"].map((before) => `https://${before}.example.com`),
    'null',
    '',
  ]) {
    t.equal(admits('https://*.example.com', sent), false, sent)
  }
  t.same(
    [...formsOf('https://a.b.example')],
    ['https://a.b.example', 'https://*.b.example', 'https://*.example'],
  )
})

test('what no browser sends is a fault that says the right form', async (t) => {
  for (const [listed, why] of [
    ['https://shop.example.com/', /: https:\/\/shop\.example\.com, without the slash at the end$/],
    ['https://shop.example.com/checkout', /: https:\/\/shop\.example\.com$/],
    ['https://shop.example.com?x=1', /: https:\/\/shop\.example\.com$/],
    ['https://user:PlantedPw@shop.example.com', /: https:\/\/shop\.example\.com$/],
    ['https://shop.example.com:0443', /: https:\/\/shop\.example\.com$/],
    ['https://shop.example.com:08443', /: https:\/\/shop\.example\.com:8443$/],
    ['https://shop.example.com:', /: https:\/\/shop\.example\.com$/],
    ['https://shop.example.com:99999', /such as https:/],
    ['https://shop example.com', /such as https:/],
    ['https://', /such as https:/],
    ['https:///', /such as https:/],
    ['shop.example.com', /begin with a scheme.*: https:\/\/shop\.example\.com$/],
    ['//shop.example.com', /: https:\/\/shop\.example\.com$/],
    ['localhost', /begin with a scheme/],
    ['', /begin with a scheme/],
    ['*', /begin with a scheme/],
    ['null', /never taken/],
    ['data://x', /no address of pages/],
    ['wss://shop.example.com', /no address of pages/],
    ['capacitor://localhost/', /: capacitor:\/\/localhost$/],
    ['capacitor://', /such as capacitor:/],
    ['chrome-extension://*', /wildcard only with https and http/],
    ['https://*', /wildcard only as "\*\."/],
    ['https://*.*.example.com', /wildcard only as "\*\."/],
    ['https://app-*.example.com', /wildcard only as "\*\."/],
    ['https://*.com', /pages of strangers/],
    ['https://*.co.uk', /pages of strangers/],
    ['https://*.com.au', /pages of strangers/],
    ['https://*.vercel.app', /pages of strangers/],
    ['https://*.github.io', /pages of strangers/],
    ['https://*.com.', /pages of strangers/],
    ['https://*.co.uk.', /pages of strangers/],
    ['https://*.github.io.', /pages of strangers/],
    ['https://a..b', /labels are not empty/],
    ['https://-a.example', /begin and end with a letter or digit/],
    ['https://a-.example', /begin and end/],
    ['https://*..example.com', /labels are not empty/],
    ['https://a.example..', /labels are not empty/],
    ['https://a.example:0', /perhaps a port.*such as https:\/\/shop/],
    ['capacitor://localhost:0', /capacitor/],
    ['https://*.10.0.0.1', /pages of strangers/],
    ['https://1.2.3', /short form of an address, which browsers send as https:\/\/1\.2\.0\.3: write that/],
    ['https://0x7f.1:8443', /browsers send as https:\/\/127\.0\.0\.1:8443/],
    ['http://0177.0.0.1:80', /browsers send as http:\/\/127\.0\.0\.1:/],
    ['http://2130706433', /browsers send as http:\/\/127\.0\.0\.1:/],
    ['https://10.0.0.1.', /browsers send as https:\/\/10\.0\.0\.1:/],
    ['https://*.[::1]', /pages of strangers/],
    ['https://*.example.com/', /a scheme, a host and perhaps a port/],
  ] as const) {
    const read = readOrigin(listed)
    t.match(read, { kind: 'fault', why }, listed)
    t.notMatch(JSON.stringify(read), /PlantedPw/)
    t.equal(originsOf([listed]).size, 0, 'and it lets nobody in')
  }
})
