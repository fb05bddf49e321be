import { test } from 'tap'
import { parseConfig } from '../../../src/config/parse.ts'
import { admit } from '../../../src/gateway/apps/admission.ts'
import { createRegistry } from '../../../src/gateway/apps/registry.ts'
import { AppError } from '../../../src/std/errors.ts'
import { someApps } from '../../fakes/gateway.ts'

const registry = createRegistry(
  parseConfig({ apps: [...someApps, { id: 'csp', keyless: true, origins: ['https://shop.example'] }] }, {})
    .apps,
)

/** The app's id, or the code of the refusal. */
function outcome(keys: readonly string[], claims: { alias?: string; origin?: string }): string {
  try {
    return admit({ keyed: keys.flatMap((key) => registry.byKey(key) ?? []), ...claims }, registry).id
  } catch (error) {
    if (error instanceof AppError) return error.code
    throw error
  }
}

const shop = 'https://shop.example'
const open = 'https://open.example'
const evil = 'https://evil.example'

test('whose request it is', async (t) => {
  for (const [rule, keys, claims, expected] of [
    ['a key is enough where no browser is involved', ['shop-key'], {}, 'shop'],
    ['a key with a listed Origin', ['shop-key'], { origin: shop }, 'shop'],
    ['a key with an Origin off the list', ['shop-key'], { origin: evil }, 'origin_not_allowed'],
    [
      'a key with the Origin of another app',
      ['shop-key'],
      { origin: 'https://blog.example' },
      'origin_not_allowed',
    ],
    ['Origin: null is a present Origin', ['shop-key'], { origin: 'null' }, 'origin_not_allowed'],
    ['an unknown key', ['wrong'], {}, 'unknown_key'],
    ['nothing at all', [], {}, 'unknown_key'],
    ['an unknown key is skipped where another is known', ['wrong', 'shop-key'], {}, 'shop'],
    ['the same app named twice', ['shop-key', 'shop-key'], { alias: 'lab-shop' }, 'shop'],
    ['two apps named by keys', ['shop-key', 'blog-key'], {}, 'conflicting_apps'],
    ['a key and the alias of another app', ['blog-key'], { alias: 'lab-shop' }, 'conflicting_apps'],
    ['a key and an unknown alias', ['blog-key'], { alias: 'lab-unknown' }, 'blog'],
    ['an alias with a listed Origin', [], { alias: 'lab-shop', origin: shop }, 'shop'],
    ['an alias with an Origin off the list', [], { alias: 'lab-shop', origin: evil }, 'origin_not_allowed'],
    ['an alias alone identifies, but never authenticates', [], { alias: 'lab-shop' }, 'unknown_key'],
    ['an alias with an unknown key is still alone', ['wrong'], { alias: 'lab-shop' }, 'unknown_key'],
    ['the Origin of a keyless app alone', [], { origin: open }, 'open'],
    ['the Origin of an app that wants a key', [], { origin: 'https://blog.example' }, 'unknown_key'],
    ['an unknown Origin alone', [], { origin: evil }, 'unknown_key'],
    ['a keyless app whose Origin comes with an unknown key', ['wrong'], { origin: open }, 'open'],
    ['an Origin shared with a keyless app does not outvote the key', ['shop-key'], { origin: shop }, 'shop'],
    ['and without the key it is the keyless one', [], { origin: shop }, 'csp'],
    ['an alias without a key speaks before the Origin', [], { alias: 'lab-shop', origin: shop }, 'shop'],
  ] as const) {
    t.equal(outcome(keys, claims), expected, rule)
  }
})

test('who is not known is told whether a key came, and the same whatever the Origin', async (t) => {
  const messageOf = (keys: readonly string[], origin?: string, of = registry) => {
    const keyed = keys.flatMap((key) => of.byKey(key) ?? [])
    try {
      return admit({ keyed, hasKey: keys.length > 0, origin }, of)
    } catch (error) {
      return (error as AppError).message
    }
  }
  const none = messageOf([])
  t.match(
    none,
    /^No key came.*x-headgate-key.*x-api-key.*\?key=.*not in \?api_key=, not in authorization\. `headgate key new` makes/,
  )
  const wrong = messageOf(['wrong'])
  t.match(wrong, /^A key came.*no app here has it.*without quotes.*"Bearer".* is none\. `headgate key new`/)
  const dev = createRegistry(parseConfig({ apps: [{ id: 'dev' }] }, {}).apps)
  for (const keys of [[], ['wrong']])
    t.match(messageOf(keys, undefined, dev), /`headgate key show-dev`.*`headgate key new`/, 'a first start')
  for (const [keys, origin, told] of [
    [[], evil, none],
    [[], 'https://blog.example', none],
    [['nearly', 'wrong'], undefined, wrong],
    [['wrong'], evil, wrong],
    [['wrong'], 'https://blog.example', wrong],
  ] as const)
    t.equal(messageOf(keys, origin), told, `${keys} ${origin}`)
})
