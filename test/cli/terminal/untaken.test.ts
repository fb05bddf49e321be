import type { Worker } from 'node:cluster'
import { EventEmitter } from 'node:events'
import { test } from 'tap'
import { closeUntaken } from '../../../src/cli/terminal/untaken.ts'

const connection = { act: 'newconn', seq: 2 }

test('a connection that a worker was given is closed if it ended without an answer, and nothing else', (t) => {
  for (const [what, said, answers, closed] of [
    ['it was given none', [], [], []],
    ['it never answered', [[connection, 'a']], [], ['a']],
    ['it answered another thing', [[connection, 'a']], [{ ack: 1 }, { act: 'close' }], ['a']],
    ['it took it, or refused it', [[connection, 'a']], [{ ack: 2, accepted: false }], []],
    [
      'it answered for one before',
      [
        [{ ...connection, seq: 1 }, 'a'],
        [connection, 'b'],
      ],
      [{ ack: 1 }],
      ['b'],
    ],
    [
      'it answered for none of two addresses',
      [
        [{ ...connection, seq: 1 }, 'a'],
        [connection, 'b'],
      ],
      [],
      ['a', 'b'],
    ],
    ['it was given a listener', [[{ ack: 5, seq: 2 }, 'listener']], [], []],
    [
      'it was told something',
      [
        [connection, undefined],
        ['text', undefined],
      ],
      [],
      [],
    ],
  ] as const) {
    const passedOn: unknown[][] = []
    const found: string[] = []
    const process = Object.assign(new EventEmitter(), {
      send: (...args: unknown[]) => {
        passedOn.push(args)
        return true
      },
    })
    closeUntaken({ process } as unknown as Worker)
    const given = said.map(([message, name]) => [
      message,
      name === undefined ? () => undefined : { close: () => found.push(name) },
    ])
    for (const args of given) t.equal(process.send(...args), true)
    for (const message of answers) process.emit('internalMessage', message)
    t.same(found, [], what)
    process.emit('close')
    t.same(passedOn, given, what)
    t.same(found, closed, what)
  }
  t.end()
})
