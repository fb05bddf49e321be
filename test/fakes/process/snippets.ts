import { readFileSync } from 'node:fs'

/** The address that our pages write for a gateway. */
export const EXAMPLE_GATEWAY = 'https://beacons.example.com'

/** A block of a page that is marked with `<!-- runs: NAME -->`, word for word. */
export function snippet(page: string, name: string): string {
  const marked = `<!-- runs: ${name} -->\n`
  const [, after = ''] = readFileSync(page, 'utf8').split(marked)
  const [, code] = /^```\w+\n(.*?)^```$/ms.exec(after) ?? []
  if (code === undefined || !after.startsWith('```')) throw new Error(`${page} has no snippet ${name}`)
  return code
}

/** The names of all that are marked. */
export const snippetNames = (page: string): string[] =>
  [...readFileSync(page, 'utf8').matchAll(/<!-- runs: (\S+) -->/g)].map(([, name = '']) => name)
