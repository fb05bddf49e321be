import { test } from 'tap'
import { originRefused } from '../../../src/gateway/apps/origin-refusal.ts'

const refused = (origin: string) => originRefused('shop', origin).message

test('of an Origin that is refused it is told on which list it is not, and not which it was', async (t) => {
  const [list, none] = [
    'is not among the `origins` of the app "shop" in the configuration.',
    'What was sent as Origin',
  ]
  for (const [origin, message] of [
    ['https://evil.example', `The Origin of the page ${list}`],
    ['HTTP://Localhost:3000', `The Origin of the page ${list}`],
    ['http://[::1]:8080', `The Origin of the page ${list}`],
    ['capacitor://localhost', `The Origin of the page ${list}`],
    ['', `${none} ${list}`],
    ['https://evil.example/<script>', `${none} ${list}`],
    ['https://a.example, https://b.example', `${none} ${list}`],
    ['https://evil.example\r\nx: y', `${none} ${list}`],
    [`https://${'a'.repeat(254)}`, `${none} ${list}`],
  ] as const)
    t.equal(refused(origin), message, origin)
  t.match(refused('null'), /^The Origin is null: .* `origins` of the app "shop" in the configuration\.$/)
})
