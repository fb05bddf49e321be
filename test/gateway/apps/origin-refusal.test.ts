import { test } from 'tap'
import { originRefused } from '../../../src/gateway/apps/origin-refusal.ts'

const refused = (origin: string) => originRefused('shop', origin).message

test('an Origin that is refused is named, with the list on which it is not, and in no words of its sender', async (t) => {
  const [list, none] = [
    'is not among the `origins` of the app "shop" in the configuration.',
    'What was sent as Origin',
  ]
  for (const [origin, message] of [
    ['https://evil.example', `The Origin https://evil.example ${list}`],
    ['HTTP://Localhost:3000', `The Origin http://localhost:3000 ${list}`],
    ['http://[::1]:8080', `The Origin http://[::1]:8080 ${list}`],
    ['capacitor://localhost', `The Origin capacitor://localhost ${list}`],
    ['', `${none} ${list}`],
    ['https://evil.example/<script>', `${none} ${list}`],
    ['https://a.example, https://b.example', `${none} ${list}`],
    ['https://evil.example\r\nx: y', `${none} ${list}`],
    [`https://${'a'.repeat(254)}`, `${none} ${list}`],
  ] as const)
    t.equal(refused(origin), message, origin)
  t.match(refused('null'), /^The Origin is null: .* `origins` of the app "shop" in the configuration\.$/)
})
