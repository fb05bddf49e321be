import { test } from 'tap'
import { whereNotJson } from '../../../src/std/input/json-fault.ts'

test('where a text is no JSON, and how, is told without a word of it', async (t) => {
  for (const [text, told] of [
    ['{}', ''],
    ['', ': it is empty'],
    ['{"a":"secret"', / at position 13: something that cannot stand here|: it ends before its last bracket/],
    ['a at position 3', ': it begins with neither { nor ['],
    ['name,value\nsecret,1\n', ': it begins with neither { nor ['],
    ['name=secret&value=1', ': it begins with neither { nor ['],
    ['<secret/>', ': it begins with neither { nor ['],
    ['NaN', ': it begins with neither { nor ['],
    ['  \n', ': it is empty'],
    ['[1,}]', ': something stands where a value must'],
    ['{"a":secret}', ': something stands where a value must'],
    ['{"a":', ': it ends before its last bracket'],
    ['[1,', ': it ends before its last bracket, brace or quote is closed'],
    ['{"a":1,}', ' at position 7: a comma before the end of a list or group'],
    ["{'a':1}", ' at position 1: texts and keys are in double quotes'],
    ['{a:1}', ' at position 1: keys and texts need double quotes'],
    ['[1] // why', ' at position 4: JSON has no comments'],
    ['{"a" 1}', ' at position 5: something that cannot stand here, or a comma or colon is missing before it'],
  ] as const) {
    t.match(whereNotJson(text), told, text)
    t.notMatch(whereNotJson(text), /secret/)
  }
  t.equal(whereNotJson('{}'), '')
})
