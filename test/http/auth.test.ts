import { test } from 'tap'
import { createAuth } from '../../src/http/auth.ts'
import { sha256 } from '../fakes/gateway.ts'

const auth = createAuth([
  { name: 'ops', sha256: sha256('ops-token'), scopes: ['read', 'run'] },
  { name: 'viewer', sha256: sha256('viewer-token'), scopes: ['read'], apps: ['shop'] },
])

test('a known bearer token names its holder', async (t) => {
  t.match(auth.authenticate('Bearer ops-token', 'run'), { name: 'ops', scopes: ['read', 'run'] })
  t.match(auth.authenticate('bearer  viewer-token', 'read'), { name: 'viewer' }, 'the scheme has no case')
})

test('a token without a list of apps reads them all, one with a list reads those', async (t) => {
  t.ok(auth.authenticate('Bearer ops-token', 'read').isFor('anything'))
  const viewer = auth.authenticate('Bearer viewer-token', 'read')
  t.ok(viewer.isFor('shop'))
  t.notOk(viewer.isFor('blog'))
})

test('what is about all apps is for tokens without a list of apps', async (t) => {
  t.equal(auth.authenticateForAll('Bearer ops-token', 'run').name, 'ops')
  t.throws(() => auth.authenticateForAll('Bearer viewer-token', 'read'), {
    code: 'app_not_in_token',
    message: 'This is about all apps; the token is for some of them only.',
  })
  t.throws(() => auth.authenticateForAll('Bearer viewer-token', 'run'), { code: 'scope_missing' })
  t.throws(() => auth.authenticateForAll(undefined, 'read'), { code: 'unauthorized' })
})

test('a list without apps is a list', async (t) => {
  const none = createAuth([{ name: 'none', sha256: sha256('none'), scopes: ['read'], apps: [] }])
  t.throws(() => none.authenticateForAll('Bearer none', 'read'), { code: 'app_not_in_token' })
  t.notOk(none.authenticate('Bearer none', 'read').isFor('shop'))
})

test('without a token there is no holder, whatever the configuration has the digest of', async (t) => {
  const empty = createAuth([{ name: 'slip', sha256: sha256(''), scopes: ['read', 'run'] }])
  for (const header of [undefined, '', 'Bearer', 'Bearer ', 'Bearer  ', 'Basic x']) {
    t.throws(() => empty.authenticate(header, 'read'), { code: 'unauthorized' }, String(header))
  }
})

test('anything but a known bearer token is unauthorized', async (t) => {
  for (const header of [
    undefined,
    '',
    'Bearer',
    'Bearer ',
    'Bearer wrong',
    'Basic ops-token',
    'ops-token',
    'Bearer ops-token viewer-token',
    `Bearer ${sha256('ops-token')}`,
  ]) {
    t.throws(() => auth.authenticate(header, 'read'), { code: 'unauthorized' }, String(header))
  }
})

test('a known token without the scope is told which it lacks', async (t) => {
  t.throws(() => auth.authenticate('Bearer viewer-token', 'run'), {
    code: 'scope_missing',
    message: 'This needs a token with the scope "run".',
  })
})

test('without tokens nobody gets in, not even with an empty one', async (t) => {
  t.throws(() => createAuth([]).authenticate('Bearer ', 'read'), { code: 'unauthorized' })
})

test('who presents nothing is nobody, even to a token that is the digest of nothing', async (t) => {
  const open = createAuth([{ name: 'ops', sha256: sha256(''), scopes: ['read', 'run'] }])
  for (const header of [undefined, '', 'Bearer', 'Bearer ', 'Bearer  ', 'Basic x', 'x']) {
    t.throws(() => open.authenticate(header, 'read'), { code: 'unauthorized' }, String(header))
  }
})

test('a reload lets new tokens in, and the old ones no more', async (t) => {
  const reloaded = createAuth([{ name: 'old', sha256: sha256('old-token'), scopes: ['read'] }])
  t.equal(reloaded.authenticate('Bearer old-token', 'read').name, 'old')
  reloaded.replace([{ name: 'new', sha256: sha256('new-token'), scopes: ['run'] }])
  t.throws(() => reloaded.authenticate('Bearer old-token', 'read'), { code: 'unauthorized' })
  t.equal(reloaded.authenticate('Bearer new-token', 'run').name, 'new')
})

test('who is not let in is told what came, and where a token is to be had', async (t) => {
  for (const [header, message] of [
    [undefined, /^No token came.*Bearer …`\. `headgate key new --token` makes one/],
    ['', /^No token came/],
    ['ops-token', /^The header authorization has no bearer token.*`headgate key new --token`/],
    ['Basic ops-token', /^The header authorization has no bearer token/],
    ['Bearer wrong', /^A token came.*none of those in aggregation\.tokens.*`headgate key new --token`/],
  ] as const)
    t.throws(() => auth.authenticate(header, 'read'), { code: 'unauthorized', message }, String(header))
  const dev = createAuth([{ name: 'dev', sha256: sha256('dev-token'), scopes: ['read', 'run'] }])
  const shown = /^No token came.*`headgate key show-dev`.*`headgate key new --token`/
  t.throws(() => dev.authenticate(undefined, 'read'), { message: shown }, 'where a first start made it')
})
