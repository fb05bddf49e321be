import { readFile } from 'node:fs/promises'
import { type Command, EXIT } from '../terminal/command.ts'

/** From the sources as from dist/. */
const PACKAGE = new URL('../../../package.json', import.meta.url)

export const versionCommand: Command = {
  name: 'version',
  summary: 'Print the version.',
  description: 'Prints the version of Headgate and that of Node. --version does the same.',
  options: {},
  async run(_input, terminal) {
    const { version } = JSON.parse(await readFile(PACKAGE, 'utf8'))
    terminal.out(`headgate ${version} (Node ${process.versions.node})\n`)
    return EXIT.ok
  },
}
