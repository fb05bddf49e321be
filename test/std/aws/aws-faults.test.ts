import { test } from 'tap'
import { awsFaultInWords } from '../../../src/std/aws/aws-faults.ts'

test('what an operator can mend is said after its code, anything else is the code', async (t) => {
  for (const [code, words] of [
    ['NoSuchBucket', 'NoSuchBucket: there is no such bucket; make it, or correct lake.bucket'],
    ['ENOTFOUND', /^ENOTFOUND: that name is not known; check .* the endpoint of the configuration$/],
    ['AccessDeniedException', /^AccessDeniedException: .* the policy of docs\/iam, /],
    ['InternalError', 'InternalError'],
    ['constructor', 'constructor'],
  ] as const)
    t.match(awsFaultInWords(code), typeof words === 'string' ? new RegExp(`^${words}$`) : words, code)
})
