import { test } from 'tap'
import { withoutUsers } from '../../../src/cli/terminal/wording.ts'

test('what stands before the host of a URL is not repeated', (t) => {
  for (const [text, said] of [
    ['at http://ann:pw@h:1/x, no', 'at http://…@h:1/x, no'],
    ['at "http://ann@h"', 'at "http://…@h"'],
    ['postgres://ann:p@w@h/db', 'postgres://…@h/db'],
    ['postgres://ann:p/w@h', 'postgres://…@h'],
    ['postgres://ann:p//w@h', 'postgres://…@h'],
    ['postgres://ann:pw@/db', 'postgres://…@/db'],
    ['postgres://ann:8080@h/db', 'postgres://…@h/db'],
    ['http://h/?to=http://ann:pw@h', 'http://h/?to=http://…@h'],
    ['http://ann:pw%40h', 'http://…%40h'],
    ['http://ann:p@w%2540h:80/x', 'http://…%2540h:80/x'],
    ['http://ann:pw\uff20h', 'http://…\uff20h'],
    ['http://ann:pw%ef%bc%a0h', 'http://…%ef%bc%a0h'],
    ['http://ann:pw\ufe6bh', 'http://…\ufe6bh'],
    ['file:///a,http://ann:pw@h', 'file:///a,http://…@h'],
  ] as const)
    t.equal(withoutUsers(text), said)
  t.end()
})

test('an @ of a name stays', (t) => {
  for (const text of [
    'file:///srv/node_modules/@scope/x/a.js:1:2',
    '(file://srv/node_modules/@scope/x/a.js:1:2)',
    'file://node_modules@scope/x',
    'https://registry.example/@scope/x',
    'https://registry.example:8080/x@1.2.3',
    'http://[::1]:80/@scope/x',
    'https://h?to=ann@h',
    'https://h?to=ann%40h',
    'ann@mail.example',
    '//@scope/x',
  ])
    t.equal(withoutUsers(text), text)
  t.end()
})
