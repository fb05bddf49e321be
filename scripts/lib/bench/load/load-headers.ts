import { readFileSync } from 'node:fs'

/** What a load generator sends beside the body. Several: each post takes the next. */
export type HeaderSets = readonly Readonly<Record<string, string>>[]

/** Lines `name: value`, an empty line between two sets. */
export const headerText = (sets: HeaderSets): string =>
  sets
    .map((set) =>
      Object.entries(set)
        .map(([name, value]) => `${name}: ${value}\n`)
        .join(''),
    )
    .join('\n')

export const readHeaders = (file: string): HeaderSets =>
  readFileSync(file, 'utf8')
    .split('\n\n')
    .map((block) =>
      Object.fromEntries(
        block
          .split('\n')
          .filter(Boolean)
          .map((line) => line.split(/: (.*)/s)),
      ),
    )
