import { readFileSync } from 'node:fs'

/** The address that our pages write for a gateway. */
export const EXAMPLE_GATEWAY = 'https://beacons.example.com'

/** A block of a page that is marked with `<!-- runs: NAME -->`, word for word. */
export const snippet = (page: string, name: string): string => marked(page, `runs: ${name}`)

/** What the page says that a block is answered, marked with `<!-- answers: NAME -->`. */
export const answer = (page: string, name: string): string => marked(page, `answers: ${name}`)

function marked(page: string, mark: string): string {
  const [, after = ''] = readFileSync(page, 'utf8').split(`<!-- ${mark} -->\n`)
  const [, code] = /^```\w*\n(.*?)^```$/ms.exec(after) ?? []
  if (code === undefined || !after.startsWith('```')) throw new Error(`${page} has no ${mark}`)
  return code
}

/** The names of all that are marked. */
export const snippetNames = (page: string): string[] =>
  [...readFileSync(page, 'utf8').matchAll(/<!-- runs: (\S+) -->/g)].map(([, name = '']) => name)
