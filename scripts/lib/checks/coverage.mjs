// Whether the last run of the suite went through every line, branch and function of src: .tap/report/lcov.info. tap cannot
// tell: where one process calls a function and another only loads its file, Node 24 reports the function at two places, once
// as called and once as not. A function counts here when it was called at one of them, and the branch that a place which was
// not called brings along is that function, not a choice.
import { readFileSync } from 'node:fs'

const gaps = []
let files = 0
for (const record of readFileSync('.tap/report/lcov.info', 'utf8').split('end_of_record\n')) {
  const file = /^SF:(.*)$/m.exec(record)?.[1]
  if (file === undefined) continue
  files += 1
  const lines = (tag) =>
    [...record.matchAll(new RegExp(`^${tag}:(.*)$`, 'gm'))].map(([, text]) => text.split(','))
  const calls = new Map()
  for (const [count, name] of lines('FNDA')) calls.set(name, [...(calls.get(name) ?? []), Number(count)])
  const isCalled = (name) => calls.get(name)?.some((count) => count > 0)
  for (const name of calls.keys()) if (!isCalled(name)) gaps.push(`${file}: ${name} is not called`)
  const loadedOnly = lines('FN').filter(([, name]) => isCalled(name) && calls.get(name).includes(0))
  const loadedOnlyAt = new Set(loadedOnly.map(([line]) => line))
  for (const [line, count] of lines('DA')) if (Number(count) === 0) gaps.push(`${file}:${line}: not run`)
  for (const [line, , , count] of lines('BRDA'))
    if (count === '0' && !loadedOnlyAt.has(line)) gaps.push(`${file}:${line}: a branch is not taken`)
}
for (const gap of gaps) console.error(gap)
console.log(`coverage: ${files} files, ${gaps.length} gaps`)
process.exitCode = files === 0 || gaps.length > 0 ? 1 : 0
