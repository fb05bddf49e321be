import { test } from 'tap'
import { parseConfig } from '../../../src/config/parse.ts'
import { createRegistry, keyDigest, originAllowed } from '../../../src/gateway/apps/registry.ts'
import { normalOrigin } from '../../../src/http/sender/origin.ts'
import { sha256, someApps } from '../../fakes/gateway.ts'

const appsOf = (apps: readonly object[]) => parseConfig({ apps }, {}).apps
const registry = createRegistry(appsOf(someApps))

test('a key finds its app by digest; what is stored is no key', async (t) => {
  t.equal(registry.byKey('shop-key')?.id, 'shop')
  t.equal(registry.byKey('blog-key')?.id, 'blog')
  for (const wrong of ['', 'Shop-key', 'shop-key ', sha256('shop-key'), '__proto__']) {
    t.equal(registry.byKey(wrong), undefined, wrong)
  }
  t.equal(keyDigest('shop-key'), sha256('shop-key'))
})

test('both keys of an app work while one replaces the other', async (t) => {
  const rotating = createRegistry(
    appsOf([{ id: 'shop', keys: [{ sha256: sha256('old') }, { sha256: sha256('new') }] }]),
  )
  t.equal(rotating.byKey('old'), rotating.byKey('new'))
  t.equal(rotating.byKey('old')?.id, 'shop')
})

test('an alias finds its app, exactly as written', async (t) => {
  t.equal(registry.byAlias('lab-shop')?.id, 'shop')
  t.equal(registry.byAlias('Lab-Shop'), undefined)
  t.equal(registry.byAlias('shop'), undefined, 'the id of an app is no alias')
})

test('an Origin alone finds keyless apps only', async (t) => {
  t.equal(registry.byOrigin('https://open.example')?.id, 'open')
  t.equal(registry.byOrigin('https://shop.example'), undefined)
})

test('origins are compared as browsers write them', async (t) => {
  for (const [given, normal] of [
    ['https://Shop.Example', 'https://shop.example'],
    ['https://shop.example:443', 'https://shop.example'],
    ['http://shop.example:80', 'http://shop.example'],
    ['http://shop.example:443', 'http://shop.example:443'],
    ['https://shop.example:80', 'https://shop.example:80'],
    ['https://shop.example:8443', 'https://shop.example:8443'],
    ['null', 'null'],
  ] as const) {
    t.equal(normalOrigin(given), normal)
  }
})

test('an origin is allowed if the app lists it, and only then', async (t) => {
  const [mixed] = appsOf([
    { id: 'mixed', keys: [{ sha256: sha256('k') }], origins: ['https://Shop.example:443'] },
  ])
  const app = createRegistry([mixed!]).byKey('k')!
  for (const [origin, allowed] of [
    ['https://shop.example', true],
    ['https://SHOP.example:443', true],
    ['http://shop.example', false],
    ['https://shop.example:8443', false],
    ['https://shop.example.evil', false],
    ['https://sub.shop.example', false],
    ['https://shop.example/', false],
    ['null', false],
    ['', false],
    ['*', false],
  ] as const) {
    t.equal(originAllowed(app, origin), allowed, origin)
  }
})

test('an app without origins takes none', async (t) => {
  const bare = createRegistry(appsOf([{ id: 'bare', keys: [{ sha256: sha256('k') }] }]))
  t.notOk(originAllowed(bare.byKey('k')!, 'https://shop.example'))
  t.notOk(bare.anyOrigin('https://shop.example'))
})

test('the union of origins is that of all apps', async (t) => {
  t.ok(['https://shop.example', 'https://blog.example', 'https://open.example'].every(registry.anyOrigin))
  t.notOk(registry.anyOrigin('https://evil.example') || registry.anyOrigin('null'))
})

test('a reload replaces everything at once', async (t) => {
  const reloaded = createRegistry(appsOf(someApps))
  const before = reloaded.byKey('shop-key')
  reloaded.replace(
    appsOf([
      { id: 'shop', keys: [{ sha256: sha256('next-key') }], privacy: { gpc: 'drop', allowQuery: ['utm'] } },
    ]),
  )
  t.equal(reloaded.byKey('shop-key'), undefined)
  t.equal(reloaded.byAlias('lab-shop'), undefined)
  t.equal(reloaded.byOrigin('https://open.example'), undefined)
  t.notOk(reloaded.anyOrigin('https://shop.example'))
  t.match(reloaded.byKey('next-key'), {
    id: 'shop',
    gpc: 'drop',
    ip: 'truncate',
    allowQuery: new Set(['utm']),
  })
  t.equal(before?.gpc, 'strip', 'a request under way keeps what it was admitted to')
})
